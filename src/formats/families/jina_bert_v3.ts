// Jina embeddings v3, as transformers has it: without the adapters, which are files of their own.

import { firstDense, turningEncoder } from "./encoders.js";
import type { Family } from "./family.js";
import { transform } from "./heads.js";
import { activationOf, biases } from "./readers.js";

export const jinaBertV3: Family = {
  types: {
    jina_embeddings_v3: {
      architecture: "jina_bert_v3",
      defaults: {
        vocab_size: 250002,
        hidden_size: 1024,
        num_hidden_layers: 24,
        num_attention_heads: 16,
        intermediate_size: 4096,
        hidden_act: "gelu",
        max_position_embeddings: 8194,
        type_vocab_size: 1,
        rms_norm_eps: 1e-5,
        rope_theta: 20000,
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
        classes: (_, config) => firstDense("head.dense")(config),
      },
      more: turningEncoder,
    },
  },
  names: {
    safetensors: {
      prefix: /^(?:(?:0\.auto_model|model|roberta)\.)+/,
      layer: /^(?:encoder\.)?layers\.(0|[1-9]\d{0,3})\.(.+)$/,
      outer: {
        "embeddings.word_embeddings": "embed",
        "embeddings.token_type_embeddings": "embed.segments",
        emb_ln: "embed.norm",
        "classifier.dense": "head.dense",
        "classifier.out_proj": "head.classes",
        classifier: "head.classes",
        "lm_head.dense": "head.dense",
        "lm_head.layer_norm": "head.norm",
        "lm_head.decoder": "output",
      },
      inLayer: {
        "mixer.Wqkv": "attention.qkv",
        "mixer.out_proj": "attention.o",
        norm1: "attention.post_norm",
        "mlp.fc1": "ffn.up",
        "mlp.fc2": "ffn.down",
        norm2: "ffn.post_norm",
      },
      spare: { "lm_head.decoder.bias": "output.bias" },
    },
  },
};
