// EXAONE 4.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { activationOf, patternedWindows } from "./readers.js";

export const exaone: Family = {
  types: {
    exaone4: {
      architecture: "exaone4",
      defaults: {
        max_position_embeddings: 2048,
        num_key_value_heads: 32,
        rms_norm_eps: 1e-5,
        sliding_window: 4096,
        bos_token_id: 0,
        eos_token_id: 2,
      },
      activation: activationOf,
      windows: exaoneWindows,
      // Those with windows alone, unless there are none at all.
      more: (fields, { windows }) => ({
        turns: windows.map((window) => window !== undefined || fields.get("sliding_window") === undefined),
      }),
    },
  },
  gguf: {
    exaone4: {
      name: "exaone4",
      slides: (layer) => (layer + 1) % 4 !== 0,
      more: (fields, { windows }) => ({
        turns: windows.map((window) => window !== undefined || !fields.get("attention.sliding_window")),
      }),
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

/** Windows of `layer_types`, else in all layers but every so many, or those that "LLLG" calls G. */
function exaoneWindows(fields: Fields, layers: number): Config["windows"] {
  const pattern = fields.get("sliding_window_pattern") ?? 4;
  if (pattern === "LLLG" || fields.get("sliding_window") === undefined) return patternedWindows(fields, layers, 4);
  return patternedWindows(fields, layers, fields.size("sliding_window_pattern", 4));
}
