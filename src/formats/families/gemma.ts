// Gemma: Llama with a wider head, scaled embeddings, and norms whose weights are what they are more than 1.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { activationOf, attentionBias, mustBeOff } from "./readers.js";

export const gemma: Family = {
  types: {
    gemma: {
      architecture: "llama",
      defaults: {
        max_position_embeddings: 8192,
        num_key_value_heads: 16,
        head_dim: 256,
        hidden_act: "gelu_pytorch_tanh",
        tie_word_embeddings: true,
        pad_token_id: 0,
        bos_token_id: 2,
        eos_token_id: 1,
      },
      // As in transformers: the first releases say "gelu" and mean its approximation.
      activation: (fields) => (activationOf(fields) === "gelu" ? "gelu_tanh" : activationOf(fields)),
      bias: attentionBias,
      more: (fields, config) => {
        mustBeOff(fields, "use_bidirectional_attention");
        return { normOffset: 1, scales: gemmaScales(config) };
      },
    },
  },
  gguf: {
    gemma: { name: "llama", activation: "gelu_tanh", more: (_, config) => ({ scales: gemmaScales(config) }) },
  },
};

/** `scalar`: of queries, whose root divides scores; default: the size of a head. */
export function gemmaScales({ scales, dim }: Config, scalar?: number): Config["scales"] {
  const attention = scalar === undefined ? undefined : scalar ** -0.5;
  return { ...scales, embedding: Math.sqrt(dim), attention };
}

/** What the later ones state. */
export function readGemma(fields: Fields, config: Config): Partial<Config> {
  return {
    normOffset: 1,
    scales: gemmaScales(config, fields.positive("query_pre_attn_scalar", 256)),
    output: { ...config.output, softcap: fields.optionalPositive("final_logit_softcapping") },
  };
}

/** GGUF does not state the scalar, which the models of 27 B parameters have otherwise: `largest` layers. */
export function readGemmaGguf(fields: Fields, config: Config, largest: number): Partial<Config> {
  const { layers, dim, heads, headDim } = config;
  return {
    scales: gemmaScales(config, layers === largest ? dim / heads : headDim),
    output: { ...config.output, softcap: fields.optionalPositive("final_logit_softcapping") },
  };
}
