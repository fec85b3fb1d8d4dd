// How queries and keys turn, as config.json states it, old style and new.

import type { RopeConfig, RopeScaling } from "../program/config.js";
import type { RopeFields } from "./families/family.js";
import { Fields } from "./fields.js";

interface Facts {
  readonly headDim: number;
  readonly contextLength: number;
  readonly layout: RopeConfig["layout"];
}

/** Throws InvalidConfig. */
export function ropeConfig({ own, outer }: RopeFields, { headDim, contextLength, layout }: Facts): RopeConfig {
  const rope = new Fields(own?.source ?? outer.source, (name) => own?.get(name) ?? outer.get(name));
  const theta = rope.positive("rope_theta", 10000);
  const partial = rope.positive("partial_rotary_factor", 1);
  const dims = Math.trunc(headDim * partial);
  if (partial > 1 || dims < 2 || dims % 2 !== 0) {
    throw rope.wrong("partial_rotary_factor", `a share of the ${headDim} values of a head that is even`, partial);
  }
  const scaling = own ? ropeScaling(own, outer, { contextLength, dims }) : undefined;
  return { theta, dims, layout, scaling, factors: undefined };
}

/**
 * The scaling in `rope`, the fields of `rope_scaling` or `rope_parameters`; `outer` are those around it.
 * Source: transformers modeling_rope_utils.py. Throws InvalidConfig naming types that are not known.
 */
function ropeScaling(
  rope: Fields,
  outer: Fields,
  { contextLength, dims }: { contextLength: number; dims: number },
): RopeScaling | undefined {
  const stated = rope.optionalString("rope_type") ?? rope.string("type", "default");
  // Phi 3's, by whatever name.
  const type = rope.get("long_factor") === undefined ? stated : "longrope";
  const originalContextLength =
    outer.optionalSize("original_max_position_embeddings") ??
    rope.size("original_max_position_embeddings", contextLength);
  switch (type) {
    case "default":
    case "dynamic": // stretches beyond the model's own context only, where nothing runs
      return undefined;
    case "linear":
      return { type, factor: rope.positive("factor") };
    case "llama3":
      return readLlama3(rope, originalContextLength);
    case "yarn":
      return readYarn(rope, originalContextLength, contextLength);
    case "longrope":
      return readLongrope(rope, originalContextLength, { contextLength, dims });
    default:
      throw rope.wrong("rope_type", '"default", "linear", "llama3", "yarn", "longrope" or "dynamic"', type);
  }
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

function readLongrope(
  rope: Fields,
  originalContextLength: number,
  { contextLength, dims }: { contextLength: number; dims: number },
): RopeScaling {
  const factor = rope.positive("factor", contextLength / originalContextLength);
  const natural = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalContextLength));
  return {
    type: "longrope",
    short: readFactors(rope, "short_factor", dims / 2),
    long: readFactors(rope, "long_factor", dims / 2),
    originalContextLength,
    attentionFactor: rope.positive("attention_factor", natural),
  };
}

function readFactors(rope: Fields, key: string, count: number): number[] {
  const list = rope.get(key);
  const isFactor = (factor: unknown) => typeof factor === "number" && factor > 0 && Number.isFinite(factor);
  if (Array.isArray(list) && list.length === count && list.every(isFactor)) return list;
  throw rope.wrong(key, `a list of ${count} positive numbers`, list);
}
