// Hunyuan (dense): Llama with a norm on each query and key head after they turn.

import type { Architecture } from "./index.js";

export const hunyuan: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const qNormed = p.norm(p.rope(q, rope, headDim), `${attention}.q_norm`, { epsilon, group: headDim });
    const kNormed = p.norm(p.rope(k, rope, headDim), `${attention}.k_norm`, { epsilon, group: headDim });
    const mixed = p.attend(qNormed, kNormed, v, { kvHeads, headDim });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    const gate = p.linear(f, `${layer}.gate`, ffn);
    const up = p.linear(f, `${layer}.up`, ffn);
    x = p.add(x, p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim));
  }
  return p.norm(x, "norm", { epsilon });
};
