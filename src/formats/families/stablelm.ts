// StableLM.

import type { Family } from "./family.js";
import { activationOf } from "./readers.js";

export const stablelm: Family = {
  types: {
    stablelm: {
      architecture: "stablelm",
      defaults: {
        max_position_embeddings: 4096,
        num_key_value_heads: 32,
        rms_norm_eps: 1e-5,
        partial_rotary_factor: 0.25,
        bos_token_id: 0,
        eos_token_id: 0,
      },
      aliases: { layer_norm_eps: "rms_norm_eps" },
      activation: activationOf,
      bias: (fields) => ({ qkv: fields.boolean("use_qkv_bias", false), attentionOutput: false, ffn: false }),
      more: (fields) => ({
        parallel: fields.boolean("use_parallel_residual", false),
        headNorms: fields.boolean("qk_layernorm", false),
      }),
    },
  },
  gguf: {
    stablelm: {
      name: "stablelm",
      // As llama.cpp does, whatever the metadata say.
      more: (_, __, tensors) => ({
        parallel: !tensors.has("layers.0.ffn.norm"),
        headNorms: tensors.has("layers.0.attention.q_norm"),
      }),
    },
  },
  names: {
    safetensors: {
      inLayer: {
        "self_attn.q_layernorm.norms.*": "attention.q_norm.*",
        "self_attn.k_layernorm.norms.*": "attention.k_norm.*",
      },
    },
  },
};
