// OPT of 350 M parameters: norms after each half layer instead of before, none at the end, and narrower embeddings.

import type { Architecture } from "./index.js";
import { unusedPositions } from "./opt.js";

export const opt350m: Architecture = (p, c) => {
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;
  const { wordDim } = c.opt!;
  const narrow = wordDim !== dim;

  const words = p.embed("embed", c.vocab, wordDim);
  const tokens = narrow ? p.linear(words, "embed.projection", dim) : words;
  const positions = p.embed("embed.positions", c.contextLength + unusedPositions, dim, {
    index: "position",
    offset: unusedPositions,
  });
  let x = p.add(tokens, positions);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const q = p.linear(x, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(x, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(x, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const mixed = p.attend(q, k, v, { kvHeads, headDim });
    const attended = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));
    x = p.layerNorm(attended, `${attention}.norm`, { epsilon });

    const layer = `layers.${i}.ffn`;
    const up = p.act(p.linear(x, `${layer}.up`, ffn, { bias: c.bias.ffn }), c.activation);
    const both = p.add(x, p.linear(up, `${layer}.down`, dim, { bias: c.bias.ffn }));
    x = p.layerNorm(both, `${layer}.norm`, { epsilon });
  }
  return narrow ? p.linear(x, "output.projection", wordDim) : x;
};
