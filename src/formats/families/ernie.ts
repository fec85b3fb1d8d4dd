// ERNIE 4.5 (dense): Llama whose neighbours turn together.

import type { Family } from "./family.js";
import { activationOf } from "./readers.js";

export const ernie: Family = {
  types: {
    ernie4_5: {
      architecture: "llama",
      defaults: {
        max_position_embeddings: 131072,
        num_key_value_heads: 2,
        head_dim: 128,
        rms_norm_eps: 1e-5,
        rope_theta: 5e5,
        tie_word_embeddings: true,
        pad_token_id: 0,
        bos_token_id: 1,
        eos_token_id: 2,
      },
      layout: "pairs",
      activation: activationOf,
      bias: (fields) => {
        const all = fields.boolean("use_bias", false);
        return { qkv: all, attentionOutput: all, ffn: all };
      },
    },
  },
  gguf: { ernie4_5: { name: "llama", layout: "pairs" } },
};
