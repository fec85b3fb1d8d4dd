// Mistral and Ministral: Llama with windows, in all layers or some; Ministral 3 turns by YaRN and tempers far queries.

import type { RopeConfig, TemperConfig } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { biases, patternedWindows, silu, slidingEverywhere } from "./readers.js";

const defaults = { num_key_value_heads: 8, bos_token_id: 1, eos_token_id: 2 };

export const mistral: Family = {
  types: {
    mistral: {
      architecture: "llama",
      defaults: { ...defaults, max_position_embeddings: 131072, sliding_window: 4096 },
      activation: silu,
      bias: biases(false, false, false),
      windows: slidingEverywhere,
    },
    ministral: {
      architecture: "llama",
      defaults: { ...defaults, max_position_embeddings: 131072, sliding_window: 4096 },
      activation: silu,
      windows: (fields, layers) => patternedWindows(fields, layers, Number.POSITIVE_INFINITY),
    },
    ministral3: {
      architecture: "llama",
      defaults: {
        ...defaults,
        max_position_embeddings: 262144,
        head_dim: 128,
        rms_norm_eps: 1e-5,
        pad_token_id: 11,
        rope_parameters: {
          rope_type: "yarn",
          rope_theta: 1e6,
          factor: 16,
          original_max_position_embeddings: 16384,
          mscale: 1,
          mscale_all_dim: 1,
          llama_4_scaling_beta: 0.1,
        },
      },
      activation: silu,
      windows: slidingEverywhere,
      more: (fields, { rope }) => ({ temper: readTemper(fields, rope) }),
    },
  },
  gguf: {
    mistral3: {
      name: "llama",
      layout: "pairs",
      more: (fields, { rope }) => ({ rope: dampened(fields, rope), temper: temperOfGguf(fields) }),
    },
  },
};

function readTemper(fields: Fields, { scaling }: RopeConfig): TemperConfig | undefined {
  const own = fields.fields("rope_scaling") ?? fields.fields("rope_parameters");
  const scale = own?.optionalPositive("llama_4_scaling_beta");
  if (scale === undefined || scaling?.type !== "yarn") return undefined;
  return { scale, length: scaling.originalContextLength };
}

function temperOfGguf(fields: Fields): TemperConfig | undefined {
  const scale = fields.optionalPositive("attention.temperature_scale");
  return scale === undefined ? undefined : { scale, length: fields.size("rope.scaling.original_context_length") };
}

/** llama.cpp's converter leaves the attention factor to the logarithm's multiplier, which is that of all dimensions. */
function dampened(fields: Fields, rope: RopeConfig): RopeConfig {
  const multiplier = fields.optionalPositive("rope.scaling.yarn_log_multiplier");
  if (multiplier === undefined || rope.scaling?.type !== "yarn") return rope;
  const { factor, attentionFactor = 1 } = rope.scaling;
  const all = factor > 1 ? 0.1 * multiplier * Math.log(factor) + 1 : 1;
  return { ...rope, scaling: { ...rope.scaling, attentionFactor: attentionFactor / all } };
}
