// GTE: Nomic BERT's list with one matrix for gate and up, which has no bias.

import { embeddings } from "./embeddings.js";
import type { Architecture } from "./index.js";

export const gte: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = embeddings(p, c);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const qkv = p.linear(x, `${attention}.qkv`, 3 * dim, { bias: true });
    const q = p.rope(p.slice(qkv, 0, dim), rope, headDim);
    const k = p.rope(p.slice(qkv, dim, dim), rope, headDim);
    const mixed = p.attend(q, k, p.slice(qkv, 2 * dim, dim), { kvHeads, headDim, causal: false });
    const a = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: true }));
    x = p.layerNorm(a, `${attention}.post_norm`, { epsilon });

    const layer = `layers.${i}.ffn`;
    const both = p.linear(x, `${layer}.up_gate`, 2 * ffn);
    const gated = p.glu(p.slice(both, ffn, ffn), p.slice(both, 0, ffn), c.activation);
    const f = p.add(x, p.linear(gated, `${layer}.down`, dim, { bias: true }));
    x = p.layerNorm(f, `${layer}.post_norm`, { epsilon });
  }
  return x;
};
