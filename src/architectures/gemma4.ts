// Gemma 4 (text): Gemma 3 with narrower heads in layers with windows, last layers that use keys and values of earlier ones,
// vectors that each layer is given of each token, and in some experts beside the network that all tokens use.

import type { Config } from "../program/config.js";
import type { BufferId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";
import type { Architecture } from "./index.js";

export const gemma4: Architecture = (p, c) => {
  const own = c.gemma4!;
  const ropes = { rope: p.ropeTable(c.rope), localRope: p.ropeTable(c.localRope ?? c.rope) };
  const { dim, normEpsilon: epsilon } = c;

  let x = p.scale(p.embed("embed", c.vocab, dim), c.scales.embedding);
  const given = c.perLayer.width > 0 ? perLayerVectors(p, c, x) : undefined;
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const o = p.linear(attend(p, c, a, i, ropes), `${attention}.o`, dim, { bias: c.bias.attentionOutput });
    x = p.add(x, p.norm(o, `${attention}.post_norm`, { epsilon }));

    const layer = `layers.${i}.ffn`;
    const ffn = i < c.layers - c.sharing ? c.ffn : own.sharingFfn;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    const gate = p.linear(f, `${layer}.gate`, ffn);
    const up = p.linear(f, `${layer}.up`, ffn);
    const down = p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim);
    const both = c.experts.count > 0 ? addExperts(p, c, x, down, layer) : down;
    x = p.add(x, p.norm(both, `${layer}.post_norm`, { epsilon }));

    if (given !== undefined) x = addGiven(p, c, x, given, i);
    x = p.gain(x, `layers.${i}.scale`, 1);
  }
  return p.norm(x, "norm", { epsilon });
};

/** Of query heads normed, and of keys and values that this layer or an earlier one makes. */
function attend(
  p: Recorder,
  c: Config,
  a: BufferId,
  i: number,
  { rope, localRope }: { rope: number; localRope: number },
): BufferId {
  const { heads, normEpsilon: epsilon } = c;
  const own = c.gemma4!;
  const name = `layers.${i}.attention`;
  const window = c.windows[i];
  const [turn, headDim, kvHeads] =
    window === undefined ? [rope, c.headDim, c.kvHeads] : [localRope, own.localHeadDim, own.localKvHeads];
  const options = { scale: 1, window };
  const headNorm = { epsilon, group: headDim };
  const made = p.linear(a, `${name}.q`, heads * headDim, { bias: c.bias.qkv });
  const q = p.rope(p.norm(made, `${name}.q_norm`, headNorm), turn, headDim);
  if (i >= c.layers - c.sharing) return p.attendTo(giverOf(c, i), q, options);
  const k = p.linear(a, `${name}.k`, kvHeads * headDim, { bias: c.bias.qkv });
  const valuesAreKeys = own.keysAreValues && window === undefined;
  const v = valuesAreKeys ? k : p.linear(a, `${name}.v`, kvHeads * headDim, { bias: c.bias.qkv });
  const turned = p.rope(p.norm(k, `${name}.k_norm`, headNorm), turn, headDim);
  return p.attend(q, turned, p.norm(v, undefined, headNorm), { ...options, kvHeads, headDim });
}

/** The last layer of the same kind that makes keys and values. */
export function giverOf(c: Config, i: number): number {
  const kinds = c.windows.slice(0, c.layers - c.sharing).map((window) => window === undefined);
  return kinds.lastIndexOf(c.windows[i] === undefined);
}

/** Beside the network that all tokens use, `down`: each of the two is normed for itself. */
function addExperts(p: Recorder, c: Config, x: BufferId, down: BufferId, layer: string): BufferId {
  const { dim, normEpsilon: epsilon } = c;
  const { count, used, ffn } = c.experts;
  const scaled = p.scale(p.gain(p.norm(x, undefined, { epsilon }), `${layer}.router.scale`), dim ** -0.5);
  const shares = p.softmax(p.linear(scaled, `${layer}.router`, count));
  const chosen = p.route(shares, used);
  // What each expert counts besides, whatever its share.
  const factors = p.shift(p.scale(shares, 0), `${layer}.router.factors`);
  const weights = p.mul(p.share(p.gather(shares, chosen)), p.gather(factors, chosen));
  const f = p.norm(x, `${layer}.experts.norm`, { epsilon });
  const gate = p.expertLinear(f, chosen, `${layer}.experts.gate`, [count, ffn, dim]);
  const up = p.expertLinear(f, chosen, `${layer}.experts.up`, [count, ffn, dim]);
  const gated = p.glu(gate, up, c.activation);
  const mixed = p.mix(p.expertLinear(gated, chosen, `${layer}.experts.down`, [count, dim, ffn]), weights);
  const first = p.norm(down, `${layer}.first_norm`, { epsilon });
  return p.add(first, p.norm(mixed, `${layer}.experts.post_norm`, { epsilon }));
}

/** Of all layers one after another: a table's, and what the embedding becomes, (layers * width). */
export function perLayerVectors(p: Recorder, c: Config, x: BufferId): BufferId {
  const { width, vocab } = c.perLayer;
  const table = p.scale(p.embed("per_layer.embed", vocab, c.layers * width), Math.sqrt(width));
  const projected = p.scale(p.linear(x, "per_layer.projection", c.layers * width), c.dim ** -0.5);
  const normed = p.norm(projected, "per_layer.norm", { epsilon: c.normEpsilon, group: width });
  return p.scale(p.add(normed, table), Math.SQRT1_2);
}

function addGiven(p: Recorder, c: Config, x: BufferId, given: BufferId, i: number): BufferId {
  const { width } = c.perLayer;
  const layer = `layers.${i}.per_layer`;
  const gate = p.linear(x, `${layer}.gate`, width);
  const gated = p.glu(gate, p.slice(given, i * width, width), c.activation);
  const added = p.linear(gated, `${layer}.projection`, c.dim);
  return p.add(x, p.norm(added, `${layer}.post_norm`, { epsilon: c.normEpsilon }));
}
