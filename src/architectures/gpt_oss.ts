// gpt-oss: attention with sinks and, in every other layer, windows; experts under a clamped gate.

import type { Architecture } from "./index.js";

export const gptOss: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, heads, kvHeads, headDim, normEpsilon: epsilon } = c;
  const { count, used, ffn } = c.experts;

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
      window: c.windows[i],
      sinks: `${attention}.sinks`,
    });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    const router = p.linear(f, `${layer}.router`, count, { bias: true });
    const chosen = p.route(router, used);
    const weights = p.softmax(p.gather(router, chosen));
    const gate = p.expertLinear(f, chosen, `${layer}.experts.gate`, [count, ffn, dim], { bias: true });
    const up = p.expertLinear(f, chosen, `${layer}.experts.up`, [count, ffn, dim], { bias: true });
    const gated = p.glu(gate, up, "clamped_swish");
    x = p.add(
      x,
      p.mix(p.expertLinear(gated, chosen, `${layer}.experts.down`, [count, dim, ffn], { bias: true }), weights),
    );
  }
  return p.norm(x, "norm", { epsilon });
};
