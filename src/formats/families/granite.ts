// Granite (dense): Llama with scales of embeddings, scores, the results of half layers, and logits.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { activationOf, llamaBias } from "./readers.js";

export const granite: Family = {
  types: {
    granite: {
      architecture: "llama",
      defaults: { max_position_embeddings: 2048, bos_token_id: 1, eos_token_id: 2 },
      activation: activationOf,
      bias: llamaBias,
      more: readGranite,
    },
  },
  gguf: { granite: { name: "llama", layout: "pairs", more: readGraniteGguf } },
};

/** Without a multiplier transformers takes 1, also for scores. */
export function readGranite(fields: Fields, { output }: Config): Partial<Config> {
  return {
    scales: {
      embedding: fields.positive("embedding_multiplier", 1),
      residual: fields.positive("residual_multiplier", 1),
      attention: fields.positive("attention_multiplier", 1),
    },
    output: { ...output, scale: 1 / fields.positive("logits_scaling", 1) },
  };
}

export function readGraniteGguf(fields: Fields, { output }: Config): Partial<Config> {
  return {
    scales: {
      embedding: fields.positive("embedding_scale", 1),
      residual: fields.positive("residual_scale", 1),
      attention: fields.optionalPositive("attention.scale"),
    },
    output: { ...output, scale: 1 / fields.positive("logit_scale", 1) },
  };
}
