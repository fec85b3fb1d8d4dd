// Apertus. Its GGUF has the numbers of its activation in metadata: not read here.

import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { attentionBias } from "./readers.js";

export const apertus: Family = {
  types: {
    apertus: {
      architecture: "apertus",
      defaults: {
        max_position_embeddings: 65536,
        rms_norm_eps: 1e-5,
        pad_token_id: 3,
        bos_token_id: 1,
        eos_token_id: 2,
        rope_parameters: {
          rope_type: "llama3",
          rope_theta: 12e6,
          factor: 8,
          original_max_position_embeddings: 8192,
          low_freq_factor: 1,
          high_freq_factor: 4,
        },
      },
      activation: xielu,
      bias: attentionBias,
    },
  },
  names: {
    safetensors: {
      inLayer: { attention_layernorm: "attention.norm", feedforward_layernorm: "ffn.norm" },
      bare: { "mlp.act_fn.alpha_p": "ffn.alpha_p", "mlp.act_fn.alpha_n": "ffn.alpha_n" },
    },
  },
};

/** An op of its own: no gated unit, and no function of one value, asks for the activation. */
function xielu(fields: Fields): "silu" {
  const name = fields.string("hidden_act", "xielu");
  if (name !== "xielu") throw fields.wrong("hidden_act", '"xielu"', name);
  return "silu";
}
