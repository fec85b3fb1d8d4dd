// Gemma 4 (text).

import { type Config, type Gemma4Config, noExperts, type RopeConfig } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { TensorInfo } from "../sizes.js";
import type { Family, ModelType } from "./family.js";
import { gemmaScales } from "./gemma.js";
import { activationOf, attentionBias, localGgufRope, patternedWindows, readExperts } from "./readers.js";

const gemma4Type: ModelType = {
  architecture: "gemma4",
  defaults: {
    max_position_embeddings: 131072,
    num_key_value_heads: 4,
    head_dim: 256,
    global_head_dim: 512,
    sliding_window: 512,
    vocab_size_per_layer_input: 262144,
    hidden_size_per_layer_input: 256,
    tie_word_embeddings: true,
    pad_token_id: 0,
    bos_token_id: 2,
    eos_token_id: 1,
  },
  activation: (fields) => activationOf(fields, "hidden_activation", "gelu_pytorch_tanh"),
  bias: attentionBias,
  aliases: { top_k_experts: "num_experts_per_tok" },
  experts: (fields, layers) =>
    fields.boolean("enable_moe_block", false)
      ? readExperts(fields, layers, "num_experts", "moe_intermediate_size")
      : noExperts,
  // The last layer sees everything, whatever the list says.
  windows: (fields, layers) =>
    patternedWindows(fields, layers, 6).map((window, i) => (i < layers - 1 ? window : undefined)),
  more: readGemma4,
};

export const gemma4: Family = {
  types: {
    gemma4_text: gemma4Type,
    // The same list, where images and sounds are no towers of their own.
    gemma4_unified_text: {
      ...gemma4Type,
      defaults: {
        ...gemma4Type.defaults,
        max_position_embeddings: 262144,
        sliding_window: 1024,
        hidden_size_per_layer_input: 0,
      },
    },
  },
  gguf: {
    gemma4: {
      name: "gemma4",
      activation: "gelu_tanh",
      mixture: "sometimes",
      sizes: (fields) => ({
        feed_forward_length: entryOf(fields.get("feed_forward_length"), 0),
        "attention.head_count_kv": entryOf(fields.get("attention.head_count_kv"), -1),
      }),
      more: readGemma4Gguf,
    },
  },
  names: {
    safetensors: {
      outer: {
        embed_tokens_per_layer: "per_layer.embed",
        per_layer_model_projection: "per_layer.projection",
        per_layer_projection_norm: "per_layer.norm",
      },
      inLayer: {
        post_attention_layernorm: "attention.post_norm",
        pre_feedforward_layernorm: "ffn.norm",
        post_feedforward_layernorm: "ffn.post_norm",
        per_layer_input_gate: "per_layer.gate",
        per_layer_projection: "per_layer.projection",
        post_per_layer_input_norm: "per_layer.post_norm",
        "router.proj": "ffn.router",
        post_feedforward_layernorm_1: "ffn.first_norm",
        pre_feedforward_layernorm_2: "ffn.experts.norm",
        post_feedforward_layernorm_2: "ffn.experts.post_norm",
      },
      bare: {
        layer_scalar: "scale",
        "router.scale": "ffn.router.scale",
        "router.per_expert_scale": "ffn.router.factors",
        "experts.gate_up_proj": "ffn.experts.gate_up",
        "experts.down_proj": "ffn.experts.down",
      },
    },
    gguf: {
      outer: {
        per_layer_token_embd: "per_layer.embed",
        per_layer_model_proj: "per_layer.projection",
        per_layer_proj_norm: "per_layer.norm",
      },
      inLayer: {
        post_attention_norm: "attention.post_norm",
        post_ffw_norm: "ffn.post_norm",
        inp_gate: "per_layer.gate",
        proj: "per_layer.projection",
        post_norm: "per_layer.post_norm",
        layer_output_scale: "scale",
        post_ffw_norm_1: "ffn.first_norm",
        pre_ffw_norm_2: "ffn.experts.norm",
        post_ffw_norm_2: "ffn.experts.post_norm",
        ffn_gate_up_exps: "ffn.experts.gate_up",
      },
      bare: { "ffn_gate_inp.scale": "ffn.router.scale", "ffn_down_exps.scale": "ffn.router.factors" },
    },
  },
};

function readGemma4(fields: Fields, config: Config): Partial<Config> {
  if (fields.get("use_bidirectional_attention") === "all") {
    throw fields.wrong("use_bidirectional_attention", 'null or "vision"', "all");
  }
  const { headDim, kvHeads, ffn, windows } = config;
  const global = globalHeads(fields, config);
  const width = fields.get("hidden_size_per_layer_input") ? fields.size("hidden_size_per_layer_input") : 0;
  return {
    ...global,
    rope: globalRope(fields, global.headDim),
    localRope: { ...plainRope(fields, "sliding_attention", 1e4), dims: headDim },
    scales: gemmaScales(config),
    output: { ...config.output, softcap: fields.optionalPositive("final_logit_softcapping") },
    sharing: sharedLayers(fields, "num_kv_shared_layers", windows),
    perLayer: { width, vocab: fields.size("vocab_size_per_layer_input") },
    gemma4: {
      localHeadDim: headDim,
      localKvHeads: kvHeads,
      keysAreValues: fields.boolean("attention_k_eq_v", false),
      sharingFfn: ffn * (fields.boolean("use_double_wide_mlp", false) ? 2 : 1),
    },
  };
}

