// Nemotron-H: each layer is one thing only: a state space, attention that does not turn, a network or experts without gates.

import type { Config } from "../program/config.js";
import type { BufferId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";
import { sigmoidRoutes } from "./feed_forward.js";
import type { Architecture } from "./index.js";
import { stateSpace } from "./state_space.js";

export const nemotronH: Architecture = (p, c) => {
  const epsilon = c.normEpsilon;
  let x = p.embed("embed", c.vocab, c.dim);
  c.recurrent.kinds.forEach((kind, i) => {
    const layer = `layers.${i}`;
    const a = p.norm(x, `${layer}.attention.norm`, { epsilon });
    if (kind === "state") x = p.add(x, stateSpace(p, c, a, `${layer}.ssm`));
    else if (kind === "attention") x = p.add(x, attention(p, c, a, `${layer}.attention`));
    else x = p.add(x, kind === "network" ? network(p, c, a, `${layer}.ffn`, c.ffn) : mixture(p, c, a, `${layer}.ffn`));
  });
  return p.norm(x, "norm", { epsilon });
};

function attention(p: Recorder, { dim, heads, kvHeads, headDim }: Config, x: BufferId, name: string): BufferId {
  const q = p.linear(x, `${name}.q`, heads * headDim);
  const k = p.linear(x, `${name}.k`, kvHeads * headDim);
  const v = p.linear(x, `${name}.v`, kvHeads * headDim);
  return p.linear(p.attend(q, k, v, { kvHeads, headDim }), `${name}.o`, dim);
}

function network(p: Recorder, c: Config, x: BufferId, name: string, ffn: number): BufferId {
  const { ffn: bias } = c.bias;
  const up = p.act(p.linear(x, `${name}.up`, ffn, { bias }), c.recurrent.network);
  return p.linear(up, `${name}.down`, c.dim, { bias });
}

/** Experts without gates; some see a narrower x. */
function mixture(p: Recorder, c: Config, x: BufferId, name: string): BufferId {
  const { count, ffn, shared } = c.experts;
  const { latent, network: activation } = c.recurrent;
  const { chosen, weights } = sigmoidRoutes(p, c, x, name);
  const width = latent || c.dim;
  const { ffn: bias } = c.bias;
  const seen = latent ? p.linear(x, `${name}.latent_in`, latent, { bias }) : x;
  const up = p.act(p.expertLinear(seen, chosen, `${name}.experts.up`, [count, ffn, width]), activation);
  const mixed = p.mix(p.expertLinear(up, chosen, `${name}.experts.down`, [count, width, ffn]), weights);
  const whole = latent ? p.linear(mixed, `${name}.latent_out`, c.dim, { bias }) : mixed;
  return p.add(whole, network(p, c, x, `${name}.shared`, shared));
}
