// GLM 4 of 2025: it has norms after each half layer, too.

import type { Family } from "./family.js";
import { glmType } from "./glm.js";

export const glm4: Family = {
  types: { glm4: glmType("glm4") },
  gguf: { glm4: { name: "glm4", layout: "pairs" } },
  names: {
    safetensors: {
      inLayer: { post_self_attn_layernorm: "attention.post_norm", post_mlp_layernorm: "ffn.post_norm" },
    },
    gguf: {
      inLayer: {
        post_attention_norm: "attention.post_norm",
        post_ffw_norm: "ffn.post_norm",
        ffn_up: "ffn.gate_up",
      },
    },
  },
};
