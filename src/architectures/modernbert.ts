// ModernBERT: norms before both halves of a layer but the first, gates, and windows in most layers, which turn otherwise.

import { embeddings } from "./embeddings.js";
import type { Architecture } from "./index.js";

export const modernbert: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const localRope = p.ropeTable(c.localRope!);
  const { dim, ffn, kvHeads, headDim } = c;
  const norm = { epsilon: c.normEpsilon, bias: c.encoder!.normBias };

  let x = embeddings(p, c);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const turn = c.windows[i] === undefined ? rope : localRope;
    const a = i === 0 ? x : p.layerNorm(x, `${attention}.norm`, norm);
    const qkv = p.linear(a, `${attention}.qkv`, 3 * dim, { bias: c.bias.qkv });
    const q = p.rope(p.slice(qkv, 0, dim), turn, headDim);
    const k = p.rope(p.slice(qkv, dim, dim), turn, headDim);
    const v = p.slice(qkv, 2 * dim, dim);
    const mixed = p.attend(q, k, v, { kvHeads, headDim, causal: false, window: c.windows[i] });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.layerNorm(x, `${layer}.norm`, norm);
    const both = p.linear(f, `${layer}.gate_up`, 2 * ffn, { bias: c.bias.ffn });
    const gated = p.glu(p.slice(both, 0, ffn), p.slice(both, ffn, ffn), c.activation);
    x = p.add(x, p.linear(gated, `${layer}.down`, dim, { bias: c.bias.ffn }));
  }
  return p.layerNorm(x, "norm", norm);
};
