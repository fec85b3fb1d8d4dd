// Command R, R+ and R7B: one layer norm, without bias, for both halves of a layer; in some, norms of query and key heads
// with weights of their own, or layers that do not turn.

import type { BufferId } from "../program/ops.js";
import type { Architecture } from "./index.js";

export const cohere: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim } = c;
  const norm = { epsilon: c.normEpsilon, bias: false };
  const headNorm = { ...norm, group: headDim, apart: true };

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.layerNorm(x, `${attention}.norm`, norm);
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const qNormed = c.headNorms ? p.layerNorm(q, `${attention}.q_norm`, headNorm) : q;
    const kNormed = c.headNorms ? p.layerNorm(k, `${attention}.k_norm`, headNorm) : k;
    const turn = (x: BufferId) => (c.turns[i] ? p.rope(x, rope, headDim) : x);
    const mixed = p.attend(turn(qNormed), turn(kNormed), v, { kvHeads, headDim, window: c.windows[i] });
    x = p.add(x, p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput }));

    const layer = `layers.${i}.ffn`;
    const gate = p.linear(a, `${layer}.gate`, ffn);
    const up = p.linear(a, `${layer}.up`, ffn);
    x = p.add(x, p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim));
  }
  return p.layerNorm(x, "norm", norm);
};
