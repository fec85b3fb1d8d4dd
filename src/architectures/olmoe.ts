// OLMoE: norms of the whole query and key before they turn, and experts.

import { mixture, softmaxRoutes } from "./feed_forward.js";
import type { Architecture } from "./index.js";

export const olmoe: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const qNormed = p.norm(q, `${attention}.q_norm`, { epsilon });
    const kNormed = p.norm(k, `${attention}.k_norm`, { epsilon });
    const mixed = p.attend(p.rope(qNormed, rope, headDim), p.rope(kNormed, rope, headDim), v, { kvHeads, headDim });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    x = p.add(x, mixture(p, c, f, softmaxRoutes(p, c, f, layer), layer));
  }
  return p.norm(x, "norm", { epsilon });
};
