// Granite 4: state spaces with attention in some layers, which need not turn; experts beside a network for all tokens.

import type { Config } from "../program/config.js";
import type { BufferId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";
import { gatedUnit, mixture } from "./feed_forward.js";
import type { Architecture } from "./index.js";
import { stateSpace } from "./state_space.js";

export const graniteHybrid: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const epsilon = c.normEpsilon;
  const { embedding, residual } = c.scales;
  let x = p.scale(p.embed("embed", c.vocab, c.dim), embedding);
  for (let i = 0; i < c.layers; i++) {
    const layer = `layers.${i}`;
    const a = p.norm(x, `${layer}.attention.norm`, { epsilon });
    const turn = (states: BufferId) => (c.turns[i] ? p.rope(states, rope, c.headDim) : states);
    const mixed = c.recurrent.layers[i]
      ? stateSpace(p, c, a, `${layer}.ssm`)
      : attention(p, c, a, `${layer}.attention`, turn);
    x = p.add(x, p.scale(mixed, residual));
    x = p.add(x, p.scale(network(p, c, p.norm(x, `${layer}.ffn.norm`, { epsilon }), `${layer}.ffn`), residual));
  }
  return p.norm(x, "norm", { epsilon });
};

function attention(p: Recorder, c: Config, x: BufferId, name: string, turn: (states: BufferId) => BufferId): BufferId {
  const { dim, heads, kvHeads, headDim, bias, scales } = c;
  const q = p.linear(x, `${name}.q`, heads * headDim, { bias: bias.qkv });
  const k = p.linear(x, `${name}.k`, kvHeads * headDim, { bias: bias.qkv });
  const v = p.linear(x, `${name}.v`, kvHeads * headDim, { bias: bias.qkv });
  const mixed = p.attend(turn(q), turn(k), v, { kvHeads, headDim, scale: scales.attention });
  return p.linear(mixed, `${name}.o`, dim, { bias: bias.attentionOutput });
}

/** The experts with the largest logits, whose weights sum to 1. */
function network(p: Recorder, c: Config, x: BufferId, name: string): BufferId {
  const { count, used, shared } = c.experts;
  const common = shared > 0 ? gatedUnit(p, c, x, `${name}.shared`, shared) : gatedUnit(p, c, x, name, c.ffn);
  if (count === 0) return common;
  const logits = p.linear(x, `${name}.router`, count);
  const chosen = p.route(logits, used);
  return p.add(mixture(p, c, x, { chosen, weights: p.softmax(p.gather(logits, chosen)) }, name), common);
}
