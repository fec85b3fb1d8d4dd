// Nemotron 3 and 4 (Minitron): StarCoder 2's list, with norms whose weights are what they are more than 1.

import type { Family } from "./family.js";
import { activationOf, llamaBias } from "./readers.js";

export const nemotron: Family = {
  types: {
    nemotron: {
      architecture: "starcoder2",
      defaults: {
        max_position_embeddings: 4096,
        rms_norm_eps: 1e-5,
        hidden_act: "relu2",
        partial_rotary_factor: 0.5,
        bos_token_id: 2,
        eos_token_id: 3,
      },
      aliases: { norm_eps: "rms_norm_eps" },
      activation: activationOf,
      bias: llamaBias,
      more: () => ({ normOffset: 1 }),
    },
  },
  gguf: { nemotron: { name: "starcoder2", activation: "relu2" } },
};
