// What families read from config.json alike: activations, biases, windows, experts.

import type { Config, RopeConfig } from "../../program/config.js";
import type { Activation } from "../../program/ops.js";
import { checkExperts, checkGroups } from "../config_checks.js";
import { Fields } from "../fields.js";
import type { RopeFields } from "./family.js";

/** By transformers' names (ACT2FN of activations.py). */
const activations: Readonly<Record<string, Activation>> = {
  silu: "silu",
  swish: "silu",
  gelu: "gelu",
  gelu_python: "gelu",
  gelu_new: "gelu_tanh",
  gelu_fast: "gelu_tanh",
  gelu_pytorch_tanh: "gelu_tanh",
  gelu_accurate: "gelu_tanh",
  quick_gelu: "gelu_quick",
  relu: "relu",
  relu2: "relu2",
  sigmoid: "sigmoid",
  tanh: "tanh",
};

/** Throws InvalidConfig for those that we do not have. */
export function activationOf(fields: Fields, key = "hidden_act", otherwise = "silu"): Activation {
  return activationNamed(fields, key, fields.string(key, otherwise));
}

/** Of a key that says more than this name. */
export function activationNamed(fields: Fields, key: string, name: string): Activation {
  if (Object.hasOwn(activations, name)) return activations[name]!;
  throw fields.wrong(key, `one of ${Object.keys(activations).join(", ")}`, name);
}

export function silu(fields: Fields): "silu" {
  const name = fields.string("hidden_act", "silu");
  if (name === "silu" || name === "swish") return "silu";
  throw fields.wrong("hidden_act", '"silu"', name);
}

/** `attention_bias` and `mlp_bias`. */
export function llamaBias(fields: Fields): Config["bias"] {
  const attention = fields.boolean("attention_bias", false);
  return { qkv: attention, attentionOutput: attention, ffn: fields.boolean("mlp_bias", false) };
}

/** `attention_bias` alone. */
export function attentionBias(fields: Fields): Config["bias"] {
  const attention = fields.boolean("attention_bias", false);
  return { qkv: attention, attentionOutput: attention, ffn: false };
}

/** Throws InvalidConfig for a model that needs what this key switches on. */
export function mustBeOff(fields: Fields, key: string): void {
  if (fields.boolean(key, false)) throw fields.wrong(key, "false", true);
}

/** The same everywhere, whatever config.json says. */
export function biases(qkv: boolean, attentionOutput: boolean, ffn: boolean): () => Config["bias"] {
  return () => ({ qkv, attentionOutput, ffn });
}

export function everywhere(window: number | undefined, layers: number): Config["windows"] {
  return Array.from({ length: layers }, () => window);
}

/** One window in all layers: `sliding_window`, where there is one. */
export function slidingEverywhere(fields: Fields, layers: number): Config["windows"] {
  return everywhere(fields.optionalSize("sliding_window"), layers);
}

/** One for each layer, as `types` says; `key` is what gives them their size. */
export function typedWindows(
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

/**
 * Windows of `layer_types`, else in all layers but every `pattern`th (0: in none), where `sliding_window` gives them a
 * size.
 */
export function patternedWindows(fields: Fields, layers: number, pattern: number): Config["windows"] {
  const window = fields.optionalSize("sliding_window");
  const slides = (layer: number) => pattern > 0 && window !== undefined && (layer + 1) % pattern !== 0;
  const types =
    fields.get("layer_types") ??
    Array.from({ length: layers }, (_, i) => (slides(i) ? "sliding_attention" : "full_attention"));
  return typedWindows(fields, types, layers, window, "sliding_window");
}

/**
 * v4's `rope_theta`, `rope_scaling` and, of layers with windows, `localTheta`; or v5's `rope_parameters` with an object of
 * each kind.
 */
export function ropesByWindow(fields: Fields, localTheta: string): { full: RopeFields; local: RopeFields } {
  const both = fields.fields("rope_parameters");
  const theta = (key: string) => new Fields(fields.source, (name) => fields.get(name === "rope_theta" ? key : name));
  return {
    full: { own: fields.fields("rope_scaling") ?? both?.fields("full_attention"), outer: fields },
    local: { own: both?.fields("sliding_attention"), outer: theta(localTheta) },
  };
}

/** Of layers with windows, in GGUF: without scaling. */
export function localGgufRope(fields: Fields, rope: RopeConfig, theta: number): RopeConfig {
  return { ...rope, theta: fields.positive("rope.freq_base_swa", theta), scaling: undefined };
}

/** Names of experts whose gate and up are one tensor, as transformers 5 keeps them. */
export const fusedExperts: Readonly<Record<string, string>> = {
  "mlp.experts.gate_up_proj": "ffn.experts.gate_up",
  "mlp.experts.down_proj": "ffn.experts.down",
};

/** What every model of experts states; `countKey` names how many there are. */
export function readExperts(fields: Fields, layers: number, countKey: string, ffnKey: string): Config["experts"] {
  const count = fields.size(countKey);
  const used = fields.size("num_experts_per_tok");
  checkExperts(fields, countKey, count, used);
  return {
    count,
    used,
    ffn: fields.size(ffnKey),
    shared: 0,
    layers: Array.from({ length: layers }, () => true),
    share: true,
    scale: 1,
    groups: 1,
    groupsUsed: 1,
  };
}

/** Experts of DeepSeek and its relatives: the first layers have none, some experts are for all tokens. */
export function routedExperts(fields: Fields, layers: number, countKey = "n_routed_experts"): Config["experts"] {
  const experts = readExperts(fields, layers, countKey, "moe_intermediate_size");
  const dense = fields.get("first_k_dense_replace") ? fields.size("first_k_dense_replace") : 0;
  return checkGroups(fields, {
    ...experts,
    shared: fields.get("n_shared_experts") ? fields.size("n_shared_experts") * experts.ffn : 0,
    layers: Array.from({ length: layers }, (_, layer) => layer >= dense),
    share: fields.boolean("norm_topk_prob", false),
    scale: fields.positive("routed_scaling_factor", 1),
    groups: fields.size("n_group", 1),
    groupsUsed: fields.size("topk_group", 1),
  });
}

/** The same with the layers that `mlp_layer_types` calls sparse, where it is there. */
export function typedLayers(fields: Fields, experts: Config["experts"]): Config["experts"] {
  const types = fields.get("mlp_layer_types");
  const count = experts.layers.length;
  if (types === undefined) return experts;
  if (Array.isArray(types) && types.length === count && types.every((type) => type === "dense" || type === "sparse")) {
    return { ...experts, layers: types.map((type) => type === "sparse") };
  }
  throw fields.wrong("mlp_layer_types", `a list of ${count} of "dense" and "sparse"`, types);
}
