// FlexOlmo: OLMoE, with norms of what attention and experts make instead of what they read.

import { mixture, softmaxRoutes } from "./feed_forward.js";
import type { Architecture } from "./index.js";

export const flexOlmo: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const q = p.linear(x, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(x, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(x, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const qNormed = p.norm(q, `${attention}.q_norm`, { epsilon });
    const kNormed = p.norm(k, `${attention}.k_norm`, { epsilon });
    const mixed = p.attend(p.rope(qNormed, rope, headDim), p.rope(kNormed, rope, headDim), v, { kvHeads, headDim });
    const attended = p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput });
    x = p.add(x, p.norm(attended, `${attention}.post_norm`, { epsilon }));

    const layer = `layers.${i}.ffn`;
    const made = mixture(p, c, x, softmaxRoutes(p, c, x, layer), layer);
    x = p.add(x, p.norm(made, `${layer}.post_norm`, { epsilon }));
  }
  return p.norm(x, "norm", { epsilon });
};
