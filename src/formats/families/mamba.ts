// Mamba and Mamba 2, which have no attention, and what hybrid families read as they do.

import type { Config } from "../../program/config.js";
import { noRecurrence, type Recurrent } from "../../program/recurrent_config.js";
import type { Fields } from "../fields.js";
import { isObject, type JsonObject } from "../file.js";
import type { TensorInfo } from "../sizes.js";
import type { Family, FamilyNames } from "./family.js";
import { activationOf } from "./readers.js";

/** Their configurations know no limit; llama.cpp's converter writes this one. */
const CONTEXT = 2 ** 20;

/** One head as wide as the model stands for no attention. */
const common = {
  defaults: {
    max_position_embeddings: CONTEXT,
    num_attention_heads: 1,
    rms_norm_eps: 1e-5,
  },
  sizes: innerSize,
  aliases: { layer_norm_epsilon: "rms_norm_eps" },
  activation: () => "silu" as const,
} as const;

const withoutAttention = { heads: 0, kvHeads: 0, headDim: 0, ffn: 0 };

export const ggufStateSpaceNames: FamilyNames = {
  inLayer: {
    ssm_in: "ssm.in",
    ssm_conv1d: "ssm.taps",
    ssm_x: "ssm.select",
    ssm_dt: "ssm.step",
    ssm_norm: "ssm.norm",
    ssm_out: "ssm.out",
  },
  bare: { ssm_a: "ssm.rates", ssm_d: "ssm.skip" },
};

export const mamba: Family = {
  types: {
    mamba: {
      architecture: "mamba",
      ...common,
      defaults: { ...common.defaults, tie_word_embeddings: true },
      more: (fields, config) => ({ ...withoutAttention, recurrent: channels(fields, config) }),
    },
    falcon_mamba: {
      architecture: "mamba",
      ...common,
      defaults: { ...common.defaults, tie_word_embeddings: true },
      more: (fields, config) => ({
        ...withoutAttention,
        recurrent: { ...channels(fields, config), selectionEpsilon: fields.positive("mixer_rms_eps", 1e-6) },
      }),
    },
    mamba2: {
      architecture: "mamba2",
      ...common,
      // `head_dim` is that of the state space, and may be odd.
      aliases: { ...common.aliases, head_dim: "state_space_head_dim" },
      more: (fields, config) => ({ ...withoutAttention, recurrent: heads(fields, config) }),
    },
  },
  gguf: {
    mamba: { name: "mamba", sizes: sizesWithoutAttention, more: ggufChannels },
    mamba2: {
      name: "mamba2",
      sizes: sizesWithoutAttention,
      more: (fields, config, tensors) => ({ ...withoutAttention, recurrent: ggufStateSpace(fields, config, tensors) }),
    },
  },
  names: {
    safetensors: {
      prefix: /^(?:(?:model|backbone)\.)+/,
      outer: { embeddings: "embed", norm_f: "norm" },
      ...stateSpaceNames("mixer", { norm: "attention.norm" }),
    },
    gguf: ggufStateSpaceNames,
  },
};

/** `part`: what the mixer is called in a layer. */
export function stateSpaceNames(
  part: string,
  more: Readonly<Record<string, string>>,
  bare: Readonly<Record<string, string>> = {},
): FamilyNames {
  return {
    inLayer: {
      [`${part}.in_proj`]: "ssm.in",
      [`${part}.conv1d`]: "ssm.taps",
      [`${part}.x_proj`]: "ssm.select",
      [`${part}.dt_proj`]: "ssm.step",
      [`${part}.norm`]: "ssm.norm",
      [`${part}.out_proj`]: "ssm.out",
      ...more,
    },
    bare: {
      [`${part}.A_log`]: "ssm.rates",
      [`${part}.D`]: "ssm.skip",
      [`${part}.dt_bias`]: "ssm.step.bias",
      ...bare,
    },
  };
}

function everyLayer(fields: Fields, layers: number): Pick<Recurrent, "layers" | "taps" | "activation" | "bias"> {
  const bias = fields.boolean("use_bias", false);
  return {
    layers: Array.from({ length: layers }, () => true),
    taps: fields.size("conv_kernel", 4),
    activation: activationOf(fields),
    bias: { taps: fields.boolean("use_conv_bias", true), in: bias, out: bias },
  };
}

function innerSize(fields: Fields): JsonObject {
  const stated = fields.optionalSize("intermediate_size");
  return { intermediate_size: stated ?? fields.size("expand", 2) * fields.size("hidden_size") };
}

/** A state space for each channel. */
function channels(fields: Fields, { dim, ffn, layers }: Config): Recurrent {
  const rank = Math.ceil(dim / 16);
  return {
    ...noRecurrence,
    ...everyLayer(fields, layers),
    heads: ffn,
    stateDim: fields.size("state_size", 16),
    rank: fields.get("time_step_rank") === "auto" ? rank : fields.size("time_step_rank", rank),
  };
}

