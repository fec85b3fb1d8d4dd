// GPT-2.

import type { Family } from "./family.js";
import { activationOf, biases, mustBeOff } from "./readers.js";

export const gpt2: Family = {
  types: {
    gpt2: {
      architecture: "gpt2",
      defaults: {
        max_position_embeddings: 1024,
        rms_norm_eps: 1e-5,
        hidden_act: "gelu_new",
        tie_word_embeddings: true,
        bos_token_id: 50256,
        eos_token_id: 50256,
      },
      aliases: {
        n_embd: "hidden_size",
        n_layer: "num_hidden_layers",
        n_head: "num_attention_heads",
        n_positions: "max_position_embeddings",
        n_inner: "intermediate_size",
        activation_function: "hidden_act",
        layer_norm_epsilon: "rms_norm_eps",
      },
      sizes: (fields) => ({ intermediate_size: fields.get("intermediate_size") ?? 4 * fields.size("hidden_size") }),
      activation: activationOf,
      bias: biases(true, true, true),
      more: (fields, { scales }) => {
        mustBeOff(fields, "scale_attn_by_inverse_layer_idx");
        mustBeOff(fields, "add_cross_attention");
        return { scales: { ...scales, attention: fields.boolean("scale_attn_weights", true) ? undefined : 1 } };
      },
    },
  },
  gguf: { gpt2: { name: "gpt2", activation: "gelu_tanh" } },
  names: {
    safetensors: {
      prefix: /^(?:transformer\.)+/,
      layer: /^h\.(0|[1-9]\d{0,3})\.(.+)$/,
      outer: { wte: "embed", wpe: "embed.positions", ln_f: "norm" },
      inLayer: {
        ln_1: "attention.norm",
        "attn.c_attn": "attention.qkv",
        "attn.c_proj": "attention.o",
        ln_2: "ffn.norm",
        "mlp.c_fc": "ffn.up",
        "mlp.c_proj": "ffn.down",
      },
      turned: ["attention.qkv", "attention.o", "ffn.up", "ffn.down"],
    },
  },
};
