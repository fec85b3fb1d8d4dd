// LFM 2: short convolutions between two gates, Qwen 3's attention in some layers; experts by sigmoids in some.

import type { Config } from "../program/config.js";
import type { BufferId, RopeId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";
import { gatedUnit, mixture, type Routes } from "./feed_forward.js";
import type { Architecture } from "./index.js";

export const lfm2: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const epsilon = c.normEpsilon;
  let x = p.embed("embed", c.vocab, c.dim);
  for (let i = 0; i < c.layers; i++) {
    const layer = `layers.${i}`;
    const a = p.norm(x, `${layer}.attention.norm`, { epsilon });
    x = p.add(x, c.recurrent.layers[i] ? convolution(p, c, layer, a) : attention(p, c, layer, a, rope));
    const f = p.norm(x, `${layer}.ffn.norm`, { epsilon });
    const name = `${layer}.ffn`;
    const made = c.experts.layers[i] ? mixture(p, c, f, routes(p, c, f, name), name) : gatedUnit(p, c, f, name, c.ffn);
    x = p.add(x, made);
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

/** Experts are chosen by their sigmoid and a correction, and weighed by their sigmoid alone. */
function routes(p: Recorder, { experts }: Config, x: BufferId, name: string): Routes {
  const { count, used, share, scale } = experts;
  const scores = p.act(p.linear(x, `${name}.router`, count), "sigmoid");
  const chosen = p.route(p.shift(scores, `${name}.correction.bias`), used);
  const weights = p.gather(scores, chosen);
  return { chosen, weights: p.scale(share ? p.share(weights, 1e-6) : weights, scale) };
}
