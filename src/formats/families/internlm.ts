// InternLM 3: Llama under other words. Its GGUF calls itself a llama.

import type { Family } from "./family.js";
import { activationOf, llamaBias } from "./readers.js";

export const internlm: Family = {
  types: {
    internlm3: {
      architecture: "llama",
      defaults: {
        max_position_embeddings: 32768,
        num_key_value_heads: 2,
        head_dim: 128,
        rms_norm_eps: 1e-5,
        pad_token_id: 2,
        bos_token_id: 1,
        eos_token_id: 2,
      },
      aliases: { qkv_bias: "attention_bias", bias: "mlp_bias" },
      activation: activationOf,
      bias: llamaBias,
    },
  },
};
