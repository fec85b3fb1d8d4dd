// Scaling of rotary embeddings as config.json states it, old style and new.

import type { RopeScaling } from "../program/config.js";
import type { Fields } from "./fields.js";

/**
 * The scaling in `rope`, the fields of `rope_scaling` or `rope_parameters`; `outer` are those around it.
 * Source: transformers modeling_rope_utils.py. Throws InvalidConfig naming types that are not known.
 */
export function ropeScaling(rope: Fields, outer: Fields, contextLength: number): RopeScaling | undefined {
  const type = rope.optionalString("rope_type") ?? rope.string("type", "default");
  const originalContextLength =
    outer.optionalSize("original_max_position_embeddings") ??
    rope.size("original_max_position_embeddings", contextLength);
  switch (type) {
    case "default":
      return undefined;
    case "dynamic":
      if (rope.get("alpha")) return undefined;
      throw rope.wrong("rope_type", '"default", "linear", "llama3", "yarn", or "dynamic" with alpha', type);
    case "linear":
      return { type, factor: rope.positive("factor") };
    case "llama3":
      return readLlama3(rope, originalContextLength);
    case "yarn":
      return readYarn(rope, originalContextLength, contextLength);
    default:
      throw rope.wrong("rope_type", '"default", "linear", "llama3" or "yarn"', type);
  }
}

/** The base of wavelengths; Hunyuan's `alpha` stretches it once and for all, though it calls that "dynamic". */
export function ropeTheta(rope: Fields, dims: number): number {
  const theta = rope.positive("rope_theta", 10000);
  const type = rope.optionalString("rope_type") ?? rope.optionalString("type");
  return type === "dynamic" && rope.get("alpha") ? theta * rope.positive("alpha") ** (dims / (dims - 2)) : theta;
}

function readLlama3(rope: Fields, originalContextLength: number): RopeScaling {
  const lowFreqFactor = rope.positive("low_freq_factor");
  const highFreqFactor = rope.positive("high_freq_factor");
  if (highFreqFactor <= lowFreqFactor) {
    throw rope.wrong("high_freq_factor", `more than low_freq_factor (${lowFreqFactor})`, highFreqFactor);
  }
  return { type: "llama3", factor: rope.positive("factor"), lowFreqFactor, highFreqFactor, originalContextLength };
}

function readYarn(rope: Fields, originalContextLength: number, contextLength: number): RopeScaling {
  const factor = rope.positive("factor", contextLength / originalContextLength);
  return {
    type: "yarn",
    factor,
    originalContextLength,
    betaFast: rope.positive("beta_fast", 32),
    betaSlow: rope.positive("beta_slow", 1),
    attentionFactor: rope.optionalPositive("attention_factor") ?? mscaleRatio(rope, factor),
    truncate: rope.boolean("truncate", true),
  };
}

/** DeepSeek's pair of factors. Without them 0.1 ln(factor) + 1 holds, which is at least 1. */
function mscaleRatio(rope: Fields, factor: number): number | undefined {
  const mscale = rope.get("mscale") ? rope.positive("mscale") : undefined;
  const allDim = rope.get("mscale_all_dim") ? rope.positive("mscale_all_dim") : undefined;
  if (factor <= 1) return 1;
  if (mscale === undefined || allDim === undefined) return undefined;
  return (0.1 * mscale * Math.log(factor) + 1) / (0.1 * allDim * Math.log(factor) + 1);
}
