// DeepSeek 2 and 3, and those that are DeepSeek 3 under another name (Kimi K2, GLM 4.7 Flash, Youtu): latent attention, and
// but for Youtu many small experts.

import { type Config, type Latent, noExperts } from "../../program/config.js";
import type { Fields } from "../fields.js";
import { isObject } from "../file.js";
import type { TensorInfo } from "../sizes.js";
import type { Family, FamilyNames, ModelType } from "./family.js";
import { fusedExperts, llamaBias, routedExperts, silu, typedLayers } from "./readers.js";

const v3: ModelType = {
  architecture: "deepseek_v3",
  layout: "pairs",
  defaults: {
    max_position_embeddings: 4096,
    first_k_dense_replace: 3,
    kv_lora_rank: 512,
    q_lora_rank: 1536,
    qk_nope_head_dim: 128,
    head_dim: 64,
    v_head_dim: 128,
    n_routed_experts: 256,
    n_shared_experts: 1,
    n_group: 8,
    topk_group: 4,
    num_experts_per_tok: 8,
    moe_intermediate_size: 2048,
    norm_topk_prob: true,
    routed_scaling_factor: 2.5,
    bos_token_id: 0,
    eos_token_id: 1,
  },
  aliases: { qk_rope_head_dim: "head_dim", num_local_experts: "n_routed_experts" },
  activation: silu,
  bias: (fields) => ({ ...llamaBias(fields), ffn: false }),
  experts(fields, layers) {
    const scores = fields.string("scoring_func", "sigmoid");
    if (scores !== "sigmoid") throw fields.wrong("scoring_func", '"sigmoid"', scores);
    return typedLayers(fields, routedExperts(fields, layers));
  },
  more(fields, config) {
    const layout = fields.boolean("rope_interleave", true) ? "pairs" : "half";
    return { ...latentFields(fields, config), rope: { ...config.rope, layout } };
  },
};

/** GLM 4.7 Flash. */
const flash = {
  max_position_embeddings: 202752,
  rms_norm_eps: 1e-5,
  first_k_dense_replace: 1,
  q_lora_rank: 768,
  qk_nope_head_dim: 192,
  v_head_dim: 256,
  n_routed_experts: 64,
  n_group: 1,
  topk_group: 1,
  num_experts_per_tok: 4,
  moe_intermediate_size: 1536,
  routed_scaling_factor: 1.8,
};

export const latentNames: Readonly<Record<"safetensors" | "gguf", FamilyNames>> = {
  safetensors: {
    inLayer: {
      "self_attn.q_a_proj": "attention.q_a",
      "self_attn.q_a_layernorm": "attention.q_a_norm",
      "self_attn.q_b_proj": "attention.q_b",
      "self_attn.kv_a_proj_with_mqa": "attention.kv_a",
      "self_attn.kv_a_layernorm": "attention.kv_a_norm",
      "self_attn.kv_b_proj": "attention.kv_b",
    },
    bare: fusedExperts,
  },
  gguf: {
    inLayer: {
      attn_q_a: "attention.q_a",
      attn_q_a_norm: "attention.q_a_norm",
      attn_q_b: "attention.q_b",
      attn_kv_a_mqa: "attention.kv_a",
      attn_kv_a_norm: "attention.kv_a_norm",
      attn_kv_b: "attention.kv_b",
      attn_k_b: "attention.k_b",
      attn_v_b: "attention.v_b",
    },
  },
};

export const deepseek: Family = {
  types: {
    deepseek_v2: {
      architecture: "deepseek_v2",
      layout: "pairs",
      defaults: {
        max_position_embeddings: 2048,
        kv_lora_rank: 512,
        q_lora_rank: 1536,
        qk_nope_head_dim: 128,
        head_dim: 64,
        v_head_dim: 128,
        n_routed_experts: 64,
        n_shared_experts: 2,
        moe_intermediate_size: 1407,
        bos_token_id: 1,
        eos_token_id: 2,
      },
      aliases: { qk_rope_head_dim: "head_dim", num_local_experts: "n_routed_experts" },
      activation: silu,
      bias: llamaBias,
      experts: greedyExperts,
      more: latentFields,
    },
    deepseek_v3: v3,
    kimi_k2: v3,
    glm4_moe_lite: { ...v3, defaults: { ...v3.defaults, ...flash } },
    youtu: {
      ...v3,
      architecture: "deepseek_v2",
      defaults: { ...v3.defaults, max_position_embeddings: 131072, tie_word_embeddings: true },
      experts: () => noExperts,
    },
  },
  gguf: {
    deepseek2: {
      name: "deepseek_v2",
      layout: "pairs",
      mixture: "sometimes",
      more: fromGguf,
    },
  },
  names: latentNames,
};

