// GLM 4 of 2025: GLM with norms after each half layer, too.

import type { Architecture } from "./index.js";

export const glm4: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const mixed = p.attend(p.rope(q, rope, headDim), p.rope(k, rope, headDim), v, { kvHeads, headDim });
    x = p.add(x, p.norm(p.linear(mixed, `${attention}.o`, dim), `${attention}.post_norm`, { epsilon }));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    const both = p.linear(f, `${layer}.gate_up`, 2 * ffn);
    const gated = p.glu(p.slice(both, 0, ffn), p.slice(both, ffn, ffn), c.activation);
    x = p.add(x, p.norm(p.linear(gated, `${layer}.down`, dim), `${layer}.post_norm`, { epsilon }));
  }
  return p.norm(x, "norm", { epsilon });
};
