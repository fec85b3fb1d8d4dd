// Nomic BERT: queries and keys that turn, gates, norms that follow the sums.

import { embeddings } from "./embeddings.js";
import type { Architecture } from "./index.js";

export const nomicBert: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = embeddings(p, c);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const qkv = p.linear(x, `${attention}.qkv`, 3 * dim);
    const q = p.rope(p.slice(qkv, 0, dim), rope, headDim);
    const k = p.rope(p.slice(qkv, dim, dim), rope, headDim);
    const mixed = p.attend(q, k, p.slice(qkv, 2 * dim, dim), { kvHeads, headDim, causal: false });
    const a = p.add(x, p.linear(mixed, `${attention}.o`, dim));
    x = p.layerNorm(a, `${attention}.post_norm`, { epsilon });

    const layer = `layers.${i}.ffn`;
    const gate = p.linear(x, `${layer}.gate`, ffn);
    const up = p.linear(x, `${layer}.up`, ffn);
    const f = p.add(x, p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim));
    x = p.layerNorm(f, `${layer}.post_norm`, { epsilon });
  }
  return x;
};
