// Hunyuan with experts: queries and keys are normed after they have turned; one network for all tokens beside the experts.

import { gatedUnit, mixture, softmaxRoutes } from "./feed_forward.js";
import type { Architecture } from "./index.js";

export const hunyuanMoe: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const qNormed = p.norm(p.rope(q, rope, headDim), `${attention}.q_norm`, { epsilon, group: headDim });
    const kNormed = p.norm(p.rope(k, rope, headDim), `${attention}.k_norm`, { epsilon, group: headDim });
    const mixed = p.attend(qNormed, kNormed, v, { kvHeads, headDim });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    const routed = mixture(p, c, f, softmaxRoutes(p, c, f, layer), layer);
    x = p.add(x, p.add(routed, gatedUnit(p, c, f, `${layer}.shared`, c.experts.shared)));
  }
  return p.norm(x, "norm", { epsilon });
};
