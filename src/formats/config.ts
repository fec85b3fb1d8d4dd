// config.json to Config: what transformers would make of it, with its defaults.

import { DeadliftError } from "../error.js";
import type { Config, RopeConfig } from "../program/config.js";
import { ropeScaling } from "./config_rope.js";
import { Fields } from "./fields.js";
import { isObject, type JsonObject } from "./file.js";

/** What differs between model types; the defaults are those of transformers' configuration classes. */
interface ModelType {
  readonly architecture: string;
  readonly contextLength: number;
  /** When the key is absent (null means: as many as heads). */
  readonly kvHeads?: number;
  readonly headDim?: number;
  readonly bos?: number;
  readonly eos?: number;
  readonly bias: (fields: Fields) => Config["bias"];
  readonly windows: (fields: Fields, layers: number) => Config["windows"];
}

const llamaBias: ModelType["bias"] = (fields) => {
  const attention = fields.boolean("attention_bias", false);
  return { qkv: attention, attentionOutput: attention, ffn: fields.boolean("mlp_bias", false) };
};

const modelTypes: Readonly<Record<string, ModelType>> = {
  llama: {
    architecture: "llama",
    contextLength: 2048,
    bos: 1,
    eos: 2,
    bias: llamaBias,
    windows: (_, layers) => everywhere(undefined, layers),
  },
  mistral: {
    architecture: "llama",
    contextLength: 131072,
    kvHeads: 8,
    bos: 1,
    eos: 2,
    bias: () => ({ qkv: false, attentionOutput: false, ffn: false }),
    windows: (fields, layers) =>
      everywhere(isNull(fields, "sliding_window") ? undefined : fields.size("sliding_window", 4096), layers),
  },
  qwen2: {
    architecture: "qwen2",
    contextLength: 32768,
    kvHeads: 32,
    bias: () => ({ qkv: true, attentionOutput: false, ffn: false }),
    windows: qwenWindows,
  },
  qwen3: {
    architecture: "qwen3",
    contextLength: 32768,
    kvHeads: 32,
    headDim: 128,
    bias: (fields) => ({ ...llamaBias(fields), ffn: false }),
    windows: qwenWindows,
  },
};

/** The Config of a config.json. Throws InvalidConfig, UnsupportedArchitecture. */
export function configFromJson(json: JsonObject, source: string): Config {
  const { fields, type } = textModel(json, source);
  const sizes = readSizes(fields, type);
  const { layers, vocab, headDim } = sizes;
  return {
    architecture: type.architecture,
    ...sizes,
    normEpsilon: fields.positive("rms_norm_eps", 1e-6),
    activation: readActivation(fields),
    rope: readRope(fields, headDim, sizes.contextLength),
    windows: type.windows(fields, layers),
    bias: type.bias(fields),
    tiedOutput: fields.boolean("tie_word_embeddings", false),
    tokens: {
      bos: readTokens(fields, "bos_token_id", vocab, type.bos)[0],
      eos: readTokens(fields, "eos_token_id", vocab, type.eos),
      pad: readTokens(fields, "pad_token_id", vocab, undefined)[0],
    },
  };
}

/** The fields of the language model itself: in multi-modal models they are in `text_config`. */
function textModel(json: JsonObject, source: string): { fields: Fields; type: ModelType } {
  const outer = Fields.of(source, json);
  const name = outer.string("model_type");
  if (Object.hasOwn(modelTypes, name)) return { fields: outer, type: modelTypes[name]! };
  const text = json.text_config;
  const inner = isObject(text) ? text.model_type : undefined;
  if (isObject(text) && typeof inner === "string" && Object.hasOwn(modelTypes, inner)) {
    // The wrapper's own word wins for what it shares with the text model.
    const shared = Object.fromEntries(
      ["tie_word_embeddings", "eos_token_id", "bos_token_id", "pad_token_id"]
        .filter((key) => Object.hasOwn(json, key))
        .map((key) => [key, json[key]]),
    );
    return { fields: Fields.of(`text_config of ${source}`, { ...text, ...shared }), type: modelTypes[inner]! };
  }
  const received = typeof inner === "string" ? `"${name}" (text model "${inner}")` : `"${name}"`;
  throw new DeadliftError(
    "UnsupportedArchitecture",
    `cannot run model_type ${received} of ${source}; supported: ${Object.keys(modelTypes).join(", ")}`,
  );
}

