// Apertus: norms of query and key heads, and feed-forward networks without a gate, whose activation has numbers of its own.

import type { Architecture } from "./index.js";

export const apertus: Architecture = (p, c) => {
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
    const mixed = p.attend(p.rope(qNormed, rope, headDim), p.rope(kNormed, rope, headDim), v, { kvHeads, headDim });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    const up = p.xielu(p.linear(f, `${layer}.up`, ffn), `${layer}.alpha_p`, `${layer}.alpha_n`);
    x = p.add(x, p.linear(up, `${layer}.down`, dim));
  }
  return p.norm(x, "norm", { epsilon });
};
