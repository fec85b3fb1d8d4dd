// MPNet.

import { encoderOf } from "./encoders.js";
import type { Family } from "./family.js";
import { headLayer, transform } from "./heads.js";
import { activationOf, biases } from "./readers.js";

/** transformers numbers distances by these, whatever the configuration says. */
const distances = { count: 32, reach: 128 };

export const mpnet: Family = {
  types: {
    mpnet: {
      architecture: "mpnet",
      defaults: {
        vocab_size: 30527,
        hidden_size: 768,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        intermediate_size: 3072,
        hidden_act: "gelu",
        max_position_embeddings: 512,
        rms_norm_eps: 1e-12,
        pad_token_id: 1,
        bos_token_id: 0,
        eos_token_id: 2,
        tie_word_embeddings: true,
      },
      aliases: { layer_norm_eps: "rms_norm_eps" },
      activation: activationOf,
      bias: biases(true, true, true),
      heads: {
        masked: (_, { dim }) => ({ layers: transform(dim, "gelu"), bias: true }),
        classes: (_, { dim }) => ({ pooling: "first", layers: [headLayer("head.dense", dim, { activation: "tanh" })] }),
      },
      more(fields, config) {
        const count = fields.size("relative_attention_num_buckets", distances.count);
        if (count !== distances.count)
          throw fields.wrong("relative_attention_num_buckets", `${distances.count}`, count);
        // Its class does not ask which token is padding.
        return encoderOf(fields, config, { skipped: 2, segments: 0, distances });
      },
    },
  },
  names: {
    safetensors: {
      prefix: /^(?:(?:0\.auto_model|model|mpnet)\.)+/,
      layer: /^encoder\.layer\.(0|[1-9]\d{0,3})\.(.+)$/,
      outer: {
        "embeddings.word_embeddings": "embed",
        "embeddings.position_embeddings": "embed.positions",
        "embeddings.LayerNorm": "embed.norm",
        "encoder.relative_attention_bias": "distances",
        "lm_head.dense": "head.dense",
        "lm_head.layer_norm": "head.norm",
        "lm_head.decoder": "output",
        "classifier.dense": "head.dense",
        "classifier.out_proj": "head.classes",
        classifier: "head.classes",
      },
      inLayer: {
        "attention.attn.q": "attention.q",
        "attention.attn.k": "attention.k",
        "attention.attn.v": "attention.v",
        "attention.attn.o": "attention.o",
        "attention.LayerNorm": "attention.post_norm",
        "intermediate.dense": "ffn.up",
        "output.dense": "ffn.down",
        "output.LayerNorm": "ffn.post_norm",
      },
      spare: { "lm_head.decoder.bias": "output.bias" },
    },
  },
};
