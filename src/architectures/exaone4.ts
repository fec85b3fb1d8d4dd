// EXAONE 4: norms of query and key heads, and after each half layer instead of before; where some layers have windows, the
// others do not turn.

import type { BufferId } from "../program/ops.js";
import type { Architecture } from "./index.js";

export const exaone4: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim, normEpsilon: epsilon } = c;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const q = p.linear(x, `${attention}.q`, heads * headDim);
    const k = p.linear(x, `${attention}.k`, kvHeads * headDim);
    const v = p.linear(x, `${attention}.v`, kvHeads * headDim);
    const qNormed = p.norm(q, `${attention}.q_norm`, { epsilon, group: headDim });
    const kNormed = p.norm(k, `${attention}.k_norm`, { epsilon, group: headDim });
    const turn = (x: BufferId) => (c.turns[i] ? p.rope(x, rope, headDim) : x);
    const mixed = p.attend(turn(qNormed), turn(kNormed), v, { kvHeads, headDim, window: c.windows[i] });
    x = p.add(x, p.norm(p.linear(mixed, `${attention}.o`, dim), `${attention}.post_norm`, { epsilon }));

    const layer = `layers.${i}.ffn`;
    const gate = p.linear(x, `${layer}.gate`, ffn);
    const up = p.linear(x, `${layer}.up`, ffn);
    const down = p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim);
    x = p.add(x, p.norm(down, `${layer}.post_norm`, { epsilon }));
  }
  return p.norm(x, "norm", { epsilon });
};
