// GPT-2: learned positions, layer norms, q, k and v in one matrix, biases everywhere.

import type { Architecture } from "./index.js";

export const gpt2: Architecture = (p, c) => {
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;
  const width = heads * headDim;

  const tokens = p.embed("embed", c.vocab, dim);
  const positions = p.embed("embed.positions", c.contextLength, dim, { index: "position" });
  let x = p.add(tokens, positions);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.layerNorm(x, `${attention}.norm`, { epsilon });
    const qkv = p.linear(a, `${attention}.qkv`, 3 * width, { bias: true });
    const [q, k, v] = [0, 1, 2].map((part) => p.slice(qkv, part * width, width)) as [number, number, number];
    const mixed = p.attend(q, k, v, { kvHeads, headDim, scale: c.scales.attention });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: true }));

    const layer = `layers.${i}.ffn`;
    const f = p.layerNorm(x, `${layer}.norm`, { epsilon });
    const up = p.act(p.linear(f, `${layer}.up`, ffn, { bias: true }), c.activation);
    x = p.add(x, p.linear(up, `${layer}.down`, dim, { bias: true }));
  }
  return p.layerNorm(x, "norm", { epsilon });
};
