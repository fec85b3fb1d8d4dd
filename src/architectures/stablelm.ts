// StableLM: layer norms; in some, norms of query and key heads with weights of their own, and halves of a layer beside each
// other.

import type { Architecture } from "./index.js";

export const stablelm: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;
  const headNorm = { epsilon, group: headDim, apart: true, bias: false };

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.layerNorm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const qNormed = c.headNorms ? p.layerNorm(q, `${attention}.q_norm`, headNorm) : q;
    const kNormed = c.headNorms ? p.layerNorm(k, `${attention}.k_norm`, headNorm) : k;
    const mixed = p.attend(p.rope(qNormed, rope, headDim), p.rope(kNormed, rope, headDim), v, { kvHeads, headDim });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim));

    const layer = `layers.${i}.ffn`;
    const f = c.parallel ? a : p.layerNorm(x, `${layer}.norm`, { epsilon });
    const gate = p.linear(f, `${layer}.gate`, ffn);
    const up = p.linear(f, `${layer}.up`, ffn);
    x = p.add(x, p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim));
  }
  return p.layerNorm(x, "norm", { epsilon });
};
