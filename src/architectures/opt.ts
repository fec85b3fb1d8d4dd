// OPT, but for that of 350 M parameters: learned positions, of which the first two rows stand for nothing, and layer norms.

import type { Architecture } from "./index.js";

export const unusedPositions = 2;

export const opt: Architecture = (p, c) => {
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  const tokens = p.embed("embed", c.vocab, dim);
  const positions = p.embed("embed.positions", c.contextLength + unusedPositions, dim, {
    index: "position",
    offset: unusedPositions,
  });
  let x = p.add(tokens, positions);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.layerNorm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const mixed = p.attend(q, k, v, { kvHeads, headDim });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.layerNorm(x, `${layer}.norm`, { epsilon });
    const up = p.act(p.linear(f, `${layer}.up`, ffn, { bias: c.bias.ffn }), c.activation);
    x = p.add(x, p.linear(up, `${layer}.down`, dim, { bias: c.bias.ffn }));
  }
  return p.layerNorm(x, "norm", { epsilon });
};