function heads(fields: Fields, { layers }: Config): Recurrent {
  return {
    ...noRecurrence,
    ...everyLayer(fields, layers),
    ...checkHeadGroups(fields, {
      heads: fields.size("num_heads", 128),
      headDim: fields.size("state_space_head_dim", 64),
      groups: fields.size("n_groups", 8),
    }),
    stateDim: fields.size("state_size", 128),
    ...stepLimits(fields),
  };
}

/** Of whole heads in whole groups. Throws InvalidConfig. */
export function checkHeadGroups<T extends Pick<Recurrent, "heads" | "groups">>(fields: Fields, sizes: T): T {
  if (sizes.heads % sizes.groups === 0) return sizes;
  throw fields.wrong("the groups of the state space", `a divisor of its ${sizes.heads} heads`, sizes.groups);
}

/** `time_step_limit`, whose upper end may be infinite: JSON has no word for that. */
export function stepLimits(fields: Fields): Pick<Recurrent, "least" | "most"> {
  const limits = fields.get("time_step_limit") ?? [0, null];
  const [least, most] = Array.isArray(limits) ? limits : [];
  const isEndless = most === null || (isObject(most) && most.__float__ === "Infinity");
  const upper = isEndless ? Number.POSITIVE_INFINITY : most;
  if (typeof least === "number" && typeof upper === "number" && least >= 0 && least < upper) {
    return { least, most: upper };
  }
  throw fields.wrong("time_step_limit", "two numbers, the first from 0 on, the second above it", limits);
}

/** Keys that say 0 where there is no attention, and the width of heads that nobody has. */
function sizesWithoutAttention(fields: Fields): JsonObject {
  const dim = fields.size("embedding_length");
  return {
    "attention.head_count": 1,
    "attention.head_count_kv": 1,
    "attention.key_length": dim,
    feed_forward_length: 1,
    context_length: fields.get("context_length") ?? CONTEXT,
  };
}

function ggufChannels(fields: Fields, config: Config, tensors: ReadonlyMap<string, TensorInfo>): Partial<Config> {
  const { heads, headDim, ...more } = ggufStateSpace(fields, config, tensors);
  const normed = fields.boolean("ssm.dt_b_c_rms", false);
  const inner = fields.size("ssm.inner_size");
  const selectionEpsilon = normed ? 1e-6 : undefined;
  return { ...withoutAttention, recurrent: { ...more, heads: inner, headDim: 1, rank: heads, selectionEpsilon } };
}

/** Of layers with a state space. `ssm.time_step_rank` is the number of heads. */
export function ggufStateSpace(
  fields: Fields,
  { layers }: Config,
  tensors: ReadonlyMap<string, TensorInfo>,
): Recurrent {
  const has = (part: string) => (layer: number) => tensors.has(`layers.${layer}.ssm.${part}`);
  const all = Array.from({ length: layers }, (_, layer) => layer);
  const heads = fields.size("ssm.time_step_rank");
  const inner = fields.size("ssm.inner_size");
  return {
    ...noRecurrence,
    layers: all.map(has("rates")),
    taps: fields.size("ssm.conv_kernel"),
    ...checkHeadGroups(fields, { heads, groups: fields.size("ssm.group_count", 1) }),
    headDim: Math.trunc(inner / heads),
    stateDim: fields.size("ssm.state_size"),
    bias: { taps: all.some(has("taps.bias")), in: all.some(has("in.bias")), out: all.some(has("out.bias")) },
    norm: all.some(has("norm")) ? "after gate" : "none",
    logRates: false,
  };
}

/** The largest of a list with one size for each layer, some of which are 0; at least 1. */
export function largest(fields: Fields, key: string): number {
  const stated = fields.get(key);
  return Math.max(1, ...(Array.isArray(stated) ? stated : [stated]).map(Number).filter(Number.isSafeInteger));
}

/** Sizes of a state space beside attention, as hybrid families state them; `inner`: heads * headDim. */
export function hybridHeads(
  fields: Fields,
  inner: number,
): Pick<Recurrent, "heads" | "headDim" | "groups" | "stateDim" | "taps" | "least" | "most"> {
  const heads = fields.size("mamba_n_heads", 128);
  const stated = fields.get("mamba_d_head") ?? "auto";
  const headDim = stated === "auto" ? inner / heads : fields.size("mamba_d_head");
  if (headDim * heads !== inner || !Number.isInteger(headDim)) {
    throw fields.wrong("mamba_n_heads and mamba_d_head", `sizes whose product is ${inner}`, [heads, stated]);
  }
  return {
    ...checkHeadGroups(fields, { heads, groups: fields.size("mamba_n_groups", 1) }),
    headDim,
    stateDim: fields.size("mamba_d_state", 256),
    taps: fields.size("mamba_d_conv", 4),
    ...stepLimits(fields),
  };
}
