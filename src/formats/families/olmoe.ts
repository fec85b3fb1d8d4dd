// OLMoE.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { fusedExperts, llamaBias, readExperts, silu } from "./readers.js";

export const olmoe: Family = {
  types: {
    olmoe: {
      architecture: "olmoe",
      defaults: {
        max_position_embeddings: 4096,
        rms_norm_eps: 1e-5,
        num_experts: 64,
        num_experts_per_tok: 8,
        eos_token_id: 50279,
        pad_token_id: 1,
      },
      aliases: { num_local_experts: "num_experts" },
      activation: silu,
      bias: (fields) => ({ ...llamaBias(fields), ffn: false }),
      experts: olmoeExperts,
    },
  },
  gguf: {
    olmoe: {
      name: "olmoe",
      mixture: "always",
      more(fields, { experts }) {
        refuseClamp(fields, "attention.clamp_kqv");
        return { experts: { ...experts, share: false } };
      },
    },
  },
  names: { safetensors: { bare: fusedExperts } },
};

export function olmoeExperts(fields: Fields, layers: number): Config["experts"] {
  refuseClamp(fields, "clip_qkv");
  const experts = readExperts(fields, layers, "num_experts", "intermediate_size");
  return { ...experts, share: fields.boolean("norm_topk_prob", false) };
}

/** No published model of this family clamps queries, keys and values. */
function refuseClamp(fields: Fields, key: string): void {
  if (fields.get(key)) throw fields.wrong(key, "none", fields.get(key));
}
