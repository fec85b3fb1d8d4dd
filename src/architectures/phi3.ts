// Phi 3 and 4: Llama with q, k and v in one matrix, and gate and up in another.

import type { Architecture } from "./index.js";

export const phi3: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;
  const [qWidth, kvWidth] = [heads * headDim, kvHeads * headDim];

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const qkv = p.linear(a, `${attention}.qkv`, qWidth + 2 * kvWidth, { bias: c.bias.qkv });
    const q = p.rope(p.slice(qkv, 0, qWidth), rope, headDim);
    const k = p.rope(p.slice(qkv, qWidth, kvWidth), rope, headDim);
    const v = p.slice(qkv, qWidth + kvWidth, kvWidth);
    const mixed = p.attend(q, k, v, { kvHeads, headDim, window: c.windows[i] });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    const both = p.linear(f, `${layer}.gate_up`, 2 * ffn);
    const gated = p.glu(p.slice(both, 0, ffn), p.slice(both, ffn, ffn), c.activation);
    x = p.add(x, p.linear(gated, `${layer}.down`, dim));
  }
  return p.norm(x, "norm", { epsilon });
};
