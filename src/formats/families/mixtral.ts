// Mixtral: Mistral with experts. Its GGUF calls itself a llama with experts.

import type { Family } from "./family.js";
import { readExperts, silu, slidingEverywhere } from "./readers.js";

export const mixtral: Family = {
  types: {
    mixtral: {
      architecture: "mixtral",
      defaults: {
        max_position_embeddings: 131072,
        num_key_value_heads: 8,
        rms_norm_eps: 1e-5,
        rope_theta: 1e6,
        num_local_experts: 8,
        num_experts_per_tok: 2,
        bos_token_id: 1,
        eos_token_id: 2,
      },
      activation: silu,
      experts: (fields, layers) => readExperts(fields, layers, "num_local_experts", "intermediate_size"),
      windows: slidingEverywhere,
    },
  },
  names: {
    safetensors: {
      inLayer: {
        "block_sparse_moe.gate": "ffn.router",
        "block_sparse_moe.experts.*.w1": "ffn.experts.*.gate",
        "block_sparse_moe.experts.*.w2": "ffn.experts.*.down",
        "block_sparse_moe.experts.*.w3": "ffn.experts.*.up",
      },
    },
  },
};
