// DistilBERT: BERT's list of ops without segments, under names of its own.

import { encoderOf } from "./encoders.js";
import type { Family } from "./family.js";
import { headLayer, transform } from "./heads.js";
import { activationOf, biases } from "./readers.js";

export const distilbert: Family = {
  types: {
    distilbert: {
      architecture: "bert",
      defaults: {
        vocab_size: 30522,
        hidden_size: 768,
        num_hidden_layers: 6,
        num_attention_heads: 12,
        intermediate_size: 3072,
        hidden_act: "gelu",
        max_position_embeddings: 512,
        rms_norm_eps: 1e-12,
        tie_word_embeddings: true,
      },
      aliases: {
        dim: "hidden_size",
        n_layers: "num_hidden_layers",
        n_heads: "num_attention_heads",
        hidden_dim: "intermediate_size",
        activation: "hidden_act",
      },
      activation: activationOf,
      bias: biases(true, true, true),
      heads: {
        masked: (fields, { dim }) => ({ layers: transform(dim, activationOf(fields)), bias: true }),
        classes: (_, { dim }) => ({ pooling: "first", layers: [headLayer("head.dense", dim, { activation: "relu" })] }),
      },
      more: (fields, config) => encoderOf(fields, config, { segments: 0 }),
    },
  },
  names: {
    safetensors: {
      prefix: /^(?:(?:0\.auto_model|model|distilbert)\.)+/,
      layer: /^transformer\.layer\.(0|[1-9]\d{0,3})\.(.+)$/,
      outer: {
        "embeddings.word_embeddings": "embed",
        "embeddings.position_embeddings": "embed.positions",
        "embeddings.LayerNorm": "embed.norm",
        vocab_transform: "head.dense",
        vocab_layer_norm: "head.norm",
        vocab_projector: "output",
        pre_classifier: "head.dense",
        classifier: "head.classes",
      },
      inLayer: {
        "attention.q_lin": "attention.q",
        "attention.k_lin": "attention.k",
        "attention.v_lin": "attention.v",
        "attention.out_lin": "attention.o",
        sa_layer_norm: "attention.post_norm",
        "ffn.lin1": "ffn.up",
        "ffn.lin2": "ffn.down",
        output_layer_norm: "ffn.post_norm",
      },
    },
  },
};
