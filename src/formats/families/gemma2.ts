// Gemma 2 and 3 (text): norms on both sides of each half layer; softcaps and windows, or norms of heads and two turnings.

import type { JsonObject } from "../file.js";
import type { Family } from "./family.js";
import { readGemma, readGemmaGguf } from "./gemma.js";
import { activationOf, attentionBias, localGgufRope, patternedWindows, ropesByWindow } from "./readers.js";

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
      ropes: (fields) => ropesByWindow(fields, "rope_local_base_freq"),
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
        localRope: localGgufRope(fields, config.rope, 10000),
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
