// GPT-NeoX and Pythia.

import type { Family } from "./family.js";
import { activationOf } from "./readers.js";

export const gptNeox: Family = {
  types: {
    gpt_neox: {
      architecture: "gpt_neox",
      defaults: {
        max_position_embeddings: 2048,
        rms_norm_eps: 1e-5,
        hidden_act: "gelu",
        partial_rotary_factor: 0.25,
        bos_token_id: 0,
        eos_token_id: 2,
      },
      aliases: {
        layer_norm_eps: "rms_norm_eps",
        rotary_pct: "partial_rotary_factor",
        rotary_emb_base: "rope_theta",
      },
      activation: activationOf,
      bias: (fields) => {
        const attention = fields.boolean("attention_bias", true);
        return { qkv: attention, attentionOutput: attention, ffn: true };
      },
      more: (fields) => ({ parallel: fields.boolean("use_parallel_residual", true), qkvByHead: true }),
    },
  },
  gguf: {
    gptneox: {
      name: "gpt_neox",
      activation: "gelu",
      more: (fields) => ({ parallel: fields.boolean("use_parallel_residual", true) }),
    },
  },
  names: {
    safetensors: {
      prefix: /^(?:gpt_neox\.)+/,
      outer: { embed_in: "embed", final_layer_norm: "norm", embed_out: "output" },
      inLayer: {
        "attention.query_key_value": "attention.qkv",
        "attention.dense": "attention.o",
        "mlp.dense_h_to_4h": "ffn.up",
        "mlp.dense_4h_to_h": "ffn.down",
      },
    },
  },
};
