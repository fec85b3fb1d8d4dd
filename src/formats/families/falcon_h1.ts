// Falcon-H1. Its GGUF has the factors within the weights.

import { type Config, plain } from "../../program/config.js";
import { type Multipliers, noRecurrence, type Recurrent } from "../../program/recurrent_config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { ggufStateSpace, ggufStateSpaceNames, hybridHeads, stateSpaceNames } from "./mamba.js";
import { activationOf, llamaBias, silu } from "./readers.js";

export const falconH1: Family = {
  types: {
    falcon_h1: {
      architecture: "falcon_h1",
      defaults: {
        max_position_embeddings: 8192,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        intermediate_size: 14336,
        rms_norm_eps: 1e-5,
        bos_token_id: 1,
        eos_token_id: 2,
      },
      activation: silu,
      bias: llamaBias,
      more: (fields, config) => ({
        scales: { ...plain.scales, embedding: fields.positive("embedding_multiplier", 1) },
        output: { ...plain.output, scale: fields.positive("lm_head_multiplier", 1) },
        recurrent: besideAttention(fields, config),
      }),
    },
  },
  gguf: {
    "falcon-h1": {
      name: "falcon_h1",
      more: (fields, config, tensors) => ({ recurrent: ggufStateSpace(fields, config, tensors) }),
    },
  },
  names: {
    safetensors: {
      outer: { final_layernorm: "norm" },
      ...stateSpaceNames("mamba", {
        pre_ff_layernorm: "ffn.norm",
        "feed_forward.gate_proj": "ffn.gate",
        "feed_forward.up_proj": "ffn.up",
        "feed_forward.down_proj": "ffn.down",
      }),
    },
    gguf: { ...ggufStateSpaceNames, bare: { ...ggufStateSpaceNames.bare, ffn_norm: "ffn.norm" } },
  },
};

function besideAttention(fields: Fields, { dim, layers }: Config): Recurrent {
  const inner = fields.isNull("mamba_d_ssm") ? fields.size("mamba_expand", 2) * dim : fields.size("mamba_d_ssm", 1024);
  const before = fields.boolean("mamba_norm_before_gate", true);
  return {
    ...noRecurrence,
    ...hybridHeads(fields, inner),
    layers: Array.from({ length: layers }, () => true),
    activation: activationOf(fields),
    bias: {
      taps: fields.boolean("mamba_conv_bias", true),
      in: fields.boolean("mamba_proj_bias", false),
      out: fields.boolean("projectors_bias", false),
    },
    norm: !fields.boolean("mamba_rms_norm", false) ? "none" : before ? "before gate" : "after gate",
    multipliers: multipliers(fields),
  };
}

function multipliers(fields: Fields): Multipliers {
  const [gate, value, write, read, step] = factors(fields, "ssm_multipliers", 5);
  const [ffnGate, ffnOut] = factors(fields, "mlp_multipliers", 2);
  return {
    attentionIn: fields.positive("attention_in_multiplier", 1),
    attentionOut: fields.positive("attention_out_multiplier", 1),
    key: fields.positive("key_multiplier", 1),
    in: fields.positive("ssm_in_multiplier", 1),
    out: fields.positive("ssm_out_multiplier", 1),
    ...{ gate, value, write, read, step, ffnGate, ffnOut },
  } as Multipliers;
}

function factors(fields: Fields, key: string, count: number): number[] {
  const list = fields.get(key) ?? Array.from({ length: count }, () => 1);
  if (Array.isArray(list) && list.length === count && list.every(Number.isFinite)) return list;
  throw fields.wrong(key, `${count} numbers`, list);
}
