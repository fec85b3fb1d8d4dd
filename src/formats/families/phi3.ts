// Phi 3 and 4: fused matrices, a part of each head that turns, LongRoPE.

import type { Family } from "./family.js";
import { activationOf, slidingEverywhere } from "./readers.js";

export const phi3: Family = {
  types: {
    phi3: {
      architecture: "phi3",
      defaults: {
        max_position_embeddings: 4096,
        original_max_position_embeddings: 4096,
        rms_norm_eps: 1e-5,
        bos_token_id: 1,
        eos_token_id: 32000,
        pad_token_id: 32000,
      },
      activation: activationOf,
      windows: slidingEverywhere,
    },
  },
  gguf: { phi3: { name: "phi3" } },
  names: { gguf: { inLayer: { ffn_up: "ffn.gate_up" } } },
};
