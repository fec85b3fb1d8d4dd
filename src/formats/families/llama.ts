// Llama, and those whose list of ops is Llama's.

import type { Family } from "./family.js";
import { biases, everywhere, llamaBias, silu } from "./readers.js";

export const llama: Family = {
  types: {
    llama: {
      architecture: "llama",
      defaults: { max_position_embeddings: 2048, bos_token_id: 1, eos_token_id: 2 },
      activation: silu,
      bias: llamaBias,
    },
    mistral: {
      architecture: "llama",
      defaults: { max_position_embeddings: 131072, num_key_value_heads: 8, bos_token_id: 1, eos_token_id: 2 },
      activation: silu,
      bias: biases(false, false, false),
      windows: (fields, layers) =>
        everywhere(fields.isNull("sliding_window") ? undefined : fields.size("sliding_window", 4096), layers),
    },
  },
  gguf: {
    llama: {
      name: "llama",
      layout: "pairs",
      mixture: "sometimes",
      writes: true,
      more: (_, { experts }) => ({ architecture: experts.count > 0 ? "mixtral" : "llama" }),
    },
  },
};