function readSizes(fields: Fields, type: ModelType) {
  const dim = fields.size("hidden_size");
  const heads = fields.size("num_attention_heads");
  const ownKvHeads = isNull(fields, "num_key_value_heads") ? heads : type.kvHeads;
  const kvHeads = fields.size("num_key_value_heads", ownKvHeads ?? heads);
  const headDim = fields.optionalSize("head_dim") ?? type.headDim ?? dim / heads;
  checkHeads(fields, { dim, heads, kvHeads, headDim });
  return {
    dim,
    ffn: fields.size("intermediate_size"),
    heads,
    kvHeads,
    headDim,
    layers: checkLayers(fields, "num_hidden_layers"),
    vocab: fields.size("vocab_size"),
    contextLength: fields.size("max_position_embeddings", type.contextLength),
  };
}

/** Published ones have at most some hundred values; a table of frequencies is made for them before weights are looked at. */
const maxHeadDim = 2 ** 16;
/** No model has more layers; a program is a list of some ten ops for each. */
const maxLayers = 4096;

export function checkLayers(fields: Fields, key: string): number {
  const layers = fields.size(key);
  if (layers <= maxLayers) return layers;
  throw fields.wrong(key, `at most ${maxLayers} layers`, layers);
}

export function checkHeads(
  fields: Fields,
  { dim, heads, kvHeads, headDim }: { dim: number; heads: number; kvHeads: number; headDim: number },
): void {
  if (!Number.isInteger(headDim)) {
    throw fields.wrong("the hidden size", `a multiple of the ${heads} attention heads`, dim);
  }
  if (headDim > maxHeadDim) throw fields.wrong("the size of a head", `at most ${maxHeadDim}`, headDim);
  if (headDim % 2 !== 0) throw fields.wrong("the size of a head", "an even number", headDim);
  if (heads % kvHeads !== 0)
    throw fields.wrong("the key-value heads", `a divisor of the ${heads} attention heads`, kvHeads);
}

function readActivation(fields: Fields): "silu" {
  const name = fields.string("hidden_act", "silu");
  if (name === "silu" || name === "swish") return "silu";
  throw fields.wrong("hidden_act", '"silu"', name);
}

/**
 * Either v4's `rope_theta` and `rope_scaling`, or v5's `rope_parameters` with all of it. As in transformers, a filled
 * `rope_scaling` wins, and fields beside it fill the gaps.
 */
function readRope(fields: Fields, headDim: number, contextLength: number): RopeConfig {
  const key =
    isObject(fields.get("rope_scaling")) && Object.keys(fields.get("rope_scaling") as object).length > 0
      ? "rope_scaling"
      : "rope_parameters";
  const own = fields.fields(key);
  const rope = new Fields(own?.source ?? fields.source, (name) => own?.get(name) ?? fields.get(name));
  const theta = rope.positive("rope_theta", 10000);
  const partial = rope.positive("partial_rotary_factor", 1);
  const dims = Math.trunc(headDim * partial);
  if (partial > 1 || dims < 2 || dims % 2 !== 0) {
    throw rope.wrong("partial_rotary_factor", `a share of the ${headDim} values of a head that is even`, partial);
  }
  const scaling = own ? ropeScaling(own, fields, contextLength) : undefined;
  return { theta, dims, layout: "half", scaling, factors: undefined };
}

/** Qwen: windows from `layer_types`, or in all layers from `max_window_layers` on; only with `use_sliding_window`. */
function qwenWindows(fields: Fields, layers: number): Config["windows"] {
  const window =
    fields.boolean("use_sliding_window", false) && !isNull(fields, "sliding_window")
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
  if (!Array.isArray(types) || types.length !== layers) {
    throw fields.wrong("layer_types", `a list of ${layers} types, one per layer`, types);
  }
  return types.map((type) => {
    if (type === "full_attention") return undefined;
    if (type === "sliding_attention" && window !== undefined) return window;
    throw fields.wrong("layer_types", 'only "full_attention", or "sliding_attention" with use_sliding_window', type);
  });
}

function everywhere(window: number | undefined, layers: number): Config["windows"] {
  return Array.from({ length: layers }, () => window);
}

function readTokens(fields: Fields, key: string, vocab: number, otherwise: number | undefined): number[] {
  if (fields.has(key)) return fields.tokens(key, vocab);
  return otherwise !== undefined && otherwise < vocab ? [otherwise] : [];
}

/** The key is there and says null: "none", where an absent key means the default. */
function isNull(fields: Fields, key: string): boolean {
  return fields.has(key) && fields.get(key) === undefined;
}
