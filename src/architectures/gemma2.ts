// Gemma 2: norms before and after each half layer, softcaps, windows in every other layer. HyperCLOVA X, which scales.

import type { Architecture } from "./index.js";

export const gemma2: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim, scales } = c;
  const norm = { epsilon: c.normEpsilon, offset: c.normOffset };

  let x = p.scale(p.embed("embed", c.vocab, dim), scales.embedding);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, norm);
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const mixed = p.attend(p.rope(q, rope, headDim), p.rope(k, rope, headDim), v, {
      kvHeads,
      headDim,
      scale: scales.attention,
      window: c.windows[i],
      softcap: c.attentionSoftcap,
    });
    const o = p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput });
    x = p.add(x, p.scale(p.norm(o, `${attention}.post_norm`, norm), scales.residual));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, norm);
    const gate = p.linear(f, `${layer}.gate`, ffn, { bias: c.bias.ffn });
    const up = p.linear(f, `${layer}.up`, ffn, { bias: c.bias.ffn });
    const down = p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim, { bias: c.bias.ffn });
    x = p.add(x, p.scale(p.norm(down, `${layer}.post_norm`, norm), scales.residual));
  }
  return p.norm(x, "norm", norm);
};
