// HyperCLOVA X: Granite's scales, and in most norms after each half layer, as Gemma 2 has them. llama.cpp does not know it.

import type { Family } from "./family.js";
import { activationOf, llamaBias } from "./readers.js";

export const hyperclovax: Family = {
  types: {
    hyperclovax: {
      architecture: "gemma2",
      defaults: { max_position_embeddings: 2048, bos_token_id: 1, eos_token_id: 2 },
      activation: activationOf,
      bias: llamaBias,
      more: (fields, { output }) => ({
        architecture: fields.boolean("use_post_norm", true) ? "gemma2" : "llama",
        scales: {
          embedding: fields.positive("embedding_multiplier", 1),
          residual: fields.positive("residual_multiplier", 1),
          attention: fields.optionalPositive("attention_multiplier"),
        },
        output: { ...output, scale: fields.positive("logits_scaling", 1) },
      }),
    },
  },
  names: { safetensors: { inLayer: { post_norm1: "attention.post_norm", post_norm2: "ffn.post_norm" } } },
};
