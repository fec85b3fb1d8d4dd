// MiniMax M2.

import type { Family } from "./family.js";
import { biases, fusedExperts, readExperts, silu } from "./readers.js";

export const minimax: Family = {
  types: {
    minimax_m2: {
      architecture: "minimax_m2",
      defaults: {
        max_position_embeddings: 196608,
        num_key_value_heads: 8,
        head_dim: 128,
        rope_theta: 5e6,
        num_local_experts: 256,
        num_experts_per_tok: 8,
        bos_token_id: 200034,
        eos_token_id: 200020,
      },
      aliases: { num_experts: "num_local_experts" },
      activation: silu,
      bias: biases(false, false, false),
      experts: (fields, layers) => readExperts(fields, layers, "num_local_experts", "intermediate_size"),
      more(fields, { rope, headDim }) {
        const dims = fields.size("rotary_dim", rope.dims);
        if (dims > headDim || dims % 2 !== 0)
          throw fields.wrong("rotary_dim", `an even number of at most ${headDim}`, dims);
        return { rope: { ...rope, dims } };
      },
    },
  },
  gguf: { "minimax-m2": { name: "minimax_m2", mixture: "always" } },
  names: {
    safetensors: {
      inLayer: {
        "block_sparse_moe.gate": "ffn.router",
        "block_sparse_moe.experts.*.w1": "ffn.experts.*.gate",
        "block_sparse_moe.experts.*.w2": "ffn.experts.*.down",
        "block_sparse_moe.experts.*.w3": "ffn.experts.*.up",
      },
      bare: {
        "block_sparse_moe.e_score_correction_bias": "ffn.correction.bias",
        ...fusedExperts,
      },
    },
  },
};
