// Olmo 1 to 3.

import type { Family } from "./family.js";
import { activationOf, attentionBias, localGgufRope, patternedWindows, ropesByWindow } from "./readers.js";

const defaults = { max_position_embeddings: 2048, pad_token_id: 1, eos_token_id: 50279 };

export const olmo: Family = {
  types: {
    olmo: {
      architecture: "olmo",
      // Its norms have no weights, and this epsilon whatever config.json says.
      defaults,
      activation: activationOf,
      bias: attentionBias,
      more: (fields) => ({ normEpsilon: 1e-5, qkvCap: fields.optionalPositive("clip_qkv") }),
    },
    olmo2: {
      architecture: "olmo2",
      defaults: { ...defaults, rms_norm_eps: 1e-5 },
      activation: activationOf,
      bias: attentionBias,
    },
    olmo3: {
      architecture: "olmo2",
      defaults: { ...defaults, rms_norm_eps: 1e-5, rope_theta: 5e5, sliding_window: 4096 },
      activation: activationOf,
      bias: attentionBias,
      windows: (fields, layers) => patternedWindows(fields, layers, 4),
      ropes: (fields) => ropesByWindow(fields, "rope_theta"),
    },
  },
  gguf: {
    olmo: {
      name: "olmo",
      layout: "pairs",
      more: (fields) => ({ qkvCap: fields.optionalPositive("attention.clamp_kqv") }),
    },
    olmo2: {
      name: "olmo2",
      slides: (layer) => (layer + 1) % 4 !== 0,
      more: (fields, { rope }) => ({ localRope: localGgufRope(fields, rope, rope.theta) }),
    },
  },
  names: {
    safetensors: {
      inLayer: {
        post_attention_layernorm: "attention.post_norm",
        post_feedforward_layernorm: "ffn.post_norm",
      },
    },
    gguf: { inLayer: { post_attention_norm: "attention.post_norm", post_ffw_norm: "ffn.post_norm" } },
  },
};
