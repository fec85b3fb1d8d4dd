// Helium: Llama whose neighbours turn together. llama.cpp does not know it.

import type { Family } from "./family.js";
import { activationOf, llamaBias } from "./readers.js";

export const helium: Family = {
  types: {
    helium: {
      architecture: "llama",
      defaults: {
        max_position_embeddings: 4096,
        num_key_value_heads: 20,
        head_dim: 128,
        rms_norm_eps: 1e-8,
        rope_theta: 1e5,
        pad_token_id: 3,
        bos_token_id: 1,
        eos_token_id: 2,
      },
      layout: "pairs",
      activation: activationOf,
      bias: (fields) => ({ ...llamaBias(fields), attentionOutput: false }),
    },
  },
};
