// ALBERT.

import { encoderOf, firstDense } from "./encoders.js";
import type { Family } from "./family.js";
import { transform } from "./heads.js";
import { activationOf, biases } from "./readers.js";

export const albert: Family = {
  types: {
    albert: {
      architecture: "albert",
      defaults: {
        vocab_size: 30000,
        embedding_size: 128,
        hidden_size: 4096,
        num_hidden_layers: 12,
        num_attention_heads: 64,
        intermediate_size: 16384,
        hidden_act: "gelu_new",
        max_position_embeddings: 512,
        type_vocab_size: 2,
        rms_norm_eps: 1e-12,
        bos_token_id: 2,
        eos_token_id: 3,
        tie_word_embeddings: true,
      },
      aliases: { layer_norm_eps: "rms_norm_eps" },
      activation: activationOf,
      bias: biases(true, true, true),
      heads: {
        masked: (fields) => ({ layers: transform(fields.size("embedding_size"), activationOf(fields)), bias: true }),
        classes: (_, config) => firstDense("head.pooler")(config),
      },
      more(fields, config) {
        const inner = fields.size("inner_group_num", 1);
        if (inner !== 1) throw fields.wrong("inner_group_num", "1", inner);
        const groups = fields.size("num_hidden_groups", 1);
        if (groups > config.layers) throw fields.wrong("num_hidden_groups", `at most ${config.layers}`, groups);
        return encoderOf(fields, config, { embedding: fields.size("embedding_size"), projects: true, groups });
      },
    },
  },
  names: {
    safetensors: {
      prefix: /^(?:(?:0\.auto_model|model|albert)\.)+/,
      layer: /^encoder\.albert_layer_groups\.(0|[1-9]\d{0,3})\.albert_layers\.0\.(.+)$/,
      outer: {
        "embeddings.word_embeddings": "embed",
        "embeddings.position_embeddings": "embed.positions",
        "embeddings.token_type_embeddings": "embed.segments",
        "embeddings.LayerNorm": "embed.norm",
        "encoder.embedding_hidden_mapping_in": "embed.project",
        pooler: "head.pooler",
        classifier: "head.classes",
        "predictions.dense": "head.dense",
        "predictions.LayerNorm": "head.norm",
        "predictions.decoder": "output",
        predictions: "output",
      },
      inLayer: {
        "attention.query": "attention.q",
        "attention.key": "attention.k",
        "attention.value": "attention.v",
        "attention.dense": "attention.o",
        "attention.LayerNorm": "attention.post_norm",
        ffn: "ffn.up",
        ffn_output: "ffn.down",
        full_layer_layer_norm: "ffn.post_norm",
      },
      spare: { "predictions.decoder.bias": "output.bias" },
    },
  },
};
