// DeBERTa v2 and v3: BERT's list, with scores that gain by what queries and keys make of their distance.

import { disentangledRows } from "../program/buckets.js";
import { embeddings } from "./embeddings.js";
import type { Architecture } from "./index.js";

export const deberta: Architecture = (p, c) => {
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon, activation } = c;
  const { span, normed, sameMatrices, byQuery, byKey } = c.encoder!.disentangled!;
  const distances = p.distanceNumbers(disentangledRows(c.encoder!.disentangled!));
  const norm = normed ? "distances.norm" : undefined;
  const table = { table: "distances", rows: 2 * span, columns: dim, norm, epsilon, headDim };
  const scale = 1 / Math.sqrt(headDim * (1 + Number(byQuery) + Number(byKey)));

  let x = embeddings(p, c);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const own = sameMatrices ? "" : "position_";
    const q = p.linear(x, `${attention}.q`, heads * headDim, { bias: true });
    const k = p.linear(x, `${attention}.k`, kvHeads * headDim, { bias: true });
    const v = p.linear(x, `${attention}.v`, kvHeads * headDim, { bias: true });
    const gains = {
      byQuery: byQuery ? p.rowScores(q, { ...table, weight: `${attention}.${own}k` }) : undefined,
      byKey: byKey ? p.rowScores(k, { ...table, weight: `${attention}.${own}q` }) : undefined,
    };
    const mixed = p.attend(q, k, v, { kvHeads, headDim, scale, causal: false, distances, ...gains });
    const a = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: true }));
    x = p.layerNorm(a, `${attention}.post_norm`, { epsilon });

    const layer = `layers.${i}.ffn`;
    const up = p.act(p.linear(x, `${layer}.up`, ffn, { bias: true }), activation);
    const f = p.add(x, p.linear(up, `${layer}.down`, dim, { bias: true }));
    x = p.layerNorm(f, `${layer}.post_norm`, { epsilon });
  }
  return x;
};
