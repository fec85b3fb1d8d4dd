// Jina embeddings v3: BERT's list with queries and keys that turn, which one matrix makes with the values.

import { embeddings } from "./embeddings.js";
import type { Architecture } from "./index.js";

export const jinaBertV3: Architecture = (p, c) => {
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
    const up = p.act(p.linear(x, `${layer}.up`, ffn, { bias: true }), c.activation);
    const f = p.add(x, p.linear(up, `${layer}.down`, dim, { bias: true }));
    x = p.layerNorm(f, `${layer}.post_norm`, { epsilon });
  }
  return x;
};
