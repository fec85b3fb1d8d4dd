// StarCoder 2 and Nemotron: layer norms, feed-forward networks without a gate.

import type { Architecture } from "./index.js";

export const starcoder2: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim } = c;
  const norm = { epsilon: c.normEpsilon, offset: c.normOffset };

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.layerNorm(x, `${attention}.norm`, norm);
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const mixed = p.attend(p.rope(q, rope, headDim), p.rope(k, rope, headDim), v, {
      kvHeads,
      headDim,
      window: c.windows[i],
    });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.layerNorm(x, `${layer}.norm`, norm);
    const up = p.act(p.linear(f, `${layer}.up`, ffn, { bias: c.bias.ffn }), c.activation);
    x = p.add(x, p.linear(up, `${layer}.down`, dim, { bias: c.bias.ffn }));
  }
  return p.layerNorm(x, "norm", norm);
};
