// Granite 3 with experts, and with one for all tokens beside them: Llama's attention, and scales everywhere.

import { gatedUnit, mixture, softmaxRoutes } from "./feed_forward.js";
import type { Architecture } from "./index.js";

export const graniteMoe: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, heads, kvHeads, headDim, normEpsilon: epsilon } = c;
  const { embedding, residual, attention: scale } = c.scales;

  let x = p.scale(p.embed("embed", c.vocab, dim), embedding);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const mixed = p.attend(p.rope(q, rope, headDim), p.rope(k, rope, headDim), v, { kvHeads, headDim, scale });
    x = p.add(x, p.scale(p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }), residual));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    const routed = mixture(p, c, f, softmaxRoutes(p, c, f, layer), layer);
    const { shared } = c.experts;
    const made = shared > 0 ? p.add(routed, gatedUnit(p, c, f, `${layer}.shared`, shared)) : routed;
    x = p.add(x, p.scale(made, residual));
  }
  return p.norm(x, "norm", { epsilon });
};
