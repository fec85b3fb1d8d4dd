// LFM 2: short convolutions between two gates, Qwen 3's attention in some layers; experts by sigmoids in some.

import type { Config } from "../program/config.js";
import type { BufferId, RopeId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";
import type { Architecture } from "./index.js";
import { gatedNetwork } from "./parts.js";

export const lfm2: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const epsilon = c.normEpsilon;
  let x = p.embed("embed", c.vocab, c.dim);
  for (let i = 0; i < c.layers; i++) {
    const layer = `layers.${i}`;
    const a = p.norm(x, `${layer}.attention.norm`, { epsilon });
    x = p.add(x, c.recurrent.layers[i] ? convolution(p, c, layer, a) : attention(p, c, layer, a, rope));
    const f = p.norm(x, `${layer}.ffn.norm`, { epsilon });
    x = p.add(x, c.experts.layers[i] ? mixture(p, c, layer, f) : gatedNetwork(p, c, `${layer}.ffn`, f, c.ffn));
  }
  return p.norm(x, "norm", { epsilon });
};

function convolution(p: Recorder, { dim, recurrent }: Config, layer: string, x: BufferId): BufferId {
  const { taps, bias } = recurrent;
  const all = p.linear(x, `${layer}.conv.in`, 3 * dim, { bias: bias.in });
  const [before, after, value] = [0, 1, 2].map((i) => p.slice(all, i * dim, dim)) as [BufferId, BufferId, BufferId];
  const mixed = p.shortConv(p.mul(before, value), `${layer}.conv.taps`, taps, { bias: bias.taps });
  return p.linear(p.mul(after, mixed), `${layer}.conv.out`, dim, { bias: bias.out });
}

function attention(p: Recorder, c: Config, layer: string, x: BufferId, rope: RopeId): BufferId {
  const { dim, heads, kvHeads, headDim, normEpsilon: epsilon } = c;
  const name = `${layer}.attention`;
  const q = p.linear(x, `${name}.q`, heads * headDim);
  const k = p.linear(x, `${name}.k`, kvHeads * headDim);
  const v = p.linear(x, `${name}.v`, kvHeads * headDim);
  const qNormed = p.norm(q, `${name}.q_norm`, { epsilon, group: headDim });
  const kNormed = p.norm(k, `${name}.k_norm`, { epsilon, group: headDim });
  const mixed = p.attend(p.rope(qNormed, rope, headDim), p.rope(kNormed, rope, headDim), v, { kvHeads, headDim });
  return p.linear(mixed, `${name}.o`, dim);
}

/** Experts are chosen by their sigmoid and a bias, and weighed by their sigmoid alone. */
function mixture(p: Recorder, { dim, experts, activation }: Config, layer: string, x: BufferId): BufferId {
  const { count, used, ffn, share, scale } = experts;
  const name = `${layer}.ffn`;
  const scores = p.act(p.linear(x, `${name}.router`, count), "sigmoid");
  const chosen = p.route(p.shift(scores, `${name}.correction.bias`), used);
  const weights = p.gather(scores, chosen);
  const gate = p.expertLinear(x, chosen, `${name}.experts.gate`, [count, ffn, dim]);
  const up = p.expertLinear(x, chosen, `${name}.experts.up`, [count, ffn, dim]);
  const down = p.expertLinear(p.glu(gate, up, activation), chosen, `${name}.experts.down`, [count, dim, ffn]);
  return p.mix(down, p.scale(share ? p.share(weights, 1e-6) : weights, scale));
}
