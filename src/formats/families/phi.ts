// Phi 1, 1.5 and 2.

import type { Family } from "./family.js";
import { activationOf, biases, mustBeOff } from "./readers.js";

export const phi: Family = {
  types: {
    phi: {
      architecture: "phi",
      defaults: {
        max_position_embeddings: 2048,
        rms_norm_eps: 1e-5,
        hidden_act: "gelu_new",
        partial_rotary_factor: 0.5,
        bos_token_id: 1,
        eos_token_id: 2,
      },
      aliases: { layer_norm_eps: "rms_norm_eps" },
      activation: activationOf,
      bias: biases(true, true, true),
      more: (fields, { output }) => {
        mustBeOff(fields, "qk_layernorm");
        return { output: { ...output, bias: true } };
      },
    },
  },
  gguf: { phi2: { name: "phi", activation: "gelu_tanh" } },
  names: {
    safetensors: {
      outer: { final_layernorm: "norm" },
      inLayer: { "self_attn.dense": "attention.o", "mlp.fc1": "ffn.up", "mlp.fc2": "ffn.down" },
    },
  },
};
