// DeepSeek 3 and its relatives (Kimi K2, Moonlight): DeepSeek 2, with another choice of experts.

import { gatedUnit, mixture, sigmoidRoutes } from "./feed_forward.js";
import type { Architecture } from "./index.js";
import { latentAttention } from "./latent.js";

export const deepseekV3: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, c.dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    x = p.add(x, latentAttention(p, c, p.norm(x, `${attention}.norm`, { epsilon }), rope, attention));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    if (!c.experts.layers[i]) {
      x = p.add(x, gatedUnit(p, c, f, layer, c.ffn));
      continue;
    }
    const routed = mixture(p, c, f, sigmoidRoutes(p, c, f, layer), layer);
    const { shared } = c.experts;
    x = p.add(x, shared > 0 ? p.add(routed, gatedUnit(p, c, f, `${layer}.shared`, shared)) : routed);
  }
  return p.norm(x, "norm", { epsilon });
};
