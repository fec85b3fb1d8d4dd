// Nemotron-H: layers that are one thing only, in an order that files spell out.

import { type Config, type Experts, noExperts } from "../../program/config.js";
import { type LayerKind, noRecurrence, type Recurrent } from "../../program/recurrent_config.js";
import type { Fields } from "../fields.js";
import type { TensorInfo } from "../sizes.js";
import type { Family, Known } from "./family.js";
import { checkHeadGroups, ggufStateSpace, ggufStateSpaceNames, largest, stateSpaceNames } from "./mamba.js";
import { activationOf, readExperts } from "./readers.js";

const kinds: Readonly<Record<string, LayerKind>> = {
  ...{ M: "state", linear_attention: "state", mamba: "state" },
  ...{ "*": "attention", full_attention: "attention", attention: "attention" },
  ...{ "-": "network", mlp: "network", E: "experts", moe: "experts" },
};

const inGguf: Known = {
  name: "nemotron_h",
  sizes: (fields) => ({
    block_count:
      fields.size("block_count") - (fields.get("nextn_predict_layers") ? fields.size("nextn_predict_layers") : 0),
    "attention.head_count_kv": largest(fields, "attention.head_count_kv"),
    feed_forward_length: 1,
  }),
  more(fields, config, tensors): Partial<Config> {
    const { experts, layers: count } = config;
    const layers = ggufKinds(config, tensors);
    const latent = fields.get("moe_latent_size") ? fields.size("moe_latent_size") : 0;
    const networks = Array.from({ length: count }, (_, i) => tensors.get(`layers.${i}.ffn.up`) ?? []).flat();
    return {
      // Converters that take every model for one with experts write no width of networks.
      ffn: networks[0]?.shape[0] ?? 0,
      experts: {
        ...experts,
        layers: layers.map((kind) => kind === "experts"),
        share: fields.boolean("expert_weights_norm", true),
        scale: fields.positive("expert_weights_scale", 1),
      },
      bias: { ...config.bias, ffn: layers.some((_, i) => tensors.has(`layers.${i}.ffn.up.bias`)) },
      recurrent: { ...ggufStateSpace(fields, config, tensors), kinds: layers, least: 0.001, latent },
    };
  },
};

export const nemotronH: Family = {
  types: {
    nemotron_h: {
      architecture: "nemotron_h",
      defaults: {
        max_position_embeddings: 4096,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        head_dim: 128,
        intermediate_size: 21504,
        rms_norm_eps: 1e-5,
        bos_token_id: 1,
        eos_token_id: 2,
        n_routed_experts: 8,
        num_experts_per_tok: 2,
        moe_intermediate_size: 7688,
      },
      aliases: {
        layer_norm_epsilon: "rms_norm_eps",
        mamba_n_groups: "n_groups",
        mamba_d_conv: "conv_kernel",
        mamba_conv_bias: "use_conv_bias",
        mamba_dt_min: "time_step_min",
      },
      sizes: (fields) => ({ num_hidden_layers: kindsOf(fields).length }),
      activation: () => "silu",
      bias: (fields) => ({ qkv: false, attentionOutput: false, ffn: fields.boolean("mlp_bias", false) }),
      experts,
      more: (fields) => ({ recurrent: stateSpaces(fields) }),
    },
  },
  gguf: {
    nemotron_h: inGguf,
    nemotron_h_moe: { ...inGguf, mixture: "always" },
  },
  names: {
    safetensors: {
      prefix: /^(?:(?:model|backbone)\.)+/,
      outer: { embeddings: "embed", norm_f: "norm" },
      ...stateSpaceNames(
        "mixer",
        {
          norm: "attention.norm",
          "mixer.q_proj": "attention.q",
          "mixer.k_proj": "attention.k",
          "mixer.v_proj": "attention.v",
          "mixer.o_proj": "attention.o",
          "mixer.up_proj": "ffn.up",
          "mixer.down_proj": "ffn.down",
          "mixer.gate": "ffn.router",
          "mixer.fc1_latent_proj": "ffn.latent_in",
          "mixer.fc2_latent_proj": "ffn.latent_out",
          "mixer.experts.*.up_proj": "ffn.experts.*.up",
          "mixer.experts.*.down_proj": "ffn.experts.*.down",
          "mixer.shared_experts.up_proj": "ffn.shared.up",
          "mixer.shared_experts.down_proj": "ffn.shared.down",
        },
        {
          "mixer.gate.e_score_correction_bias": "ffn.correction.bias",
          "mixer.experts.up_proj": "ffn.experts.up",
          "mixer.experts.down_proj": "ffn.experts.down",
        },
      ),
    },
    gguf: {
      inLayer: {
        ...ggufStateSpaceNames.inLayer,
        exp_probs_b: "ffn.correction",
        ffn_latent_down: "ffn.latent_in",
        ffn_latent_up: "ffn.latent_out",
        ffn_up_shexp: "ffn.shared.up",
        ffn_down_shexp: "ffn.shared.down",
      },
      bare: { ...ggufStateSpaceNames.bare },
    },
  },
};

