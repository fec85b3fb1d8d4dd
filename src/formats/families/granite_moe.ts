// Granite 3 with experts.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family, FamilyNames } from "./family.js";
import { llamaBias, readExperts, silu } from "./readers.js";

const defaults = {
  max_position_embeddings: 2048,
  num_local_experts: 8,
  num_experts_per_tok: 2,
  bos_token_id: 1,
  eos_token_id: 2,
};

const common = {
  architecture: "granite_moe",
  defaults,
  activation: silu,
  bias: (fields: Fields) => ({ ...llamaBias(fields), ffn: false }),
  more: scales,
};

/** Of networks and experts. */
export const graniteNames: FamilyNames = {
  inLayer: {
    "block_sparse_moe.router.layer": "ffn.router",
    "block_sparse_moe.router": "ffn.router",
    "block_sparse_moe.input_linear": "ffn.experts.gate_up",
    "block_sparse_moe.output_linear": "ffn.experts.down",
    "shared_mlp.input_linear": "ffn.shared.gate_up",
    "shared_mlp.output_linear": "ffn.shared.down",
  },
  bare: {
    "block_sparse_moe.experts.gate_up_proj": "ffn.experts.gate_up",
    "block_sparse_moe.experts.down_proj": "ffn.experts.down",
  },
};

export const graniteMoe: Family = {
  types: {
    granitemoe: {
      ...common,
      experts: (fields, layers) => readExperts(fields, layers, "num_local_experts", "intermediate_size"),
    },
    granitemoeshared: {
      ...common,
      experts: (fields, layers) => ({
        ...readExperts(fields, layers, "num_local_experts", "intermediate_size"),
        shared: fields.get("shared_intermediate_size") ? fields.size("shared_intermediate_size") : 0,
      }),
    },
  },
  gguf: {
    granitemoe: {
      name: "granite_moe",
      layout: "pairs",
      mixture: "always",
      more: ggufScales,
    },
  },
  names: {
    safetensors: graniteNames,
  },
};

/** What GGUF says of them. */
export function ggufScales(fields: Fields): Partial<Config> {
  return {
    scales: {
      embedding: fields.positive("embedding_scale", 1),
      residual: fields.positive("residual_scale", 1),
      attention: fields.optionalPositive("attention.scale"),
    },
    output: { bias: false, scale: 1 / fields.positive("logit_scale", 1), softcap: undefined },
  };
}

export function scales(fields: Fields): Partial<Config> {
  return {
    scales: {
      embedding: fields.positive("embedding_multiplier", 1),
      residual: fields.positive("residual_multiplier", 1),
      attention: fields.positive("attention_multiplier", 1),
    },
    output: { bias: false, scale: 1 / fields.positive("logits_scaling", 1), softcap: undefined },
  };
}
