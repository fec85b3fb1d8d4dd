// config.json to Config: what transformers would make of it, with its defaults.

import { DeadliftError } from "../error.js";
import type { Config, RopeConfig } from "../program/config.js";
import { checkHeads, checkLayers } from "./config_checks.js";
import { type ModelType, modelTypes } from "./config_models.js";
import { ropeScaling } from "./config_rope.js";
import { Fields } from "./fields.js";
import { isObject, type JsonObject } from "./file.js";

/** The Config of a config.json. Throws InvalidConfig, UnsupportedArchitecture. */
export function configFromJson(json: JsonObject, source: string): Config {
  const { fields, type } = textModel(json, source);
  const sizes = readSizes(fields, type);
  const { layers, vocab } = sizes;
  return {
    architecture: type.architecture,
    ...sizes,
    normEpsilon: fields.positive("rms_norm_eps", type.normEpsilon ?? 1e-6),
    activation: type.activation(fields),
    experts: type.experts?.(fields) ?? { count: 0, used: 0, ffn: 0 },
    rope: readRope(fields, type, sizes),
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
  const ownKvHeads = fields.isNull("num_key_value_heads") ? heads : type.kvHeads;
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

/**
 * Either v4's `rope_theta` and `rope_scaling`, or v5's `rope_parameters` with all of it. As in transformers, a filled
 * `rope_scaling` wins, and fields beside it fill the gaps.
 */
function readRope(
  fields: Fields,
  type: ModelType,
  { headDim, contextLength }: { headDim: number; contextLength: number },
): RopeConfig {
  const key =
    isObject(fields.get("rope_scaling")) && Object.keys(fields.get("rope_scaling") as object).length > 0
      ? "rope_scaling"
      : "rope_parameters";
  const stated = fields.fields(key);
  const own = stated ?? (type.rope && Fields.of(fields.source, type.rope));
  const rope = new Fields(own?.source ?? fields.source, (name) => own?.get(name) ?? fields.get(name));
  const theta = rope.positive("rope_theta", type.theta ?? 10000);
  const partial = rope.positive("partial_rotary_factor", 1);
  const dims = Math.trunc(headDim * partial);
  if (partial > 1 || dims < 2 || dims % 2 !== 0) {
    throw rope.wrong("partial_rotary_factor", `a share of the ${headDim} values of a head that is even`, partial);
  }
  const scaling = own ? ropeScaling(own, fields, contextLength) : undefined;
  return { theta, dims, layout: "half", scaling, factors: undefined };
}

function readTokens(fields: Fields, key: string, vocab: number, otherwise: number | undefined): number[] {
  if (fields.has(key)) return fields.tokens(key, vocab);
  return otherwise !== undefined && otherwise < vocab ? [otherwise] : [];
}
