// Where GGUF stores numbers in another order than Hugging Face, or numbers that are not stored there at all.

import type { Config } from "../program/config.js";

const { fround } = Math;

/**
 * The source row of each row of a tensor, by canonical name; undefined: they stay. Llama's halves of a head that turn
 * together (i, i + half) become neighbours.
 */
export function rowOrder(
  name: string,
  rows: number,
  { architecture, heads, kvHeads }: Config,
): ((row: number) => number) | undefined {
  const part = /^layers\.\d+\.attention\.([qk])(?:\.bias)?$/.exec(name)?.[1];
  if (architecture !== "llama" || part === undefined) return undefined;
  const size = rows / (part === "q" ? heads : kvHeads);
  const half = size / 2;
  return (row) => {
    const inHead = row % size;
    return row - inHead + (inHead % 2) * half + Math.floor(inHead / 2);
  };
}

/** Llama 3's stretching as divisors of the frequencies, (dims / 2), computed in the steps of f32 that torch takes. */
export function ropeFactors({ rope: { theta, dims, scaling } }: Config): Float32Array | undefined {
  if (scaling?.type !== "llama3") return undefined;
  const { factor, lowFreqFactor, highFreqFactor, originalContextLength } = scaling;
  const longest = originalContextLength / lowFreqFactor;
  const shortest = originalContextLength / highFreqFactor;
  return Float32Array.from({ length: dims / 2 }, (_, i) => {
    const frequency = fround(1 / fround(theta ** fround((2 * i) / dims)));
    const wavelength = fround(fround(1 / frequency) * fround(2 * Math.PI));
    if (wavelength < shortest) return 1;
    if (wavelength > longest) return factor;
    const turns = fround(fround(1 / wavelength) * originalContextLength);
    const keep = fround(fround(turns - lowFreqFactor) / fround(highFreqFactor - lowFreqFactor));
    return fround(1 / fround(fround(fround(1 - keep) / factor) + keep));
  });
}
