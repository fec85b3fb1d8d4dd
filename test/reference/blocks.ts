// Blocks of quants for tests: noise that test/fixtures/quants/fixture.py makes too, and legal weights without an encoder.

import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { floatToHalf } from "../../src/quants/f16.js";
import { type QuantName, quantOf } from "../../src/quants/index.js";

/** 32-bit words from a counter and a name: the finaliser of MurmurHash3. */
export function noiseWords(name: string, count: number): Uint32Array {
  const seed = crc32(name);
  return Uint32Array.from({ length: count }, (_, i) => {
    let h = Math.imul(i, 0x9e3779b9) + seed;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return h ^ (h >>> 16);
  });
}

export function noise(name: string, count: number): Uint8Array {
  return new Uint8Array(noiseWords(name, Math.ceil(count / 4)).buffer, 0, count);
}

/** Numbers that look like weights: sums of four bytes, between -0.125 and 0.125. */
export function noiseValues(name: string, count: number): Float32Array {
  return Float32Array.from(noiseWords(name, count), (word) => {
    const sum = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
    return (sum - 510) / 4096;
  });
}

/** A BF16 matrix of the model in this repository. */
export function tinyTensor(name: string): { values: Float32Array; columns: number } {
  const data = readFileSync(new URL("../../models/tiny/model.safetensors", import.meta.url));
  const size = Number(data.readBigUInt64LE());
  const { data_offsets, shape } = JSON.parse(data.toString("utf8", 8, 8 + size))[name];
  const [begin, end] = data_offsets as [number, number];
  const values = new Float32Array((end - begin) / 2);
  const words = new Uint32Array(values.buffer);
  for (let i = 0; i < words.length; i++) words[i] = data.readUInt16LE(8 + size + begin + 2 * i) << 16;
  return { values, columns: shape[1] };
}

/** Weights of columns as the fixtures' scripts have them: uneven, some 100 times the others. */
export function columnWeights(name: string, columns: number): Float32Array {
  return Float32Array.from(noiseWords(name, columns), (word) => {
    return (((word & 0xffff) + 1) / 65536) * (word >>> 27 ? 1 : 100);
  });
}

/** The mean squared error of rows, by the weights of their columns. */
export function meanError(values: Float32Array, decoded: Float32Array, columns: Float32Array | undefined): number {
  let [error, total] = [0, 0];
  values.forEach((value, i) => {
    const weight = columns ? columns[i % columns.length]! : 1;
    error += weight * (value - decoded[i]!) ** 2;
    total += weight;
  });
  return error / total;
}

/** Offsets of the F16 scales in a block, for types without an encoder or with a slow one. */
const halves: Partial<Record<QuantName, readonly number[]>> = {
  Q8_1: [0, 2],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ1_S: [0],
  IQ2_XXS: [0],
  IQ2_XS: [0],
  IQ2_S: [0],
  IQ3_XXS: [0],
  IQ3_S: [0],
  IQ4_NL: [0],
  IQ4_XS: [0],
};

/** Makes a random block moderate where that takes more than F16 scales. `view` is of the block. */
const moderate: Partial<Record<QuantName, (view: DataView, random: Uniform) => void>> = {
  // One F16 in four pieces, of which the highest has the sign and most of the exponent: +-2^-7 to +-2^-3.
  IQ1_M: (view) => view.setUint8(55, (view.getUint8(55) & 0x8f) | 0x20),
  Q8_K: (view, random) => view.setFloat32(0, random.next() / 64, true),
  F64: (view, random) => view.setFloat64(0, random.next(), true),
  // Not the codes of NaN and infinity.
  F8_E4M3: (view) => view.setUint8(0, view.getUint8(0) & 0xbf),
  F8_E5M2: (view) => view.setUint8(0, view.getUint8(0) & 0xbf),
  F8_E4M3FNUZ: (view) => view.setUint8(0, view.getUint8(0) | 1),
  F8_E5M2FNUZ: (view) => view.setUint8(0, view.getUint8(0) | 1),
  U4_SCALED: (view, random) => moderateScale(view, random, 8),
  U8_SCALED: (view, random) => moderateScale(view, random, 128),
  F8_SCALED: (view, random) => {
    view.setFloat32(0, random.next() / 64, true);
    for (let i = 4; i < 68; i++) view.setUint8(i, view.getUint8(i) & 0xbf);
  },
  NF4: (view, random) => view.setFloat32(0, random.next() / 8, true),
  FP4: (view, random) => view.setFloat32(0, random.next() / 8, true),
  F8_E8M0: (view) => view.setUint8(0, 120 + (view.getUint8(0) & 15)),
};

function moderateScale(view: DataView, random: Uniform, zero: number): void {
  view.setFloat32(0, random.next() / zero, true);
  view.setUint8(0, zero);
}

/** Of these any bits do. */
const anything: readonly QuantName[] = [
  ...(["I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64", "BOOL"] as const),
  ...(["F4", "F6_E2M3", "F6_E3M2"] as const),
];

interface Uniform {
  /** Between -1 and 1. */
  next(): number;
}

/** Random whole blocks that mean ordinary weights: any bits but for the scales. Undefined where the encoder serves. */
export function legalBlocks(name: QuantName, count: number, random: Uniform): Uint8Array | undefined {
  const { bytes } = quantOf(name);
  const scales = halves[name] ?? [];
  if (!halves[name] && !moderate[name] && !anything.includes(name)) return undefined;
  const out = Uint8Array.from({ length: count * bytes }, () => (random.next() + 1) * 128);
  for (let at = 0; at < out.length; at += bytes) {
    const view = new DataView(out.buffer, at, bytes);
    for (const offset of scales) view.setUint16(offset, floatToHalf(random.next() / 64), true);
    moderate[name]?.(view, random);
  }
  return out;
}
