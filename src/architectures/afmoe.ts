// Arcee's Trinity: norms on both sides of attention and experts, attention under a gate, windows that alone turn.

import type { BufferId } from "../program/ops.js";
import { gatedUnit, mixture, sigmoidRoutes } from "./feed_forward.js";
import type { Architecture } from "./index.js";

export const afmoe: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.scale(p.embed("embed", c.vocab, dim), c.scales.embedding);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const gate = p.act(p.linear(a, `${attention}.gate`, heads * headDim), "sigmoid");
    const qNormed = p.norm(q, `${attention}.q_norm`, { epsilon, group: headDim });
    const kNormed = p.norm(k, `${attention}.k_norm`, { epsilon, group: headDim });
    const turned = (heads: BufferId) => (c.turns[i] ? p.rope(heads, rope, headDim) : heads);
    const window = c.windows[i];
    const mixed = p.attend(turned(qNormed), turned(kNormed), v, { kvHeads, headDim, window });
    const attended = p.linear(p.mul(mixed, gate), `${attention}.o`, dim, { bias: c.bias.attentionOutput });
    x = p.add(x, p.norm(attended, `${attention}.post_norm`, { epsilon }));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    x = p.add(x, p.norm(feedForward(f, layer, i), `${layer}.post_norm`, { epsilon }));
  }
  return p.norm(x, "norm", { epsilon });

  function feedForward(f: BufferId, layer: string, i: number): BufferId {
    if (!c.experts.layers[i]) return gatedUnit(p, c, f, layer, c.ffn);
    const routed = mixture(p, c, f, sigmoidRoutes(p, c, f, layer), layer);
    const { shared } = c.experts;
    return shared > 0 ? p.add(routed, gatedUnit(p, c, f, `${layer}.shared`, shared)) : routed;
  }
};
