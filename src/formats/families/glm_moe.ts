// GLM 4.5, 4.6 and 4.7 with experts; Solar Open.

import type { Family } from "./family.js";
import { fusedExperts, llamaBias, routedExperts, silu } from "./readers.js";

export const glmMoe: Family = {
  types: {
    glm4_moe: {
      architecture: "glm4_moe",
      defaults: {
        max_position_embeddings: 131072,
        num_key_value_heads: 8,
        rms_norm_eps: 1e-5,
        partial_rotary_factor: 0.5,
        moe_intermediate_size: 1408,
        num_experts_per_tok: 8,
        n_routed_experts: 128,
        n_shared_experts: 1,
        first_k_dense_replace: 1,
        norm_topk_prob: true,
      },
      aliases: { num_local_experts: "n_routed_experts" },
      activation: silu,
      bias: (fields) => ({ ...llamaBias(fields), attentionOutput: false, ffn: false }),
      experts: (fields, layers) => routedExperts(fields, layers),
      more: (fields) => ({ architecture: withNorms(fields.boolean("use_qk_norm", false)) }),
    },
    solar_open: {
      architecture: "glm4_moe",
      defaults: {
        max_position_embeddings: 131072,
        num_key_value_heads: 8,
        head_dim: 128,
        rms_norm_eps: 1e-5,
        rope_theta: 1e6,
        // Every layer has experts: no model states the width of another network.
        intermediate_size: 1,
        moe_intermediate_size: 1280,
        num_experts_per_tok: 8,
        n_routed_experts: 128,
        n_shared_experts: 1,
        norm_topk_prob: true,
      },
      aliases: { num_local_experts: "n_routed_experts" },
      activation: silu,
      bias: (fields) => ({ ...llamaBias(fields), attentionOutput: false, ffn: false }),
      experts: (fields, layers) => ({ ...routedExperts(fields, layers), layers: Array(layers).fill(true) }),
    },
  },
  gguf: {
    glm4moe: {
      name: "glm4_moe",
      mixture: "always",
      more: (fields, { experts }, tensors) => ({
        architecture: withNorms(tensors.has("layers.0.attention.q_norm")),
        experts: { ...experts, share: fields.boolean("expert_weights_norm", false) },
      }),
    },
  },
  names: {
    safetensors: { bare: fusedExperts },
    gguf: { inLayer: { post_attention_norm: "ffn.norm" } },
  },
};

/** The same list of ops as dots.llm1's. */
function withNorms(norms: boolean): string {
  return norms ? "dots1" : "glm4_moe";
}
