// Qwen 3-Next and 3.5: gated delta rules and gated attention; with experts or without.

import type { Config, Experts } from "../../program/config.js";
import { noRecurrence, type Recurrent } from "../../program/recurrent_config.js";
import type { Fields } from "../fields.js";
import type { JsonObject } from "../file.js";
import type { Family, Known, ModelType } from "./family.js";
import { checkHeadGroups } from "./mamba.js";
import { activationOf, llamaBias, readExperts, silu } from "./readers.js";

const common: Omit<ModelType, "architecture" | "more"> = {
  activation: silu,
  bias: (fields) => ({ ...llamaBias(fields), ffn: false }),
};
const defaults: JsonObject = {
  max_position_embeddings: 32768,
  num_attention_heads: 16,
  head_dim: 256,
  partial_rotary_factor: 0.25,
};

export const qwen3Next: Family = {
  types: {
    qwen3_next: {
      architecture: "qwen3_next",
      ...common,
      defaults: {
        ...defaults,
        num_key_value_heads: 2,
        intermediate_size: 5632,
        num_experts: 512,
        ...expertDefaults(10),
      },
      experts: sparseExperts,
      more: (fields, config) => ({ normOffset: 1, recurrent: deltaRules(fields, config, true) }),
    },
    qwen3_5_text: {
      architecture: "qwen3_next",
      ...common,
      defaults: { ...defaults, num_key_value_heads: 4 },
      more: (fields, config) => ({ normOffset: 1, recurrent: deltaRules(fields, config, false) }),
    },
    qwen3_5_moe_text: {
      architecture: "qwen3_next",
      ...common,
      defaults: { ...defaults, num_key_value_heads: 2, intermediate_size: 1, num_experts: 256, ...expertDefaults(8) },
      experts: (fields, layers) => ({
        ...readExperts(fields, layers, "num_experts", "moe_intermediate_size"),
        shared: fields.size("shared_expert_intermediate_size"),
      }),
      more: (fields, { experts, ...config }) => ({
        ffn: experts.ffn,
        normOffset: 1,
        recurrent: deltaRules(fields, config, false),
      }),
    },
  },
  gguf: {
    qwen3next: { name: "qwen3_next", mixture: "always", ...inGguf({ joined: { inputs: false, steps: true } }) },
    qwen35: { name: "qwen3_next", ...inGguf({ keysInTurn: true }) },
    qwen35moe: { name: "qwen3_next", mixture: "always", ...inGguf({ keysInTurn: true }) },
  },
  names: {
    safetensors: {
      inLayer: {
        "linear_attn.in_proj_qkvz": "delta.qkvz",
        "linear_attn.in_proj_ba": "delta.ba",
        "linear_attn.in_proj_qkv": "delta.qkv",
        "linear_attn.in_proj_z": "delta.z",
        "linear_attn.in_proj_b": "delta.b",
        "linear_attn.in_proj_a": "delta.a",
        "linear_attn.conv1d": "delta.taps",
        "linear_attn.norm": "delta.norm",
        "linear_attn.out_proj": "delta.out",
        "mlp.gate": "ffn.router",
        "mlp.experts.*.gate_proj": "ffn.experts.*.gate",
        "mlp.experts.*.up_proj": "ffn.experts.*.up",
        "mlp.experts.*.down_proj": "ffn.experts.*.down",
        "mlp.shared_expert.gate_proj": "ffn.shared.gate",
        "mlp.shared_expert.up_proj": "ffn.shared.up",
        "mlp.shared_expert.down_proj": "ffn.shared.down",
        "mlp.shared_expert_gate": "ffn.shared.router",
      },
      bare: { "linear_attn.A_log": "delta.rates", "linear_attn.dt_bias": "delta.step.bias" },
    },
    gguf: {
      inLayer: {
        post_attention_norm: "ffn.norm",
        attn_qkv: "delta.qkv",
        attn_gate: "delta.z",
        ssm_ba: "delta.ba",
        ssm_beta: "delta.b",
        ssm_alpha: "delta.a",
        ssm_conv1d: "delta.taps",
        ssm_dt: "delta.step",
        ssm_norm: "delta.norm",
        ssm_out: "delta.out",
        ffn_gate_inp_shexp: "ffn.shared.router",
        ffn_gate_shexp: "ffn.shared.gate",
        ffn_up_shexp: "ffn.shared.up",
        ffn_down_shexp: "ffn.shared.down",
      },
      bare: { ssm_a: "delta.rates" },
    },
  },
};

