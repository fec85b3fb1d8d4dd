// Qwen 3 (dense): a norm on each query and key head before they turn, and heads wider than dim / heads.

import type { Architecture } from "./index.js";

export const qwen3: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const qNormed = p.norm(q, `${attention}.q_norm`, { epsilon, group: headDim });
    const kNormed = p.norm(k, `${attention}.k_norm`, { epsilon, group: headDim });
    const mixed = p.attend(p.rope(qNormed, rope, headDim), p.rope(kNormed, rope, headDim), v, {
      kvHeads,
      headDim,
      causal: c.causal,
      window: c.windows[i],
    });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    const gate = p.linear(f, `${layer}.gate`, ffn);
    const up = p.linear(f, `${layer}.up`, ffn);
    x = p.add(x, p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim));
  }
  return p.norm(x, "norm", { epsilon });
};
