// The encoder of T5: scores that are not scaled and gain by distance, in all layers alike; gates since its version 1.1.

import { distanceBuckets } from "../program/buckets.js";
import type { Architecture } from "./index.js";

export const t5: Architecture = (p, c) => {
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon, activation } = c;
  const { gated } = c.encoder!;
  const { count, reach } = c.encoder!.distances!;
  const distances = p.distanceTable("layers.0.attention.distances", distanceBuckets(count, reach), [count, heads]);

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim);
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim);
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim);
    const mixed = p.attend(q, k, v, { kvHeads, headDim, scale: 1, causal: false, distances });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    const first = p.linear(f, `${layer}.${gated ? "gate" : "up"}`, ffn);
    const active = gated ? p.glu(first, p.linear(f, `${layer}.up`, ffn), activation) : p.act(first, activation);
    x = p.add(x, p.linear(active, `${layer}.down`, dim));
  }
  return p.norm(x, "norm", { epsilon });
};
