// Hunyuan with experts (A13B), and Hy3, which is dots.llm1 under other names.

import type { Config } from "../../program/config.js";
import { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { fusedExperts, llamaBias, readExperts, routedExperts, silu, typedLayers } from "./readers.js";

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
    hy_v3: {
      architecture: "dots1",
      defaults: {
        max_position_embeddings: 131072,
        num_key_value_heads: 8,
        head_dim: 128,
        rms_norm_eps: 1e-5,
        rope_theta: 11158840,
        num_experts: 192,
        num_experts_per_tok: 8,
        n_shared_experts: 1,
        moe_intermediate_size: 1536,
        routed_scaling_factor: 2.826,
        first_k_dense_replace: 1,
        norm_topk_prob: true,
      },
      aliases: {
        num_local_experts: "num_experts",
        num_shared_experts: "n_shared_experts",
        router_scaling_factor: "routed_scaling_factor",
      },
      activation: silu,
      bias: llamaBias,
      experts: (fields, layers) => typedLayers(fields, routedExperts(fields, layers, "num_experts")),
    },
  },
  gguf: {
    "hunyuan-moe": { name: "hunyuan_moe", mixture: "always" },
    hy_v3: {
      name: "dots1",
      mixture: "always",
      // The layers without experts are not stated.
      more: (_, { experts }, tensors) => ({
        experts: { ...experts, layers: experts.layers.map((_, i) => tensors.has(`layers.${i}.ffn.router`)) },
      }),
    },
  },
  names: {
    safetensors: {
      inLayer: {
        "self_attn.query_layernorm": "attention.q_norm",
        "self_attn.key_layernorm": "attention.k_norm",
        "mlp.gate.wg": "ffn.router",
        "mlp.router.gate": "ffn.router",
        "mlp.shared_mlp.gate_proj": "ffn.shared.gate",
        "mlp.shared_mlp.up_proj": "ffn.shared.up",
        "mlp.shared_mlp.down_proj": "ffn.shared.down",
      },
      bare: { ...fusedExperts, "mlp.expert_bias": "ffn.correction.bias" },
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
