// Arcee.

import type { Family } from "./family.js";
import { activationOf, llamaBias } from "./readers.js";

export const arcee: Family = {
  types: {
    arcee: {
      architecture: "arcee",
      defaults: {
        max_position_embeddings: 4096,
        rms_norm_eps: 1e-5,
        hidden_act: "relu2",
        bos_token_id: 128000,
        eos_token_id: 128001,
      },
      activation: activationOf,
      bias: llamaBias,
    },
  },
  gguf: { arcee: { name: "arcee", layout: "pairs", activation: "relu2" } },
};
