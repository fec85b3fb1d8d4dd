// Llama 4 (text): most layers turn, one expert for each token reads what its score lets through, one is for all tokens.

import type { BufferId } from "../program/ops.js";
import { gatedUnit } from "./feed_forward.js";
import type { Architecture } from "./index.js";

/** Of Scout: queries and keys that turn are normed after it, without weights. */
export const llama4 = listOf(true);
/** Of Maverick: they are not. */
export const llama4Plain = listOf(false);

function listOf(norms: boolean): Architecture {
  return (p, c) => {
    const rope = p.ropeTable(c.rope);
    const { dim, heads, kvHeads, headDim, normEpsilon: epsilon } = c;
    const turned = (x: BufferId) => {
      const heads = p.rope(x, rope, headDim);
      return norms ? p.norm(heads, undefined, { epsilon, group: headDim }) : heads;
    };

    let x = p.embed("embed", c.vocab, dim);
    for (let i = 0; i < c.layers; i++) {
      const attention = `layers.${i}.attention`;
      const a = p.norm(x, `${attention}.norm`, { epsilon });
      const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
      const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
      const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
      const [queries, keys] = c.turns[i] ? [turned(q), turned(k)] : [q, k];
      const mixed = p.attend(queries, keys, v, { kvHeads, headDim });
      x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

      const layer = `layers.${i}.ffn`;
      const f = p.norm(x, `${layer}.norm`, { epsilon });
      x = p.add(x, c.experts.layers[i] ? scored(f, layer) : gatedUnit(p, c, f, layer, c.ffn));
    }
    return p.norm(x, "norm", { epsilon });

    function scored(f: BufferId, layer: string): BufferId {
      const { count, ffn, shared } = c.experts;
      const router = p.linear(f, `${layer}.router`, count);
      const chosen = p.route(router, 1);
      const read = p.mul(f, p.act(p.gather(router, chosen), "sigmoid"));
      const gate = p.expertLinear(read, chosen, `${layer}.experts.gate`, [count, ffn, dim]);
      const up = p.expertLinear(read, chosen, `${layer}.experts.up`, [count, ffn, dim]);
      const down = p.expertLinear(p.glu(gate, up, c.activation), chosen, `${layer}.experts.down`, [count, dim, ffn]);
      return p.add(down, gatedUnit(p, c, f, `${layer}.shared`, shared));
    }
  };
}
