// Qwen 2 with experts: Llama's attention; beside the chosen experts one for all tokens, under a gate.

import { gatedUnit, mixture, softmaxRoutes } from "./feed_forward.js";
import type { Architecture } from "./index.js";

export const qwen2Moe: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const window = c.windows[i];
    const mixed = p.attend(p.rope(q, rope, headDim), p.rope(k, rope, headDim), v, { kvHeads, headDim, window });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    if (!c.experts.layers[i]) {
      x = p.add(x, gatedUnit(p, c, f, layer, c.ffn));
      continue;
    }
    const routed = mixture(p, c, f, softmaxRoutes(p, c, f, layer), layer);
    const gate = p.act(p.linear(f, `${layer}.shared.router`, 1), "sigmoid");
    const shared = p.mul(gatedUnit(p, c, f, `${layer}.shared`, c.experts.shared), gate);
    x = p.add(x, p.add(routed, shared));
  }
  return p.norm(x, "norm", { epsilon });
};
