// Arcee's Trinity.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { fusedExperts, llamaBias, patternedWindows, routedExperts, silu } from "./readers.js";

export const afmoe: Family = {
  types: {
    afmoe: {
      architecture: "afmoe",
      defaults: {
        max_position_embeddings: 16384,
        head_dim: 128,
        rms_norm_eps: 1e-5,
        sliding_window: 1024,
        num_experts: 64,
        num_experts_per_tok: 6,
        n_shared_experts: 2,
        first_k_dense_replace: 1,
        moe_intermediate_size: 1408,
      },
      aliases: {
        num_local_experts: "num_experts",
        num_shared_experts: "n_shared_experts",
        num_dense_layers: "first_k_dense_replace",
        route_scale: "routed_scaling_factor",
      },
      activation: silu,
      bias: (fields) => ({ ...llamaBias(fields), ffn: false }),
      experts: trinityExperts,
      windows: (fields, layers) => patternedWindows(fields, layers, fields.size("global_attn_every_n_layers", 4)),
      more: (fields, config) => ({
        turns: config.windows.map((window) => window !== undefined),
        scales: scaled(config, fields.boolean("mup_enabled", false)),
      }),
    },
  },
  gguf: {
    afmoe: {
      name: "afmoe",
      mixture: "always",
      slides: (layer) => (layer + 1) % 4 !== 0,
      more: (fields, config) => ({
        turns: config.windows.map((window) => window !== undefined),
        // GGUF does not state it, and llama.cpp always does it.
        scales: scaled(config, true),
        experts: { ...config.experts, share: fields.boolean("expert_weights_norm", false) },
      }),
    },
  },
  names: {
    safetensors: {
      inLayer: {
        "self_attn.gate_proj": "attention.gate",
        post_attention_layernorm: "attention.post_norm",
        pre_mlp_layernorm: "ffn.norm",
        post_mlp_layernorm: "ffn.post_norm",
        "mlp.router.gate": "ffn.router",
      },
      bare: { ...fusedExperts, "mlp.expert_bias": "ffn.correction.bias" },
    },
    gguf: {
      inLayer: {
        attn_gate: "attention.gate",
        post_attention_norm: "attention.post_norm",
        post_ffw_norm: "ffn.post_norm",
      },
    },
  },
};

/** transformers knows one way to choose among them, whatever a configuration says. */
function trinityExperts(fields: Fields, layers: number): Config["experts"] {
  return { ...routedExperts(fields, layers, "num_experts"), share: true, groups: 1, groupsUsed: 1 };
}

function scaled({ scales, dim }: Config, isScaled: boolean): Config["scales"] {
  return { ...scales, embedding: isScaled ? Math.sqrt(dim) : 1 };
}
