// Llama 1 to 3.2 and all that share its list of ops: Mistral, SmolLM, TinyLlama; Gemma and Granite, which scale; SmolLM 3,
// of which some layers do not turn; Ministral 3, which tempers.

import type { BufferId } from "../program/ops.js";
import type { Architecture } from "./index.js";

export const llama: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const { dim, ffn, heads, kvHeads, headDim, scales } = c;
  const norm = { epsilon: c.normEpsilon, offset: c.normOffset };

  let x = p.scale(p.embed("embed", c.vocab, dim), scales.embedding);
  for (let i = 0; i < c.layers; i++) {
    const attention = `layers.${i}.attention`;
    const a = p.norm(x, `${attention}.norm`, norm);
    const q = p.linear(a, `${attention}.q`, heads * headDim, { bias: c.bias.qkv });
    const k = p.linear(a, `${attention}.k`, kvHeads * headDim, { bias: c.bias.qkv });
    const v = p.linear(a, `${attention}.v`, kvHeads * headDim, { bias: c.bias.qkv });
    const turn = (x: BufferId) => (c.turns[i] ? p.rope(x, rope, headDim) : x);
    const mixed = p.attend(p.temper(turn(q), c.temper), turn(k), v, {
      kvHeads,
      headDim,
      causal: c.causal,
      scale: scales.attention,
      window: c.windows[i],
    });
    const o = p.linear(mixed, `${attention}.o`, dim, { bias: c.bias.attentionOutput });
    x = p.add(x, p.scale(o, scales.residual));

    const layer = `layers.${i}.ffn`;
    const f = p.norm(x, `${layer}.norm`, norm);
    const gate = p.linear(f, `${layer}.gate`, ffn, { bias: c.bias.ffn });
    const up = p.linear(f, `${layer}.up`, ffn, { bias: c.bias.ffn });
    const down = p.linear(p.glu(gate, up, c.activation), `${layer}.down`, dim, { bias: c.bias.ffn });
    x = p.add(x, p.scale(down, scales.residual));
  }
  return p.norm(x, "norm", norm);
};
