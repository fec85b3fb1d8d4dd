// Gemma 3n (text): several streams of states, of which each layer computes one and corrects the others by it (AltUp, arXiv
// 2301.13310); a narrow way beside attention, sparse gates, and Gemma 4's shared keys and values and vectors of layers.

import type { Config } from "../program/config.js";
import type { BufferId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";
import { giverOf, perLayerVectors } from "./gemma4.js";
import type { Architecture } from "./index.js";

export const gemma3n: Architecture = (p, c) => {
  const { streams, sparsity, laurelRank } = c.gemma3n!;
  const ropes = { rope: p.ropeTable(c.rope), localRope: p.ropeTable(c.localRope ?? c.rope) };
  const { dim, ffn, normEpsilon: epsilon } = c;

  const embedded = p.scale(p.embed("embed", c.vocab, dim), c.scales.embedding);
  const given = perLayerVectors(p, c, embedded);
  let xs = [embedded, ...others(streams).map((j) => p.linear(embedded, `streams.expand.${j - 1}`, dim))];
  xs = alike(p, c, xs);
  for (let i = 0; i < c.layers; i++) {
    const guesses = guess(p, c, xs, i);
    const x = guesses[0]!;
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const narrow = p.linear(p.linear(a, `layers.${i}.laurel.left`, laurelRank), `layers.${i}.laurel.right`, dim);
    const beside = p.add(a, p.norm(narrow, `layers.${i}.laurel.post_norm`, { epsilon }));
    const o = p.linear(attend(p, c, a, i, ropes), `${attention}.o`, dim, { bias: c.bias.attentionOutput });
    const attended = p.add(x, p.norm(o, `${attention}.post_norm`, { epsilon }));
    const both = p.scale(p.add(attended, beside), Math.SQRT1_2);

    const layer = `layers.${i}.ffn`;
    const f = p.norm(both, `${layer}.norm`, { epsilon });
    const gate = p.sparsify(p.linear(f, `${layer}.gate`, ffn), sparsity[i]);
    const up = p.linear(f, `${layer}.up`, ffn);
    const down = p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim);
    xs = correct(p, c, guesses, p.add(both, p.norm(down, `${layer}.post_norm`, { epsilon })), i);
    xs = addGiven(p, c, xs, given, i);
  }
  const last = [xs[0]!, ...others(streams).map((j) => p.linear(xs[j]!, `streams.join.${j - 1}`, dim))];
  const joined = alike(p, c, last).reduce((sum, x) => p.add(sum, x));
  return p.norm(p.scale(joined, 1 / streams), "norm", { epsilon });
};

function others(streams: number): number[] {
  return Array.from({ length: streams - 1 }, (_, j) => j + 1);
}

/** All of them with the root mean square of the first. */
function alike(p: Recorder, { dim }: Config, [first, ...rest]: readonly BufferId[]): BufferId[] {
  const even = (x: BufferId) => p.norm(x, undefined, { epsilon: 1e-12 });
  // The sum of x^2 / rms, over dim.
  const size = p.scale(p.mix(first!, even(first!)), 1 / dim);
  return [first!, ...rest.map((x) => p.mul(even(x), size))];
}

/** What the streams say of each other: (streams) values within -1 and 1. */
function routed(p: Recorder, c: Config, x: BufferId, i: number): BufferId {
  const name = `layers.${i}.streams`;
  const normed = p.scale(p.norm(x, `${name}.norm`, { epsilon: c.normEpsilon }), 1 / c.dim);
  return p.act(p.linear(normed, `${name}.router`, c.gemma3n!.streams), "tanh");
}

/** Each stream, plus a mixture of all. */
function guess(p: Recorder, c: Config, xs: readonly BufferId[], i: number): BufferId[] {
  const { streams } = c.gemma3n!;
  const weights = p.linear(routed(p, c, xs[0]!, i), `layers.${i}.streams.guess`, streams * streams);
  const all = xs.reduce((one, x) => p.concat(one, x));
  return xs.map((x, j) => p.add(x, p.mix(all, p.slice(weights, j * streams, streams))));
}

/** By what the first stream has become instead of its guess: as much, and a factor of it, for each. */
function correct(p: Recorder, c: Config, guesses: readonly BufferId[], result: BufferId, i: number): BufferId[] {
  const { streams } = c.gemma3n!;
  const weights = p.linear(routed(p, c, result, i), `layers.${i}.streams.correct`, streams);
  const news = p.add(result, p.scale(guesses[0]!, -1));
  return guesses.map((x, j) => p.add(p.add(x, news), p.mul(news, p.slice(weights, j, 1))));
}

/** To all streams but the first, from which it is made. */
function addGiven(p: Recorder, c: Config, xs: readonly BufferId[], given: BufferId, i: number): BufferId[] {
  const { perLayer, gemma3n } = c;
  const layer = `layers.${i}.per_layer`;
  const first = gemma3n!.scaled ? p.gain(xs[0]!, `layers.${i}.streams.scale`) : xs[0]!;
  const gate = p.linear(first, `${layer}.gate`, perLayer.width);
  const gated = p.glu(gate, p.slice(given, i * perLayer.width, perLayer.width), c.activation);
  const added = p.linear(gated, `${layer}.projection`, c.dim);
  const normed = p.norm(added, `${layer}.post_norm`, { epsilon: c.normEpsilon });
  return xs.map((x, j) => (j === 0 ? x : p.add(x, normed)));
}

/** Of query heads normed, and of keys and values that this layer or an earlier one makes. */
function attend(
  p: Recorder,
  c: Config,
  a: BufferId,
  i: number,
  { rope, localRope }: { rope: number; localRope: number },
): BufferId {
  const { heads, kvHeads, headDim, normEpsilon: epsilon } = c;
  const name = `layers.${i}.attention`;
  const options = { scale: 1, window: c.windows[i] };
  const turn = c.windows[i] === undefined ? rope : localRope;
  const headNorm = { epsilon, group: headDim };
  const made = p.linear(a, `${name}.q`, heads * headDim, { bias: c.bias.qkv });
  const q = p.rope(p.norm(made, `${name}.q_norm`, headNorm), turn, headDim);
  if (i >= c.layers - c.sharing) return p.attendTo(giverOf(c, i), q, options);
  const k = p.linear(a, `${name}.k`, kvHeads * headDim, { bias: c.bias.qkv });
  const v = p.linear(a, `${name}.v`, kvHeads * headDim, { bias: c.bias.qkv });
  const turned = p.rope(p.norm(k, `${name}.k_norm`, headNorm), turn, headDim);
  return p.attend(q, turned, p.norm(v, undefined, headNorm), { ...options, kvHeads, headDim });
}
