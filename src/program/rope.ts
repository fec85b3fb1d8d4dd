// Rotary frequencies from a RopeConfig, in f32 steps as Python's transformers computes them.

import type { RopeConfig, RopeScaling } from "./config.js";
import type { Rope } from "./ops.js";

/** The table of frequencies of a configuration; (dims / 2) values. Source: transformers modeling_rope_utils. */
export function ropeTable(config: RopeConfig): Rope {
  const { theta, dims, scaling, factors, layout } = config;
  const frequencies = Float32Array.from({ length: dims / 2 }, (_, i) => {
    const frequency = Math.fround(1 / Math.fround(theta ** Math.fround((2 * i) / dims)));
    return factors ? frequency / factors[i]! : frequency;
  });
  const scale = scaling ? scaler(scaling, config) : undefined;
  return {
    layout,
    frequencies: scale ? frequencies.map(scale) : frequencies,
    magnitude: scaling?.type === "yarn" ? (scaling.attentionFactor ?? 0.1 * Math.log(scaling.factor) + 1) : 1,
  };
}

type Scale = (frequency: number, index: number) => number;

function scaler(scaling: RopeScaling, config: RopeConfig): Scale {
  switch (scaling.type) {
    case "linear":
      return (frequency) => frequency / scaling.factor;
    case "llama3":
      return llama3(scaling);
    case "yarn":
      return yarn(scaling, config);
  }
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