/** transformers never makes the weights of DeepSeek 2 sum to 1, whatever `norm_topk_prob` says. */
function greedyExperts(fields: Fields, layers: number): Config["experts"] {
  const method = fields.string("topk_method", "greedy");
  if (method !== "greedy" && method !== "group_limited_greedy") {
    throw fields.wrong("topk_method", '"greedy" or "group_limited_greedy"', method);
  }
  const experts = { ...routedExperts(fields, layers), share: false };
  return method === "greedy" ? { ...experts, groups: 1, groupsUsed: 1 } : experts;
}

/** The sizes of latent attention, and its scale of scores, which YaRN changes. */
export function latentFields(fields: Fields, config: Config): Partial<Config> {
  const latent: Latent = {
    queryRank: fields.isNull("q_lora_rank") ? undefined : fields.size("q_lora_rank"),
    rank: fields.size("kv_lora_rank"),
    passDim: fields.size("qk_nope_head_dim"),
    valueDim: fields.size("v_head_dim"),
    epsilon: 1e-6,
    absorbed: true,
  };
  const rope = fields.fields(isObject(fields.get("rope_scaling")) ? "rope_scaling" : "rope_parameters");
  const yarn = config.rope.scaling?.type === "yarn" ? config.rope.scaling : undefined;
  const allDim = yarn && rope?.get("mscale_all_dim") ? rope.positive("mscale_all_dim") : 0;
  return { latent, scales: { ...config.scales, attention: latentScale(latent, config, 0.1 * allDim) } };
}

/** `stretch` times the logarithm of YaRN's factor is how much more queries and keys weigh each. */
function latentScale({ passDim }: Latent, { headDim, rope }: Config, stretch: number): number {
  const factor = rope.scaling?.type === "yarn" ? rope.scaling.factor : 1;
  const weight = factor > 1 ? stretch * Math.log(factor) + 1 : 1;
  return (weight * weight) / Math.sqrt(passDim + headDim);
}

function fromGguf(fields: Fields, config: Config, tensors: ReadonlyMap<string, TensorInfo>): Partial<Config> {
  const headDim = config.rope.dims;
  const ofKey = fields.optionalSize("attention.key_length_mla") ?? fields.size("attention.key_length");
  const ofValue = fields.optionalSize("attention.value_length_mla") ?? fields.size("attention.value_length");
  if (ofKey <= headDim) throw fields.wrong("the length of a key", `more than ${headDim}, which turn`, ofKey);
  const latent: Latent = {
    queryRank: tensors.has("layers.0.attention.q_a") ? fields.size("attention.q_lora_rank") : undefined,
    rank: fields.size("attention.kv_lora_rank"),
    passDim: ofKey - headDim,
    valueDim: ofValue,
    epsilon: config.normEpsilon,
    absorbed: tensors.has("layers.0.attention.k_b"),
  };
  const gating = fields.get("expert_gating_func") ?? (tensors.has(firstCorrection(config)) ? 2 : 1);
  if (gating !== 1 && gating !== 2) throw fields.wrong("expert_gating_func", "1 (softmax) or 2 (sigmoid)", gating);
  const experts = { ...config.experts, share: fields.boolean("expert_weights_norm", false) };
  const stretch = fields.get("rope.scaling.yarn_log_multiplier")
    ? fields.positive("rope.scaling.yarn_log_multiplier")
    : 0;
  return {
    architecture: gating === 2 ? "deepseek_v3" : "deepseek_v2",
    headDim,
    latent,
    experts,
    rope: stretch > 0 ? unstretched(config) : config.rope,
    scales: { ...config.scales, attention: latentScale(latent, { ...config, headDim }, stretch) },
  };
}

function firstCorrection({ experts }: Config): string {
  return `layers.${experts.layers.indexOf(true)}.ffn.correction.bias`;
}

/** Where GGUF states the multiplier, queries and keys are stretched by the scale of scores, not as they turn. */
function unstretched({ rope }: Config): Config["rope"] {
  return rope.scaling?.type === "yarn" ? { ...rope, scaling: { ...rope.scaling, attentionFactor: 1 } } : rope;
}
