// Rotary frequencies from a RopeConfig, in f32 steps as Python's transformers computes them.

import type { RopeConfig, RopeScaling } from "./config.js";
import type { Rope } from "./ops.js";

/**
 * The table of frequencies of a configuration, for contexts of up to so many tokens; (dims / 2) values. Source:
 * transformers modeling_rope_utils.
 */
export function ropeTable(config: RopeConfig, contextSize = Number.POSITIVE_INFINITY): Rope {
  const { theta, dims, scaling, factors, layout } = config;
  const frequencies = Float32Array.from({ length: dims / 2 }, (_, i) => {
    const frequency = Math.fround(1 / Math.fround(theta ** Math.fround((2 * i) / dims)));
    return factors ? frequency / factors[i]! : frequency;
  });
  const scale = scaling ? scaler(scaling, config, contextSize) : undefined;
  return {
    layout,
    frequencies: scale ? frequencies.map(scale) : frequencies,
    magnitude: scaling ? magnitudeOf(scaling) : 1,
  };
}

function magnitudeOf(scaling: RopeScaling): number {
  if (scaling.type === "yarn") return scaling.attentionFactor ?? 0.1 * Math.log(scaling.factor) + 1;
  return scaling.type === "longrope" ? scaling.attentionFactor : 1;
}

type Scale = (frequency: number, index: number) => number;

function scaler(scaling: RopeScaling, config: RopeConfig, contextSize: number): Scale {
  switch (scaling.type) {
    case "linear":
      return (frequency) => frequency / scaling.factor;
    case "llama3":
      return llama3(scaling);
    case "yarn":
      return yarn(scaling, config);
    case "longrope":
      return longrope(scaling, contextSize);
  }
}

/**
 * LongRoPE (arXiv 2402.13753). transformers takes the long factors from the first step that goes beyond the original
 * length, and leaves keys that are cached turned by the short ones; here, as in llama.cpp, a context has the same factors
 * from its first token to its last.
 */
function longrope(
  { short, long, originalContextLength }: Extract<RopeScaling, { type: "longrope" }>,
  contextSize: number,
): Scale {
  const factors = contextSize > originalContextLength ? long : short;
  return (frequency, index) => frequency / factors[index]!;
}

/** Llama 3.1: long wavelengths are stretched by `factor`, short ones stay, those between are blended. */
function llama3(s: Extract<RopeScaling, { type: "llama3" }>): Scale {
  const longest = s.originalContextLength / s.lowFreqFactor;
  const shortest = s.originalContextLength / s.highFreqFactor;
  return (frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength > longest) return frequency / s.factor;
    if (wavelength < shortest) return frequency;
    const keep = (s.originalContextLength / wavelength - s.lowFreqFactor) / (s.highFreqFactor - s.lowFreqFactor);
    return (1 - keep) * (frequency / s.factor) + keep * frequency;
  };
}

/** YaRN (arXiv 2309.00071): dimensions that turn often keep their frequency, those that turn rarely are stretched. */
function yarn(s: Extract<RopeScaling, { type: "yarn" }>, { theta, dims }: RopeConfig): Scale {
  // The dimension whose wavelength turns `rotations` times within the original context.
  const dimensionOf = (rotations: number) =>
    (dims * Math.log(s.originalContextLength / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  let low = dimensionOf(s.betaFast);
  let high = dimensionOf(s.betaSlow);
  if (s.truncate) {
    low = Math.floor(low);
    high = Math.ceil(high);
  }
  low = Math.max(low, 0);
  high = Math.min(high, dims - 1);
  if (low === high) high += 0.001;
  return (frequency, index) => {
    const stretched = Math.min(Math.max((index - low) / (high - low), 0), 1);
    return (frequency / s.factor) * stretched + frequency * (1 - stretched);
  };
}
