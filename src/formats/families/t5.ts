// The encoder of T5 and mT5.

import type { Config } from "../../program/config.js";
import type { Activation } from "../../program/ops.js";
import type { Fields } from "../fields.js";
import { plainEncoder } from "./encoders.js";
import type { Family, ModelType } from "./family.js";
import { activationNamed, biases } from "./readers.js";

/** What llama.cpp takes it for. */
const reach = 128;

const t5Type: ModelType = {
  architecture: "t5",
  defaults: {
    vocab_size: 32128,
    hidden_size: 512,
    num_hidden_layers: 6,
    num_attention_heads: 8,
    head_dim: 64,
    intermediate_size: 2048,
    max_position_embeddings: 512,
    feed_forward_proj: "relu",
    pad_token_id: 0,
    eos_token_id: 1,
    tie_word_embeddings: true,
  },
  aliases: {
    d_model: "hidden_size",
    d_kv: "head_dim",
    d_ff: "intermediate_size",
    num_heads: "num_attention_heads",
    num_layers: "num_hidden_layers",
    layer_norm_epsilon: "rms_norm_eps",
    n_positions: "max_position_embeddings",
  },
  activation: (fields) => projection(fields).activation,
  bias: biases(false, false, false),
  heads: {},
  more: readEncoder,
};

export const t5: Family = {
  types: {
    t5: t5Type,
    mt5: {
      ...t5Type,
      defaults: {
        ...t5Type.defaults,
        vocab_size: 250112,
        intermediate_size: 1024,
        num_hidden_layers: 8,
        num_attention_heads: 6,
        feed_forward_proj: "gated-gelu",
      },
    },
  },
  gguf: {
    t5encoder: {
      name: "t5",
      heads: {},
      more(fields, config, tensors) {
        const gated = tensors.has("layers.0.ffn.gate");
        const activation = gated ? "gelu_tanh" : "relu";
        const distances = { count: fields.size("attention.relative_buckets_count"), reach };
        return { causal: false, activation, encoder: { ...plainEncoder(config), gated, distances } };
      },
    },
  },
  names: {
    safetensors: {
      prefix: /^(?:0\.auto_model\.)?(?:encoder\.)?/,
      layer: /^block\.(0|[1-9]\d{0,3})\.(.+)$/,
      outer: {
        shared: "embed",
        final_layer_norm: "norm",
      },
      inLayer: {
        "layer.0.layer_norm": "attention.norm",
        "layer.0.SelfAttention.q": "attention.q",
        "layer.0.SelfAttention.k": "attention.k",
        "layer.0.SelfAttention.v": "attention.v",
        "layer.0.SelfAttention.o": "attention.o",
        "layer.0.SelfAttention.relative_attention_bias": "attention.distances",
        "layer.1.layer_norm": "ffn.norm",
        "layer.1.DenseReluDense.wi": "ffn.up",
        "layer.1.DenseReluDense.wi_0": "ffn.gate",
        "layer.1.DenseReluDense.wi_1": "ffn.up",
        "layer.1.DenseReluDense.wo": "ffn.down",
      },
      spare: { "embed_tokens.weight": "embed" },
    },
    gguf: {
      layer: /^enc\.blk\.(0|[1-9]\d{0,3})\.(.+)$/,
      outer: { "enc.output_norm": "norm" },
      inLayer: { attn_o: "attention.o", attn_rel_b: "attention.distances" },
    },
  },
};

/** "relu", or "gated-gelu", whose gelu is the approximation. Throws InvalidConfig. */
function projection(fields: Fields): { readonly activation: Activation; readonly gated: boolean } {
  const stated = fields.string("feed_forward_proj");
  if (stated === "gated-gelu") return { activation: "gelu_tanh", gated: true };
  const [, gated, name = stated] = /^(gated-)?([^-]+)$/.exec(stated) ?? [];
  return { activation: activationNamed(fields, "feed_forward_proj", name), gated: gated !== undefined };
}

/** Throws InvalidConfig for models that decode, too. */
function readEncoder(fields: Fields, config: Config): Partial<Config> {
  const [name] = (fields.get("architectures") ?? []) as readonly unknown[];
  if (typeof name === "string" && !/EncoderModel$/.test(name)) {
    throw fields.wrong("architectures", "the encoder alone, a class that ends in EncoderModel", name);
  }
  const count = fields.size("relative_attention_num_buckets", 32);
  const distances = { count, reach: fields.size("relative_attention_max_distance", reach) };
  return { causal: false, encoder: { ...plainEncoder(config), gated: projection(fields).gated, distances } };
}
