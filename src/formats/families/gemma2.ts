// Gemma 2 and 3 (text): norms on both sides of each half layer; softcaps and windows, or norms of heads and two turnings.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { JsonObject } from "../file.js";
import type { Family } from "./family.js";
import { gemmaScales, readGemma, readGemmaGguf } from "./gemma.js";
import { activationOf, attentionBias, localGgufRope, mustBeOff, patternedWindows, ropesByWindow } from "./readers.js";

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
      more: (fields, config) => {
        mustBeOff(fields, "use_bidirectional_attention");
        const attentionSoftcap = fields.optionalPositive("attn_logit_softcapping");
        return { ...readGemma(fields, config), attentionSoftcap };
      },
    },
    gemma3_text: {
      architecture: "gemma3",
      defaults: { ...defaults, max_position_embeddings: 131072, rope_theta: 1e6, rope_local_base_freq: 1e4 },
      activation: (fields) => activationOf(fields, "hidden_activation", "gelu_pytorch_tanh"),
      bias: attentionBias,
      windows: (fields, layers) => patternedWindows(fields, layers, fields.size("sliding_window_pattern", 6)),
      ropes: (fields) => ropesByWindow(fields, "rope_local_base_freq"),
      more: (fields, config) => ({ ...readGemma(fields, config), ...bothWays(fields, config) }),
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
    "gemma-embedding": {
      name: "gemma3",
      activation: "gelu_tanh",
      slides: (layer) => (layer + 1) % 6 !== 0,
      heads: {},
      more: (fields, config) => ({
        scales: gemmaScales(config),
        causal: false,
        windows: halfBefore(config.windows),
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

/** EmbeddingGemma: half of its windows is before a token. */
function bothWays(fields: Fields, { windows }: Config): Partial<Config> {
  if (!fields.boolean("use_bidirectional_attention", false)) return {};
  return { causal: false, windows: halfBefore(windows) };
}

function halfBefore(windows: Config["windows"]): Config["windows"] {
  return windows.map((window) => window && Math.floor(window / 2) + 1);
}
