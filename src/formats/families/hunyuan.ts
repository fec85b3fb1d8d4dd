// Hunyuan 1 (dense).

import type { Family } from "./family.js";
import { activationOf, attentionBias } from "./readers.js";

export const hunyuan: Family = {
  types: {
    hunyuan_v1_dense: {
      architecture: "hunyuan",
      defaults: {
        max_position_embeddings: 2048,
        rms_norm_eps: 1e-5,
        pad_token_id: 0,
        bos_token_id: 1,
        eos_token_id: 2,
      },
      activation: activationOf,
      bias: attentionBias,
    },
  },
  gguf: { "hunyuan-dense": { name: "hunyuan" } },
  names: {
    safetensors: {
      inLayer: {
        "self_attn.query_layernorm": "attention.q_norm",
        "self_attn.key_layernorm": "attention.k_norm",
      },
    },
  },
};
