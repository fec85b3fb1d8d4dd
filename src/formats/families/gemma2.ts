// Gemma 2 and 3 (text): norms on both sides of each half layer; softcaps and windows, or norms of heads and two turnings.

import type { RopeConfig } from "../../program/config.js";
import { Fields } from "../fields.js";
import type { JsonObject } from "../file.js";
import type { Family, RopeFields } from "./family.js";
import { readGemma, readGemmaGguf } from "./gemma.js";
import { activationOf, attentionBias, patternedWindows } from "./readers.js";

const defaults: JsonObject = {
  num_key_value_heads: 4,
  head_dim: 256,
  sliding_window: 4096,
  tie_word_embeddings: true,
  pad_token_id: 0,
  bos_token_id: 2,
  eos_token_id: 1,
};

export const gemma2: Family = {
  types: {
    gemma2: {
      architecture: "gemma2",
      defaults: {
        ...defaults,
        max_position_embeddings: 8192,
        final_logit_softcapping: 30,
        attn_logit_softcapping: 50,
      },
      activation: (fields) => activationOf(fields, "hidden_activation", "gelu_pytorch_tanh"),
      bias: attentionBias,
      windows: (fields, layers) => patternedWindows(fields, layers, 2),
      more: (fields, config) => ({
        ...readGemma(fields, config),
        attentionSoftcap: fields.optionalPositive("attn_logit_softcapping"),
      }),
    },
    gemma3_text: {
      architecture: "gemma3",
      defaults: { ...defaults, max_position_embeddings: 131072, rope_theta: 1e6, rope_local_base_freq: 1e4 },
      activation: (fields) => activationOf(fields, "hidden_activation", "gelu_pytorch_tanh"),
      bias: attentionBias,
      windows: (fields, layers) => patternedWindows(fields, layers, fields.size("sliding_window_pattern", 6)),
      ropes: gemmaRopes,
      more: readGemma,
    },
  },
  gguf: {
    gemma2: {
      name: "gemma2",
      activation: "gelu_tanh",
      slides: (layer) => layer % 2 === 0,
      more: (fields, config) => ({
        ...readGemmaGguf(fields, config, 46),
        attentionSoftcap: fields.optionalPositive("attn_logit_softcapping"),
      }),
    },
    gemma3: {
      name: "gemma3",
      activation: "gelu_tanh",
      slides: (layer) => (layer + 1) % 6 !== 0,
      more: (fields, config) => ({
        ...readGemmaGguf(fields, config, 62),
        localRope: localRope(fields, config.rope),
      }),
    },
  },
  names: {
    safetensors: {
      inLayer: {
        post_attention_layernorm: "attention.post_norm",
        pre_feedforward_layernorm: "ffn.norm",
        post_feedforward_layernorm: "ffn.post_norm",
      },
    },
    gguf: { inLayer: { post_attention_norm: "attention.post_norm", post_ffw_norm: "ffn.post_norm" } },
  },
};

/** v4's `rope_theta`, `rope_scaling` and `rope_local_base_freq`, or v5's `rope_parameters` with an object of each kind. */
function gemmaRopes(fields: Fields): { full: RopeFields; local: RopeFields } {
  const both = fields.fields("rope_parameters");
  const theta = (key: string) => new Fields(fields.source, (name) => fields.get(name === "rope_theta" ? key : name));
  return {
    full: { own: fields.fields("rope_scaling") ?? both?.fields("full_attention"), outer: theta("rope_theta") },
    local: { own: both?.fields("sliding_attention"), outer: theta("rope_local_base_freq") },
  };
}

function localRope(fields: Fields, rope: RopeConfig): RopeConfig {
  return { ...rope, theta: fields.positive("rope.freq_base_swa", 10000), scaling: undefined };
}
