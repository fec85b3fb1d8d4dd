// Mixtral: Llama's attention, and experts, of which the weights of the chosen ones sum to 1.

import type { Architecture } from "./index.js";

export const mixtral: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, heads, kvHeads, headDim, normEpsilon: epsilon } = c;
  const { count, used, ffn } = c.experts;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, { epsilon });
    const q = p.linear(a, `${attention}.q`, heads * headDim);
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim);
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim);
    const window = c.windows[i];
    const mixed = p.attend(p.rope(q, rope, headDim), p.rope(k, rope, headDim), v, { kvHeads, headDim, window });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, { epsilon });
    const router = p.linear(f, `${layer}.router`, count);
    const chosen = p.route(router, used);
    const weights = p.softmax(p.gather(router, chosen));
    const gate = p.expertLinear(f, chosen, `${layer}.experts.gate`, [count, ffn, dim]);
    const up = p.expertLinear(f, chosen, `${layer}.experts.up`, [count, ffn, dim]);
    const down = p.expertLinear(p.glu(gate, up, c.activation), chosen, `${layer}.experts.down`, [count, dim, ffn]);
    x = p.add(x, p.mix(down, weights));
  }
  return p.norm(x, "norm", { epsilon });
};
