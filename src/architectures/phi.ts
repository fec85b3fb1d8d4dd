// Phi 1, 1.5 and 2: one layer norm for both halves of a layer, which stand beside each other; biases everywhere.

import type { Architecture } from "./index.js";

export const phi: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.layerNorm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: true });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: true });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: true });
    const mixed = p.attend(p.rope(q, rope, headDim), p.rope(k, rope, headDim), v, { kvHeads, headDim });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: true }));

    const layer = `layers.${i}.ffn`;
    const up = p.act(p.linear(a, `${layer}.up`, ffn, { bias: true }), c.activation);
    x = p.add(x, p.linear(up, `${layer}.down`, dim, { bias: true }));
  }
  return p.layerNorm(x, "norm", { epsilon });
};
