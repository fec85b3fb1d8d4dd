// Gemma 3 (text): Gemma 2 with a norm on each query and key head instead of softcaps; layers with windows turn otherwise.

import type { Architecture } from "./index.js";

export const gemma3: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const localRope = p.ropeTable(c.localRope ?? c.rope);
  const { dim, ffn, heads, kvHeads, headDim, scales } = c;
  const norm = { epsilon: c.normEpsilon, offset: c.normOffset };
  const headNorm = { ...norm, group: headDim };

  let x = p.scale(p.embed("embed", c.vocab, dim), scales.embedding);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const turn = c.windows[i] === undefined ? rope : localRope;
    const a = p.norm(x, `${attention}.norm`, norm);
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const qNormed = p.norm(q, `${attention}.q_norm`, headNorm);
    const kNormed = p.norm(k, `${attention}.k_norm`, headNorm);
    const mixed = p.attend(p.rope(qNormed, turn, headDim), p.rope(kNormed, turn, headDim), v, {
      kvHeads,
      headDim,
      causal: c.causal,
      scale: scales.attention,
      window: c.windows[i],
    });
    const o = p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput });
    x = p.add(x, p.norm(o, `${attention}.post_norm`, norm));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, norm);
    const gate = p.linear(f, `${layer}.gate`, ffn);
    const up = p.linear(f, `${layer}.up`, ffn);
    const down = p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim);
    x = p.add(x, p.norm(down, `${layer}.post_norm`, norm));
  }
  return p.norm(x, "norm", norm);
};
