// Qwen 3 with experts: Qwen 3's attention; some layers may have one network.

import { gatedUnit, mixture, softmaxRoutes } from "./feed_forward.js";
import type { Architecture } from "./index.js";

export const qwen3Moe: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const qNormed = p.norm(q, `${attention}.q_norm`, { epsilon, group: headDim });
    const kNormed = p.norm(k, `${attention}.k_norm`, { epsilon, group: headDim });
    const mixed = p.attend(p.rope(qNormed, rope, headDim), p.rope(kNormed, rope, headDim), v, {
      kvHeads,
      headDim,
      window: c.windows[i],
    });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    const made = c.experts.layers[i]
      ? mixture(p, c, f, softmaxRoutes(p, c, f, layer), layer)
      : gatedUnit(p, c, f, layer, c.ffn);
    x = p.add(x, made);
  }
  return p.norm(x, "norm", { epsilon });
};
