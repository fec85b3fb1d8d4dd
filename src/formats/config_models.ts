// What config.json means by model type: defaults of transformers' configuration classes, and keys that only some have.

import type { Config } from "../program/config.js";
import type { Activation } from "../program/ops.js";
import { checkExperts } from "./config_checks.js";
import type { Fields } from "./fields.js";
import type { JsonObject } from "./file.js";

/** What differs between model types; the defaults are those of transformers' configuration classes. */
export interface ModelType {
  readonly architecture: string;
  readonly contextLength: number;
  /** When the key is absent (null means: as many as heads). */
  readonly kvHeads?: number;
  readonly headDim?: number;
  readonly bos?: number;
  readonly eos?: number;
  readonly normEpsilon?: number;
  readonly theta?: number;
  /** `rope_parameters`. */
  readonly rope?: JsonObject;
  readonly activation: (fields: Fields) => Activation;
  readonly bias: (fields: Fields) => Config["bias"];
  readonly experts?: (fields: Fields) => Config["experts"];
  readonly windows: (fields: Fields, layers: number) => Config["windows"];
}

const llamaBias: ModelType["bias"] = (fields) => {
  const attention = fields.boolean("attention_bias", false);
  return { qkv: attention, attentionOutput: attention, ffn: fields.boolean("mlp_bias", false) };
};

export const modelTypes: Readonly<Record<string, ModelType>> = {
  llama: {
    architecture: "llama",
    contextLength: 2048,
    bos: 1,
    eos: 2,
    activation: silu,
    bias: llamaBias,
    windows: (_, layers) => everywhere(undefined, layers),
  },
  mistral: {
    architecture: "llama",
    contextLength: 131072,
    kvHeads: 8,
    bos: 1,
    eos: 2,
    activation: silu,
    bias: () => ({ qkv: false, attentionOutput: false, ffn: false }),
    windows: (fields, layers) =>
      everywhere(fields.isNull("sliding_window") ? undefined : fields.size("sliding_window", 4096), layers),
  },
  qwen2: {
    architecture: "qwen2",
    contextLength: 32768,
    kvHeads: 32,
    activation: silu,
    bias: () => ({ qkv: true, attentionOutput: false, ffn: false }),
    windows: qwenWindows,
  },
  qwen3: {
    architecture: "qwen3",
    contextLength: 32768,
    kvHeads: 32,
    headDim: 128,
    activation: silu,
    bias: (fields) => ({ ...llamaBias(fields), ffn: false }),
    windows: qwenWindows,
  },
  gpt_oss: {
    architecture: "gpt_oss",
    contextLength: 131072,
    kvHeads: 8,
    headDim: 64,
    normEpsilon: 1e-5,
    theta: 150000,
    rope: {
      rope_type: "yarn",
      factor: 32,
      beta_fast: 32,
      beta_slow: 1,
      truncate: false,
      original_max_position_embeddings: 4096,
    },
    activation: clampedSwish,
    bias(fields) {
      const attention = fields.boolean("attention_bias", true);
      return { qkv: attention, attentionOutput: attention, ffn: true };
    },
    experts: gptOssExperts,
    windows: alternateWindows,
  },
};

function silu(fields: Fields): "silu" {
  const name = fields.string("hidden_act", "silu");
  if (name === "silu" || name === "swish") return "silu";
  throw fields.wrong("hidden_act", '"silu"', name);
}

/** gpt-oss's constants, which its configuration may state. */
function clampedSwish(fields: Fields): "clamped_swish" {
  silu(fields);
  for (const [key, value] of [
    ["swiglu_limit", 7],
    ["swiglu_alpha", 1.702],
  ] as const) {
    if (fields.positive(key, value) !== value) throw fields.wrong(key, `${value}`, fields.get(key));
  }
  return "clamped_swish";
}

function gptOssExperts(fields: Fields): Config["experts"] {
  const count = fields.size("num_local_experts", 128);
  const used = fields.size("num_experts_per_tok", 4);
  checkExperts(fields, "num_local_experts", count, used);
  return { count, used, ffn: fields.size("intermediate_size") };
}

/** Qwen: windows from `layer_types`, or in all layers from `max_window_layers` on; only with `use_sliding_window`. */
function qwenWindows(fields: Fields, layers: number): Config["windows"] {
  const window =
    fields.boolean("use_sliding_window", false) && !fields.isNull("sliding_window")
      ? fields.size("sliding_window", 4096)
      : undefined;
  const types = fields.get("layer_types");
  if (types === undefined) {
    const first = fields.get("max_window_layers") ?? 28;
    if (!Number.isSafeInteger(first) || (first as number) < 0) {
      throw fields.wrong("max_window_layers", "a number of layers", first);
    }
    return Array.from({ length: layers }, (_, i) => (i >= (first as number) ? window : undefined));
  }
  return typedWindows(fields, types, layers, window, "use_sliding_window");
}

/** gpt-oss: windows from `layer_types`, or in the first layer and every other after it. */
function alternateWindows(fields: Fields, layers: number): Config["windows"] {
  const window = fields.isNull("sliding_window") ? undefined : fields.size("sliding_window", 128);
  const alternate = Array.from({ length: layers }, (_, i) => (i % 2 === 0 ? "sliding_attention" : "full_attention"));
  return typedWindows(fields, fields.get("layer_types") ?? alternate, layers, window, "sliding_window");
}

/** One for each layer, as `types` says; `key` is what gives them their size. */
function typedWindows(
  fields: Fields,
  types: unknown,
  layers: number,
  window: number | undefined,
  key: string,
): Config["windows"] {
  if (!Array.isArray(types) || types.length !== layers) {
    throw fields.wrong("layer_types", `a list of ${layers} types, one per layer`, types);
  }
  return types.map((type) => {
    if (type === "full_attention") return undefined;
    if (type === "sliding_attention" && window !== undefined) return window;
    throw fields.wrong("layer_types", `only "full_attention", or "sliding_attention" with ${key}`, type);
  });
}

function everywhere(window: number | undefined, layers: number): Config["windows"] {
  return Array.from({ length: layers }, () => window);
}
