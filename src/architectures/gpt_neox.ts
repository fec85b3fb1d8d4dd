// GPT-NeoX and Pythia: q, k and v in one matrix, part of each head that turns, halves of a layer beside each other.

import type { BufferId } from "../program/ops.js";
import type { Architecture } from "./index.js";

export const gptNeox: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;
  // Each head's three after another, or all of one kind.
  const group = c.qkvByHead ? headDim : heads * headDim;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.layerNorm(x, `${attention}.norm`, { epsilon });
    const qkv = p.linear(a, `${attention}.qkv`, 3 * heads * headDim, { bias: c.bias.qkv });
    const part = (index: number): BufferId => p.slice(qkv, index * group, group, 3 * group);
    const mixed = p.attend(p.rope(part(0), rope, headDim), p.rope(part(1), rope, headDim), part(2), {
      kvHeads,
      headDim,
    });
    const both = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.layerNorm(c.parallel ? x : both, `${layer}.norm`, { epsilon });
    const up = p.act(p.linear(f, `${layer}.up`, ffn, { bias: true }), c.activation);
    x = p.add(both, p.linear(up, `${layer}.down`, dim, { bias: true }));
  }
  return p.layerNorm(x, "norm", { epsilon });
};
