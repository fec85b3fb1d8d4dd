// Olmo 1: layer norms without weights, queries, keys and values within bounds.

import type { Architecture } from "./index.js";

export const olmo: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.layerNorm(x, undefined, { epsilon });
    const q = p.clamp(p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv }), c.qkvCap);
    const k = p.clamp(p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv }), c.qkvCap);
    const v = p.clamp(p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv }), c.qkvCap);
    const mixed = p.attend(p.rope(q, rope, headDim), p.rope(k, rope, headDim), v, { kvHeads, headDim });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.layerNorm(x, undefined, { epsilon });
    const gate = p.linear(f, `${layer}.gate`, ffn);
    const up = p.linear(f, `${layer}.up`, ffn);
    x = p.add(x, p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim));
  }
  return p.layerNorm(x, undefined, { epsilon });
};