/** Of layers without windows: `per_layer_config`, or the words that it is made from. */
function globalHeads(fields: Fields, { windows, kvHeads }: Config): Pick<Config, "headDim" | "kvHeads"> {
  const layer = windows.indexOf(undefined);
  const each = fields.fields("per_layer_config");
  const own = each?.fields(`${layer}`);
  const odd = windows.findIndex((window, i) => {
    const wanted = window === undefined ? each?.get(`${layer}`) : undefined;
    return JSON.stringify(each?.get(`${i}`)) !== JSON.stringify(wanted);
  });
  if (odd >= 0) throw fields.wrong("per_layer_config", "the same for all layers without windows", each?.get(`${odd}`));
  const stated = fields.boolean("attention_k_eq_v", false)
    ? fields.optionalSize("num_global_key_value_heads")
    : undefined;
  return {
    headDim: own?.optionalSize("head_dim") ?? fields.size("global_head_dim"),
    kvHeads: own?.optionalSize("num_key_value_heads") ?? stated ?? kvHeads,
  };
}

/** "proportional": the first so many of all frequencies of a head; the others do not turn. */
function globalRope(fields: Fields, headDim: number): RopeConfig {
  const own = fields.fields("rope_parameters")?.fields("full_attention");
  const rope = { ...plainRope(fields, "full_attention", 1e6), dims: headDim };
  const type = own?.string("rope_type", "default") ?? "proportional";
  if (type === "default") return rope;
  if (own && type !== "proportional") throw own.wrong("rope_type", '"default" or "proportional"', type);
  const partial = own ? own.positive("partial_rotary_factor", 1) : 0.25;
  const turning = Math.floor((partial * headDim) / 2);
  const factor = own?.positive("factor", 1) ?? 1;
  const factors = Float32Array.from({ length: headDim / 2 }, (_, i) =>
    i < turning ? factor : Number.POSITIVE_INFINITY,
  );
  return { ...rope, factors };
}

function plainRope(fields: Fields, kind: string, theta: number): Omit<RopeConfig, "dims"> {
  const own = fields.fields("rope_parameters")?.fields(kind);
  const type = own?.string("rope_type", "default");
  if (kind === "sliding_attention" && own && type !== "default") throw own.wrong("rope_type", '"default"', type);
  return {
    theta: own?.positive("rope_theta", theta) ?? theta,
    layout: "half",
    scaling: undefined,
    factors: undefined,
  };
}

/** How many of the last layers use keys and values of earlier ones; before them must be one of each kind. */
export function sharedLayers(fields: Fields, key: string, windows: Config["windows"]): number {
  const sharing = fields.get(key) ? fields.size(key) : 0;
  const makers = windows.slice(0, Math.max(0, windows.length - sharing)).map((window) => window === undefined);
  const missing = windows.find((window) => !makers.includes(window === undefined));
  if (makers.length > 0 && windows.every((window) => makers.includes(window === undefined))) return sharing;
  throw fields.wrong(
    key,
    `fewer layers than there are, a layer ${missing ? "with" : "without"} a window left`,
    sharing,
  );
}

function readGemma4Gguf(fields: Fields, config: Config, tensors: ReadonlyMap<string, TensorInfo>): Partial<Config> {
  const { rope, ffn, windows, layers } = config;
  const rows = (name: string) => tensors.get(name)?.shape[0];
  const local = fields.size("attention.key_length_swa", config.headDim);
  const localRope = { ...localGgufRope(fields, rope, 10000), factors: undefined };
  const width = fields.get("embedding_length_per_layer_input") ? fields.size("embedding_length_per_layer_input") : 0;
  const own: Gemma4Config = {
    localHeadDim: local,
    localKvHeads: Math.trunc((rows("layers.0.attention.k") ?? config.kvHeads * local) / local),
    keysAreValues: !tensors.has(`layers.${windows.indexOf(undefined)}.attention.v`),
    sharingFfn: rows(`layers.${layers - 1}.ffn.gate`) ?? ffn,
  };
  return {
    localRope: { ...localRope, dims: fields.size("rope.dimension_count_swa", local) },
    scales: gemmaScales(config),
    output: { ...config.output, softcap: fields.optionalPositive("final_logit_softcapping") },
    sharing: sharedLayers(fields, "attention.shared_kv_layers", windows),
    perLayer: { width, vocab: rows("per_layer.embed") ?? config.vocab },
    gemma4: own,
  };
}

/** An entry of a list, from its end where the index is negative, or the value that all layers have. */
function entryOf(value: unknown, index: number): unknown {
  return Array.isArray(value) ? value.at(index) : value;
}
