// ERNIE 4.5 with experts.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { fusedExperts, readExperts, silu } from "./readers.js";

export const ernieMoe: Family = {
  types: {
    ernie4_5_moe: {
      architecture: "ernie4_5_moe",
      layout: "pairs",
      defaults: {
        max_position_embeddings: 131072,
        num_key_value_heads: 4,
        rms_norm_eps: 1e-5,
        rope_theta: 500000,
        tie_word_embeddings: true,
        moe_intermediate_size: 1536,
        moe_k: 6,
        moe_num_experts: 64,
        moe_num_shared_experts: 2,
        moe_layer_start_index: 1,
        pad_token_id: 0,
        bos_token_id: 1,
        eos_token_id: 2,
      },
      aliases: { moe_k: "num_experts_per_tok", num_experts: "moe_num_experts" },
      activation: silu,
      bias(fields) {
        const bias = fields.boolean("use_bias", false);
        return { qkv: bias, attentionOutput: bias, ffn: bias };
      },
      experts: ernieExperts,
      more: (_, { bias, output }) => ({ output: { ...output, bias: bias.ffn } }),
    },
  },
  gguf: {
    "ernie4_5-moe": { name: "ernie4_5_moe", layout: "pairs", mixture: "always", more: ernieLayers },
  },
  names: {
    safetensors: {
      bare: {
        ...fusedExperts,
        "mlp.moe_statics.e_score_correction_bias": "ffn.correction.bias",
        "mlp.gate.moe_statics.e_score_correction_bias": "ffn.correction.bias",
      },
    },
  },
};

function ernieExperts(fields: Fields, layers: number): Config["experts"] {
  const experts = readExperts(fields, layers, "moe_num_experts", "moe_intermediate_size");
  const index = (key: string, otherwise: number) => {
    const value = fields.get(key) ?? otherwise;
    if (Number.isSafeInteger(value)) return value as number;
    throw fields.wrong(key, "the number of a layer", value);
  };
  const first = index("moe_layer_start_index", 1);
  const stated = index("moe_layer_end_index", -1);
  const last = stated === -1 ? layers - 1 : stated;
  const step = fields.size("moe_layer_interval", 1);
  return {
    ...experts,
    shared: fields.get("moe_num_shared_experts") ? fields.size("moe_num_shared_experts") * experts.ffn : 0,
    layers: Array.from({ length: layers }, (_, i) => (i + 1) % step === 0 && i >= first && i <= last),
  };
}

/** The converter states another width of what is for all tokens than its tensors have. */
function ernieLayers(fields: Fields, { experts }: Config): Partial<Config> {
  const step = fields.size("interleave_moe_layer_step", 1);
  const shared = fields.get("expert_shared_count") ? fields.size("expert_shared_count") * experts.ffn : 0;
  const layers = experts.layers.map((has, i) => has && (i + 1) % step === 0);
  return { experts: { ...experts, shared, layers } };
}
