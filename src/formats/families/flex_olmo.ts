// FlexOlmo.

import type { Family } from "./family.js";
import { olmoeExperts } from "./olmoe.js";
import { fusedExperts, llamaBias, silu } from "./readers.js";

export const flexOlmo: Family = {
  types: {
    flex_olmo: {
      architecture: "flex_olmo",
      defaults: {
        max_position_embeddings: 4096,
        rope_theta: 500000,
        num_experts: 7,
        num_experts_per_tok: 5,
        pad_token_id: 100277,
        eos_token_id: 100257,
      },
      aliases: { num_local_experts: "num_experts" },
      activation: silu,
      bias: (fields) => ({ ...llamaBias(fields), ffn: false }),
      experts: olmoeExperts,
    },
  },
  names: {
    safetensors: {
      inLayer: {
        post_attention_layernorm: "attention.post_norm",
        post_feedforward_layernorm: "ffn.post_norm",
      },
      bare: fusedExperts,
    },
  },
};
