// Falcon-H1: attention and a state space side by side in every layer, with factors everywhere.

import type { Config } from "../program/config.js";
import type { BufferId, RopeId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";
import type { Architecture } from "./index.js";
import { stateSpace } from "./state_space.js";

export const falconH1: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const epsilon = c.normEpsilon;
  let x = p.scale(p.embed("embed", c.vocab, c.dim), c.scales.embedding);
  for (let i = 0; i < c.layers; i++) {
    const layer = `layers.${i}`;
    const a = p.norm(x, `${layer}.attention.norm`, { epsilon });
    x = p.add(x, p.add(stateSpace(p, c, a, `${layer}.ssm`), attention(p, c, a, `${layer}.attention`, rope)));
    x = p.add(x, network(p, c, p.norm(x, `${layer}.ffn.norm`, { epsilon }), `${layer}.ffn`));
  }
  return p.norm(x, "norm", { epsilon });
};

function attention(p: Recorder, c: Config, states: BufferId, name: string, rope: RopeId): BufferId {
  const { dim, heads, kvHeads, headDim, bias } = c;
  const { attentionIn, attentionOut, key } = c.recurrent.multipliers;
  const x = p.scale(states, attentionIn);
  const q = p.linear(x, `${name}.q`, heads * headDim, { bias: bias.qkv });
  const k = p.scale(p.linear(x, `${name}.k`, kvHeads * headDim, { bias: bias.qkv }), key);
  const v = p.linear(x, `${name}.v`, kvHeads * headDim, { bias: bias.qkv });
  const mixed = p.attend(p.rope(q, rope, headDim), p.rope(k, rope, headDim), v, { kvHeads, headDim });
  return p.scale(p.linear(mixed, `${name}.o`, dim, { bias: bias.attentionOutput }), attentionOut);
}

function network(p: Recorder, c: Config, x: BufferId, name: string): BufferId {
  const { ffnGate, ffnOut } = c.recurrent.multipliers;
  const bias = c.bias.ffn;
  const gate = p.scale(p.linear(x, `${name}.gate`, c.ffn, { bias }), ffnGate);
  const up = p.linear(x, `${name}.up`, c.ffn, { bias });
  return p.scale(p.linear(p.glu(gate, up, c.activation), `${name}.down`, c.dim, { bias }), ffnOut);
}
