// StarCoder 2.

import type { Family } from "./family.js";
import { activationOf, slidingEverywhere } from "./readers.js";

export const starcoder2: Family = {
  types: {
    starcoder2: {
      architecture: "starcoder2",
      defaults: {
        max_position_embeddings: 4096,
        num_key_value_heads: 2,
        rms_norm_eps: 1e-5,
        hidden_act: "gelu_pytorch_tanh",
        tie_word_embeddings: true,
        bos_token_id: 50256,
        eos_token_id: 50256,
      },
      aliases: { norm_epsilon: "rms_norm_eps" },
      activation: activationOf,
      bias: (fields) => {
        const all = fields.boolean("use_bias", true);
        return { qkv: all, attentionOutput: all, ffn: all };
      },
      windows: slidingEverywhere,
    },
  },
  gguf: { starcoder2: { name: "starcoder2", activation: "gelu_tanh" } },
  names: { safetensors: { inLayer: { "mlp.c_fc": "ffn.up", "mlp.c_proj": "ffn.down" } } },
};
