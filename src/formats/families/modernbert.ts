// ModernBERT.

import type { Config, HeadLayer } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { TensorInfo } from "../sizes.js";
import { encoderOfGguf, plainEncoder } from "./encoders.js";
import type { ClassesHead, Family } from "./family.js";
import { headLayer } from "./heads.js";
import { activationOf, llamaBias, typedWindows } from "./readers.js";

type Tensors = ReadonlyMap<string, TensorInfo>;

export const modernbert: Family = {
  types: {
    modernbert: {
      architecture: "modernbert",
      defaults: {
        vocab_size: 50368,
        hidden_size: 768,
        intermediate_size: 1152,
        num_hidden_layers: 22,
        num_attention_heads: 12,
        hidden_act: "gelu",
        max_position_embeddings: 8192,
        rms_norm_eps: 1e-5,
        pad_token_id: 50283,
        eos_token_id: 50282,
        bos_token_id: 50281,
        tie_word_embeddings: true,
      },
      aliases: { hidden_activation: "hidden_act", norm_eps: "rms_norm_eps" },
      bias: llamaBias,
      windows: localWindows,
      heads: {
        masked: (fields, config) => ({ layers: dense(fields, config), bias: fields.boolean("decoder_bias", true) }),
        classes: (fields, config) => ({ pooling: readPooling(fields), layers: dense(fields, config) }),
        tokenClasses: dense,
      },
      more: (fields, config) => ({
        causal: false,
        rope: { ...config.rope, theta: thetaOf(fields, "full_attention", "global_rope_theta", 160000) },
        localRope: { ...config.rope, theta: thetaOf(fields, "sliding_attention", "local_rope_theta", 10000) },
        encoder: { ...plainEncoder(config), normBias: fields.boolean("norm_bias", false) },
      }),
    },
  },
  gguf: {
    "modern-bert": {
      name: "modernbert",
      heads: { classes: ggufClasses },
      more: readGguf,
    },
  },
  names: {
    gguf: { inLayer: { attn_qkv: "attention.qkv", ffn_up: "ffn.gate_up" } },
    safetensors: {
      outer: {
        "embeddings.tok_embeddings": "embed",
        "embeddings.norm": "embed.norm",
        final_norm: "norm",
        "head.dense": "head.dense",
        "head.norm": "head.norm",
        decoder: "output",
        classifier: "head.classes",
      },
      inLayer: {
        attn_norm: "attention.norm",
        "attn.Wqkv": "attention.qkv",
        "attn.Wo": "attention.o",
        mlp_norm: "ffn.norm",
        "mlp.Wi": "ffn.gate_up",
        "mlp.Wo": "ffn.down",
      },
    },
  },
};

function dense(fields: Fields, { dim }: Config): readonly HeadLayer[] {
  const activation = activationOf(fields, "classifier_activation", "gelu");
  return [
    headLayer("head.dense", dim, { bias: fields.boolean("classifier_bias", false), activation, norm: "head.norm" }),
  ];
}

function readPooling(fields: Fields): "first" | "mean" {
  const name = fields.string("classifier_pooling", "cls");
  if (name === "cls") return "first";
  if (name === "mean") return "mean";
  throw fields.wrong("classifier_pooling", '"cls" or "mean"', name);
}

/** `local_attention` counts tokens on both sides. */
function localWindows(fields: Fields, layers: number): Config["windows"] {
  const window = Math.floor(fields.size("local_attention", 128) / 2) + 1;
  const every = fields.size("global_attn_every_n_layers", 3);
  const alternate = Array.from({ length: layers }, (_, i) => (i % every ? "sliding_attention" : "full_attention"));
  return typedWindows(fields, fields.get("layer_types") ?? alternate, layers, window, "local_attention");
}

/** Of v5's `rope_parameters`, which has an object for each kind of layers, or v4's key. Throws InvalidConfig for scaled ones. */
function thetaOf(fields: Fields, kind: string, key: string, otherwise: number): number {
  if (fields.get("rope_scaling") !== undefined)
    throw fields.wrong("rope_scaling", "nothing", fields.get("rope_scaling"));
  const own = fields.fields("rope_parameters")?.fields(kind);
  const type = own?.string("rope_type", "default") ?? "default";
  if (type !== "default") throw own!.wrong("rope_type", '"default"', type);
  return own?.optionalPositive("rope_theta") ?? fields.positive(key, otherwise);
}

/** llama.cpp takes the mean, whatever a model's configuration said. */
function ggufClasses({ dim }: Config, tensors: Tensors): ClassesHead {
  const bias = tensors.has("head.dense.bias");
  return { pooling: "mean", layers: [headLayer("head.dense", dim, { bias, activation: "gelu", norm: "head.norm" })] };
}

function readGguf(fields: Fields, { dim, layers, rope }: Config, tensors: Tensors): Partial<Config> {
  const every = fields.size("attention.sliding_window_pattern", 3);
  const window = Math.floor(fields.size("attention.sliding_window") / 2) + 1;
  return {
    causal: false,
    activation: activationOf(fields, "hidden_activation", "gelu"),
    windows: Array.from({ length: layers }, (_, i) => (i % every ? window : undefined)),
    localRope: { ...rope, theta: fields.positive("rope.freq_base_swa", 10000) },
    bias: {
      qkv: tensors.has("layers.0.attention.qkv.bias"),
      attentionOutput: tensors.has("layers.0.attention.o.bias"),
      ffn: tensors.has("layers.0.ffn.gate_up.bias"),
    },
    encoder: encoderOfGguf({ dim, layers }, tensors),
  };
}