function expertDefaults(used: number): JsonObject {
  return { num_experts_per_tok: used, moe_intermediate_size: 512, shared_expert_intermediate_size: 512 };
}

/** In every `decoder_sparse_step`th layer that `mlp_only_layers` does not name. */
function sparseExperts(fields: Fields, layers: number): Experts {
  const experts = readExperts(fields, layers, "num_experts", "moe_intermediate_size");
  const step = fields.size("decoder_sparse_step", 1);
  const dense = fields.get("mlp_only_layers") ?? [];
  if (!Array.isArray(dense)) throw fields.wrong("mlp_only_layers", "a list of layers", dense);
  return {
    ...experts,
    shared: fields.size("shared_expert_intermediate_size"),
    layers: experts.layers.map((_, layer) => !dense.includes(layer) && (layer + 1) % step === 0),
    share: fields.boolean("norm_topk_prob", true),
  };
}

function deltaRules(fields: Fields, { layers }: Pick<Config, "layers">, joined: boolean): Recurrent {
  return {
    ...noRecurrence,
    layers: linearLayers(fields, layers),
    taps: fields.size("linear_conv_kernel_dim", 4),
    activation: activationOf(fields),
    ...checkHeadGroups(fields, {
      heads: fields.size("linear_num_value_heads", 32),
      headDim: fields.size("linear_value_head_dim", 128),
      groups: fields.size("linear_num_key_heads", 16),
    }),
    stateDim: fields.size("linear_key_head_dim", 128),
    joined: { inputs: joined, steps: joined },
  };
}

/** By `layer_types`, or all but every `full_attention_interval`th. */
function linearLayers(fields: Fields, layers: number): boolean[] {
  const interval = fields.size("full_attention_interval", 4);
  const types =
    fields.get("layer_types") ??
    Array.from({ length: layers }, (_, i) => ((i + 1) % interval === 0 ? "full_attention" : "linear_attention"));
  if (!Array.isArray(types) || types.length !== layers) {
    throw fields.wrong("layer_types", `a list of ${layers} types, one per layer`, types);
  }
  return types.map((type) => {
    if (type === "linear_attention" || type === "full_attention") return type === "linear_attention";
    throw fields.wrong("layer_types", 'only "full_attention" or "linear_attention"', type);
  });
}

/** Layers that guess further tokens come last, and are not run. */
function inGguf(more: Partial<Recurrent>): Pick<Known, "sizes" | "more"> {
  return {
    sizes(fields) {
      const guessing = fields.get("nextn_predict_layers") ? fields.size("nextn_predict_layers") : 0;
      const block_count = fields.size("block_count") - guessing;
      return { block_count, feed_forward_length: fields.get("feed_forward_length") || 1 };
    },
    more(fields, { layers, bias }, tensors) {
      const heads = fields.size("ssm.time_step_rank");
      const some = (part: string) =>
        Array.from({ length: layers }, (_, i) => i).some((i) => tensors.has(`layers.${i}.${part}`));
      return {
        bias: { ...bias, qkv: some("attention.q.bias"), attentionOutput: some("attention.o.bias") },
        recurrent: {
          ...noRecurrence,
          layers: Array.from({ length: layers }, (_, i) => tensors.has(`layers.${i}.delta.rates`)),
          taps: fields.size("ssm.conv_kernel"),
          ...checkHeadGroups(fields, { heads, groups: fields.size("ssm.group_count") }),
          headDim: Math.trunc(fields.size("ssm.inner_size") / heads),
          stateDim: fields.size("ssm.state_size"),
          logRates: false,
          ...more,
        },
      };
    },
  };
}
