// config.json to Config: what transformers would make of it, with its defaults.

import { DeadliftError } from "../error.js";
import { type Config, plain } from "../program/config.js";
import { checkHeads, checkLayers } from "./config_checks.js";
import { ropeConfig } from "./config_rope.js";
import { readHead } from "./families/heads.js";
import { knownTypes, type ModelType, modelTypes, nearestType, type RopeFields } from "./families/index.js";
import { insideSizes } from "./families/inside.js";
import { activationOf, everywhere } from "./families/readers.js";
import { Fields } from "./fields.js";
import { isObject, type JsonObject } from "./file.js";

/** The Config of a config.json. Throws InvalidConfig, UnsupportedArchitecture. */
export function configFromJson(json: JsonObject, source: string): Config {
  const { fields, type } = textModel(json, source);
  const sizes = readSizes(fields);
  const { layers, vocab, headDim, contextLength } = sizes;
  const ropes = type.ropes?.(fields);
  const ropeFacts = { headDim, contextLength, layout: type.layout ?? "half" } as const;
  const config: Config = {
    ...plain,
    architecture: type.architecture,
    ...sizes,
    normEpsilon: fields.positive("rms_norm_eps", 1e-6),
    activation: (type.activation ?? activationOf)(fields),
    experts: type.experts?.(fields, layers) ?? plain.experts,
    rope: ropeConfig(ropes?.full ?? ropeFields(fields), ropeFacts),
    localRope: ropes && ropeConfig(ropes.local, ropeFacts),
    turns: Array.from({ length: layers }, () => true),
    windows: type.windows?.(fields, layers) ?? everywhere(undefined, layers),
    bias: type.bias?.(fields) ?? plain.bias,
    causal: fields.boolean("is_causal", true),
    tiedOutput: fields.boolean("tie_word_embeddings", false),
    tokens: {
      bos: fields.tokens("bos_token_id", vocab)[0],
      eos: fields.tokens("eos_token_id", vocab),
      pad: fields.tokens("pad_token_id", vocab)[0],
    },
  };
  const whole = { ...config, ...type.more?.(fields, config) };
  return { ...whole, ...readHead(fields, type, whole) };
}

/** Its own word for what it is, or that of the text model in it; undefined where we know neither. */
export function modelTypeOf(json: JsonObject): string | undefined {
  const inner = isObject(json.text_config) ? json.text_config.model_type : undefined;
  return [json.model_type, inner].find((name): name is string => typeof name === "string" && modelTypes.has(name));
}

/** The fields of the language model itself: in multi-modal models they are in `text_config`. */
function textModel(json: JsonObject, source: string): { fields: Fields; type: ModelType } {
  const name = Fields.of(source, json).string("model_type");
  const known = modelTypeOf(json);
  const type = known === undefined ? undefined : modelTypes.get(known);
  if (type && known === name) return { fields: typedFields(json, type, source), type };
  const text = json.text_config;
  if (type && isObject(text)) {
    // The wrapper's own word wins for what it shares with the text model.
    const shared = Object.fromEntries(
      ["tie_word_embeddings", "eos_token_id", "bos_token_id", "pad_token_id"]
        .filter((key) => Object.hasOwn(json, key))
        .map((key) => [key, json[key]]),
    );
    const whole = { ...insideSizes(known!), ...text, ...shared };
    return { fields: typedFields(whole, type, `text_config of ${source}`), type };
  }
  throw unknownType(json, source);
}

/** Throws UnsupportedArchitecture for a config.json of a model that cannot run, before anybody downloads its weights. */
export function checkModelType(json: JsonObject, source: string): void {
  if (typeof json.model_type === "string" && modelTypeOf(json) === undefined) throw unknownType(json, source);
}

function unknownType(json: JsonObject, source: string): DeadliftError {
  const inner = isObject(json.text_config) ? json.text_config.model_type : undefined;
  const received = typeof inner === "string" ? `"${json.model_type}" (text model "${inner}")` : `"${json.model_type}"`;
  const near = nearestType(typeof inner === "string" ? inner : String(json.model_type));
  const relative = near === undefined ? "" : `its nearest relative here is "${near}"; `;
  return new DeadliftError(
    "UnsupportedArchitecture",
    `cannot run model_type ${received} of ${source}; ${relative}supported: ${knownTypes()}`,
  );
}

/** Keys as most have them, with the defaults of the type. */
function typedFields(json: JsonObject, { defaults, aliases = {}, sizes }: ModelType, source: string): Fields {
  const renamed = Object.entries(json).map(([key, value]) => [Object.hasOwn(aliases, key) ? aliases[key] : key, value]);
  const stated = { ...defaults, ...Object.fromEntries(renamed) };
  return Fields.of(source, { ...stated, ...sizes?.(Fields.of(source, stated)) });
}

function readSizes(fields: Fields) {
  const dim = fields.size("hidden_size");
  const heads = fields.size("num_attention_heads");
  const kvHeads = fields.size("num_key_value_heads", heads);
  const headDim = fields.optionalSize("head_dim") ?? dim / heads;
  checkHeads(fields, { dim, heads, kvHeads, headDim });
  return {
    dim,
    ffn: fields.size("intermediate_size"),
    heads,
    kvHeads,
    headDim,
    layers: checkLayers(fields, "num_hidden_layers"),
    vocab: fields.size("vocab_size"),
    contextLength: fields.size("max_position_embeddings"),
  };
}

/**
 * Either v4's `rope_theta` and `rope_scaling`, or v5's `rope_parameters` with all of it. As in transformers, a filled
 * `rope_scaling` wins, and fields beside it fill the gaps.
 */
function ropeFields(fields: Fields): RopeFields {
  const scaling = fields.get("rope_scaling");
  const filled = isObject(scaling) && Object.keys(scaling).length > 0;
  return { own: fields.fields(filled ? "rope_scaling" : "rope_parameters"), outer: fields };
}
