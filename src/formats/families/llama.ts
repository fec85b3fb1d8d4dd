// Llama, and those whose list of ops is Llama's.

import type { Family } from "./family.js";
import { llamaBias, silu } from "./readers.js";

export const llama: Family = {
  types: {
    llama: {
      architecture: "llama",
      defaults: { max_position_embeddings: 2048, bos_token_id: 1, eos_token_id: 2 },
      activation: silu,
      bias: llamaBias,
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
