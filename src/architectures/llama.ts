// Llama 1 to 3.2 and all that share its list of ops: Mistral, SmolLM, TinyLlama.

import type { Architecture } from "./index.js";

export const llama: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const mixed = p.attend(p.rope(q, rope, headDim), p.rope(k, rope, headDim), v, {
      kvHeads,
      headDim,
      causal: c.causal,
      window: c.windows[i],
    });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    const gate = p.linear(f, `${layer}.gate`, ffn, { bias: c.bias.ffn });
    const up = p.linear(f, `${layer}.up`, ffn, { bias: c.bias.ffn });
    x = p.add(x, p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim, { bias: c.bias.ffn }));
  }
  return p.norm(x, "norm", { epsilon });
};
