// LFM 2: short convolutions, with attention in some layers; dense, or with experts.

import { type Config, noExperts } from "../../program/config.js";
import { noRecurrence, type Recurrent } from "../../program/recurrent_config.js";
import type { Fields } from "../fields.js";
import type { Family, Known } from "./family.js";
import { largest } from "./mamba.js";
import { readExperts, silu } from "./readers.js";

const common = {
  defaults: {
    max_position_embeddings: 128000,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
    tie_word_embeddings: true,
    bos_token_id: 1,
    eos_token_id: 2,
  },
  aliases: { norm_eps: "rms_norm_eps", tie_embedding: "tie_word_embeddings", block_ff_dim: "intermediate_size" },
  activation: silu,
} as const;

export const lfm2: Family = {
  types: {
    lfm2: {
      architecture: "lfm2",
      ...common,
      more: (fields, config) => ({ ffn: adjusted(fields, config.ffn), recurrent: recurrent(fields, config.layers) }),
    },
    lfm2_moe: {
      architecture: "lfm2",
      ...common,
      experts(fields, layers) {
        const experts = readExperts(fields, layers, "num_experts", "moe_intermediate_size");
        const dense = layersBefore(fields, "num_dense_layers", 2);
        return {
          ...experts,
          layers: experts.layers.map((_, layer) => layer >= dense),
          share: fields.boolean("norm_topk_prob", true),
          scale: fields.positive("routed_scaling_factor", 1),
        };
      },
      more: (fields, config) => ({ recurrent: recurrent(fields, config.layers) }),
    },
  },
  gguf: {
    lfm2: { name: "lfm2", ...inGguf(false) },
    lfm2moe: { name: "lfm2", mixture: "always", ...inGguf(true) },
  },
  names: {
    safetensors: {
      outer: { embedding_norm: "norm" },
      inLayer: {
        operator_norm: "attention.norm",
        "self_attn.q_layernorm": "attention.q_norm",
        "self_attn.k_layernorm": "attention.k_norm",
        "self_attn.out_proj": "attention.o",
        "conv.in_proj": "conv.in",
        "conv.conv": "conv.taps",
        "conv.out_proj": "conv.out",
        ffn_norm: "ffn.norm",
        "feed_forward.w1": "ffn.gate",
        "feed_forward.w2": "ffn.down",
        "feed_forward.w3": "ffn.up",
        "feed_forward.gate": "ffn.router",
        "feed_forward.experts.*.w1": "ffn.experts.*.gate",
        "feed_forward.experts.*.w2": "ffn.experts.*.down",
        "feed_forward.experts.*.w3": "ffn.experts.*.up",
      },
      bare: { "feed_forward.expert_bias": "ffn.correction.bias" },
    },
    gguf: {
      outer: { token_embd_norm: "norm" },
      inLayer: {
        "shortconv.in_proj": "conv.in",
        "shortconv.conv": "conv.taps",
        "shortconv.out_proj": "conv.out",
        exp_probs_b: "ffn.correction",
      },
    },
  },
};

/** The configuration's own way from `intermediate_size` to the width it means. */
function adjusted(fields: Fields, ffn: number): number {
  if (!fields.boolean("block_auto_adjust_ff_dim", true)) return ffn;
  const whole = Math.trunc((2 * ffn) / 3);
  if (fields.isNull("block_ffn_dim_multiplier")) return whole;
  const step = fields.size("block_multiple_of", 256);
  return step * Math.ceil(Math.trunc(fields.positive("block_ffn_dim_multiplier", 1) * whole) / step);
}

function recurrent(fields: Fields, layers: number): Recurrent {
  const bias = fields.boolean("conv_bias", false);
  return {
    ...noRecurrence,
    layers: convolutions(fields, layers),
    taps: fields.size("conv_L_cache", 3),
    bias: { taps: bias, in: bias, out: bias },
  };
}

/** By `layer_types`, or all but those of `full_attn_idxs`. */
function convolutions(fields: Fields, layers: number): boolean[] {
  const attention = fields.get("full_attn_idxs") ?? Array.from({ length: layers }, (_, i) => i);
  if (!Array.isArray(attention)) throw fields.wrong("full_attn_idxs", "a list of layers", attention);
  const types =
    fields.get("layer_types") ??
    Array.from({ length: layers }, (_, i) => (attention.includes(i) ? "full_attention" : "conv"));
  if (!Array.isArray(types) || types.length !== layers) {
    throw fields.wrong("layer_types", `a list of ${layers} types, one per layer`, types);
  }
  return types.map((type) => {
    if (type === "conv" || type === "full_attention") return type === "conv";
    throw fields.wrong("layer_types", 'only "full_attention" or "conv"', type);
  });
}

/** A number of layers that may be 0. */
function layersBefore(fields: Fields, key: string, otherwise: number): number {
  return fields.get(key) === 0 ? 0 : fields.size(key, otherwise);
}

/** Layers without key heads are convolutions. */
function inGguf(mixture: boolean): Pick<Known, "sizes" | "more"> {
  return {
    sizes: (fields) => ({ "attention.head_count_kv": largest(fields, "attention.head_count_kv") }),
    more(fields, { layers, experts }, tensors): Partial<Config> {
      return {
        recurrent: {
          ...noRecurrence,
          layers: Array.from({ length: layers }, (_, i) => tensors.has(`layers.${i}.conv.taps`)),
          taps: fields.size("shortconv.l_cache"),
        },
        experts: mixture
          ? { ...experts, layers: experts.layers.map((_, i) => tensors.has(`layers.${i}.ffn.router`)) }
          : noExperts,
      };
    },
  };
}