/** By a letter for each layer, as published, or a list of words. */
function kindsOf(fields: Fields): LayerKind[] {
  const stated = ["hybrid_override_pattern", "layers_block_type", "layer_types"].map((key) => fields.get(key));
  const pattern = stated.find((one) => one !== undefined) ?? ["linear_attention", "moe", "full_attention", "mlp"];
  const words: unknown[] = typeof pattern === "string" ? [...pattern] : Array.isArray(pattern) ? pattern : [];
  const found = words.map((word) => (Object.hasOwn(kinds, String(word)) ? kinds[String(word)] : undefined));
  if (found.length > 0 && !found.includes(undefined)) return found as LayerKind[];
  throw fields.wrong("layers_block_type", `a list of ${Object.keys(kinds).join(", ")}`, pattern);
}

function experts(fields: Fields, layers: number): Experts {
  const has = kindsOf(fields).map((kind) => kind === "experts");
  if (!has.includes(true)) return noExperts;
  return {
    ...readExperts(fields, layers, "n_routed_experts", "moe_intermediate_size"),
    layers: has,
    shared: fields.size("moe_shared_expert_intermediate_size", 7688),
    share: fields.boolean("norm_topk_prob", true),
    scale: fields.positive("routed_scaling_factor", 1),
    groups: fields.size("n_group", 1),
    groupsUsed: fields.size("topk_group", 1),
  };
}

function stateSpaces(fields: Fields): Recurrent {
  const layers = kindsOf(fields);
  const bias = fields.boolean("use_bias", false);
  return {
    ...noRecurrence,
    kinds: layers,
    layers: layers.map((kind) => kind === "state"),
    ...checkHeadGroups(fields, { heads: fields.size("mamba_num_heads", 128), groups: fields.size("n_groups", 8) }),
    headDim: fields.size("mamba_head_dim", 64),
    stateDim: fields.size("ssm_state_size", 128),
    taps: fields.size("conv_kernel", 4),
    activation: activationOf(fields, "mamba_hidden_act"),
    network: activationOf(fields, "mlp_hidden_act", "relu2"),
    latent: fields.optionalSize("moe_latent_size") ?? 0,
    // Not `time_step_limit`: steps are at least the shortest that training began with.
    least: fields.positive("time_step_min", 0.001),
    bias: { taps: fields.boolean("use_conv_bias", true), in: bias, out: bias },
  };
}

function ggufKinds({ layers }: Config, tensors: ReadonlyMap<string, TensorInfo>): LayerKind[] {
  return Array.from({ length: layers }, (_, i) => {
    if (tensors.has(`layers.${i}.ssm.rates`)) return "state";
    if (tensors.has(`layers.${i}.attention.q`)) return "attention";
    return tensors.has(`layers.${i}.ffn.router`) ? "experts" : "network";
  });
}
