// Seed-OSS: Llama with biases on q, k and v.

import type { Family } from "./family.js";
import { activationOf } from "./readers.js";

export const seedOss: Family = {
  types: {
    seed_oss: {
      architecture: "llama",
      defaults: {
        max_position_embeddings: 524288,
        num_key_value_heads: 8,
        head_dim: 128,
        pad_token_id: 1,
        bos_token_id: 0,
        eos_token_id: 2,
      },
      activation: activationOf,
      bias: (fields) => ({
        qkv: fields.boolean("attention_bias", true),
        attentionOutput: fields.boolean("attention_out_bias", false),
        ffn: fields.boolean("mlp_bias", false),
      }),
    },
  },
  gguf: { seed_oss: { name: "llama" } },
  names: { gguf: { inLayer: { post_attention_norm: "ffn.norm" } } },
};
