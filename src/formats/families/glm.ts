// GLM 4, as it was first.

import type { Family, ModelType } from "./family.js";
import { activationOf } from "./readers.js";

export const glm: Family = {
  types: { glm: glmType("glm") },
  gguf: { chatglm: { name: "glm", layout: "pairs" } },
  names: { gguf: { inLayer: { ffn_up: "ffn.gate_up" } } },
};

/** The same in both generations. */
export function glmType(architecture: string): ModelType {
  return {
    architecture,
    defaults: {
      max_position_embeddings: 131072,
      num_key_value_heads: 2,
      head_dim: 128,
      rms_norm_eps: 1.5625e-7,
      partial_rotary_factor: 0.5,
      pad_token_id: 151329,
      eos_token_id: [151329, 151336, 151338],
    },
    layout: "pairs",
    activation: activationOf,
    bias: (fields) => ({ qkv: fields.boolean("attention_bias", true), attentionOutput: false, ffn: false }),
  };
}
