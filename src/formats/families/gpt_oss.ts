// gpt-oss: experts, windows in every other layer, attention sinks.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { readExperts, silu, typedWindows } from "./readers.js";

export const gptOss: Family = {
  types: {
    gpt_oss: {
      architecture: "gpt_oss",
      defaults: {
        max_position_embeddings: 131072,
        num_key_value_heads: 8,
        head_dim: 64,
        rms_norm_eps: 1e-5,
        rope_theta: 150000,
        num_local_experts: 128,
        num_experts_per_tok: 4,
        rope_parameters: {
          rope_type: "yarn",
          factor: 32,
          beta_fast: 32,
          beta_slow: 1,
          truncate: false,
          original_max_position_embeddings: 4096,
        },
      },
      activation: checkedSwish,
      bias(fields) {
        const attention = fields.boolean("attention_bias", true);
        return { qkv: attention, attentionOutput: attention, ffn: true };
      },
      experts: (fields, layers) => readExperts(fields, layers, "num_local_experts", "intermediate_size"),
      windows: alternateWindows,
    },
  },
  gguf: {
    "gpt-oss": {
      name: "gpt_oss",
      mixture: "always",
      slides: (layer) => layer % 2 === 0,
      truncate: false,
      writes: true,
      more: (_, { bias }) => ({ bias: { ...bias, ffn: true } }),
    },
  },
  names: { gguf: { inLayer: { post_attention_norm: "ffn.norm" } } },
};

/** gpt-oss's constants, which its configuration may state. */
function checkedSwish(fields: Fields): "silu" {
  for (const [key, value] of [
    ["swiglu_limit", 7],
    ["swiglu_alpha", 1.702],
  ] as const) {
    if (fields.positive(key, value) !== value) throw fields.wrong(key, `${value}`, fields.get(key));
  }
  return silu(fields);
}

/** Windows from `layer_types`, or in the first layer and every other after it. */
function alternateWindows(fields: Fields, layers: number): Config["windows"] {
  const window = fields.isNull("sliding_window") ? undefined : fields.size("sliding_window", 128);
  const alternate = Array.from({ length: layers }, (_, i) => (i % 2 === 0 ? "sliding_attention" : "full_attention"));
  return typedWindows(fields, fields.get("layer_types") ?? alternate, layers, window, "sliding_window");
}
