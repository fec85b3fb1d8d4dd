// BERT and those that share its list of ops: RoBERTa, XLM-RoBERTa, DistilBERT, ELECTRA, ERNIE. Norms follow the sums.

import { embeddings } from "./embeddings.js";
import type { Architecture } from "./index.js";

export const bert: Architecture = (p, c) => {
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon, activation } = c;

  let x = embeddings(p, c);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const q = p.linear(x, `${attention}.q`, heads * headDim, { bias: true });
    const k = p.linear(x, `${attention}.k`, kvHeads * headDim, { bias: true });
    const v = p.linear(x, `${attention}.v`, kvHeads * headDim, { bias: true });
    const mixed = p.attend(q, k, v, { kvHeads, headDim, causal: false });
    const a = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: true }));
    x = p.layerNorm(a, `${attention}.post_norm`, { epsilon });

    const layer = `layers.${i}.ffn`;
    const up = p.act(p.linear(x, `${layer}.up`, ffn, { bias: true }), activation);
    const f = p.add(x, p.linear(up, `${layer}.down`, dim, { bias: true }));
    x = p.layerNorm(f, `${layer}.post_norm`, { epsilon });
  }
  return x;
};
