// Olmo 2 and 3: norms of whole queries and keys, and after each half layer instead of before; in Olmo 3 layers with windows
// turn otherwise.

import type { Architecture } from "./index.js";

export const olmo2: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const localRope = c.localRope ? p.ropeTable(c.localRope) : rope;
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const turn = c.windows[i] === undefined ? rope : localRope;
    const q = p.linear(x, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(x, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(x, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const qNormed = p.norm(q, `${attention}.q_norm`, { epsilon });
    const kNormed = p.norm(k, `${attention}.k_norm`, { epsilon });
    const mixed = p.attend(p.rope(qNormed, turn, headDim), p.rope(kNormed, turn, headDim), v, {
      kvHeads,
      headDim,
      window: c.windows[i],
    });
    const o = p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput });
    x = p.add(x, p.norm(o, `${attention}.post_norm`, { epsilon }));

    const layer = `layers.${i}.ffn`;
    const gate = p.linear(x, `${layer}.gate`, ffn);
    const up = p.linear(x, `${layer}.up`, ffn);
    const down = p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim);
    x = p.add(x, p.norm(down, `${layer}.post_norm`, { epsilon }));
  }
  return p.norm(x, "norm", { epsilon });
};
