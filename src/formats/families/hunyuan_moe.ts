// Hunyuan with experts (A13B).

import type { Config } from "../../program/config.js";
import { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { fusedExperts, llamaBias, readExperts, silu } from "./readers.js";

export const hunyuanMoe: Family = {
  types: {
    hunyuan_v1_moe: {
      architecture: "hunyuan_moe",
      defaults: {
        max_position_embeddings: 2048,
        rms_norm_eps: 1e-5,
        num_experts: 1,
        moe_topk: 1,
        pad_token_id: 0,
        bos_token_id: 1,
        eos_token_id: 2,
      },
      aliases: { num_local_experts: "num_experts" },
      activation: silu,
      bias: (fields) => ({ ...llamaBias(fields), ffn: false }),
      experts: hunyuanExperts,
    },
  },
  gguf: { "hunyuan-moe": { name: "hunyuan_moe", mixture: "always" } },
  names: {
    safetensors: {
      inLayer: {
        "self_attn.query_layernorm": "attention.q_norm",
        "self_attn.key_layernorm": "attention.k_norm",
        "mlp.gate.wg": "ffn.router",
        "mlp.shared_mlp.gate_proj": "ffn.shared.gate",
        "mlp.shared_mlp.up_proj": "ffn.shared.up",
        "mlp.shared_mlp.down_proj": "ffn.shared.down",
      },
      bare: fusedExperts,
    },
  },
};

/** As many in each layer, and all networks as wide: transformers takes no other sizes. */
function hunyuanExperts(fields: Fields, layers: number): Config["experts"] {
  const one = new Fields(fields.source, (key) =>
    key === "num_experts_per_tok" ? same(fields, "moe_topk") : same(fields, key),
  );
  const experts = readExperts(one, layers, "num_experts", "intermediate_size");
  return { ...experts, shared: experts.ffn };
}

/** The one value of a list that has one for each layer. */
function same(fields: Fields, key: string): unknown {
  const value = fields.get(key);
  if (!Array.isArray(value)) return value;
  if (value.every((each) => each === value[0])) return value[0];
  throw fields.wrong(key, "the same in all layers", value);
}
