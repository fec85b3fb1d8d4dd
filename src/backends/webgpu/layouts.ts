// How each quant type lies on the device: its blocks taken apart into planes of whole words, one after another.

import type { QuantName } from "../../quants/index.js";

/** Bytes [from, to) of every block, of all blocks of a weight one after another. */
export type Plane = readonly [from: number, to: number];

export interface Layout {
  /** File of its decode in kernels/webgpu/quants, without ending. */
  readonly decode: string;
  /** Values that one call of the decode gives. */
  readonly group: 4 | 8 | 16 | 32;
  /** At most four, each from 16 bytes on. Bytes in none of them say nothing about values. */
  readonly planes: readonly Plane[];
  /** Its decode reads the buffer of grids.ts. */
  readonly grids?: true;
}

/** Values without scales, rows of which are padded with zero bytes to whole groups of 32. */
function plain(decode: string, group: Layout["group"], bytes: number): Layout {
  return { decode, group, planes: [[0, bytes]] };
}

function blocks(decode: string, ...planes: Plane[]): Layout {
  return { decode, group: 32, planes };
}

function points(decode: string, ...planes: Plane[]): Layout {
  return { ...blocks(decode, ...planes), grids: true };
}

/**
 * Types that the device decodes; others become F32 on their way to it: whole numbers whose nearest F32 WGSL does not
 * promise, those of 64 bits, which it does not have, and BOOL. Planes that are read most come first. Whole blocks where
 * these are vec4u's: they are copied as they are.
 */
export const layouts: Readonly<Partial<Record<QuantName, Layout>>> = {
  F32: plain("f32", 4, 4),
  F16: plain("f16", 8, 2),
  BF16: plain("bf16", 8, 2),
  Q8_0: blocks("q8_0", [2, 34], [0, 2]),
  Q4_0: blocks("q4_0", [2, 18], [0, 2]),
  Q4_1: blocks("q4_1", [4, 20], [0, 4]),
  Q5_0: blocks("q5_0", [6, 22], [2, 6], [0, 2]),
  Q5_1: blocks("q5_1", [8, 24], [4, 8], [0, 4]),
  Q8_1: blocks("q8_0", [4, 36], [0, 2]),
  Q2_K: blocks("q2_k", [16, 80], [0, 16], [80, 84]),
  Q3_K: blocks("q3_k", [32, 96], [0, 32], [96, 108], [108, 110]),
  Q4_K: blocks("q4_k", [0, 144]),
  Q5_K: blocks("q5_k", [0, 176]),
  Q6_K: blocks("q6_k", [0, 128], [128, 192], [192, 208], [208, 210]),
  Q8_K: blocks("q8_k", [4, 260], [0, 4]),
  IQ1_S: points("iq1_s", [2, 34], [34, 50], [0, 2]),
  IQ1_M: points("iq1_m", [0, 32], [32, 48], [48, 56]),
  IQ2_XXS: points("iq2_xxs", [2, 66], [0, 2]),
  IQ2_XS: points("iq2_xs", [2, 66], [66, 74], [0, 2]),
  IQ2_S: points("iq2_s", [2, 66], [66, 82], [0, 2]),
  IQ3_XXS: points("iq3_xxs", [2, 66], [66, 98], [0, 2]),
  IQ3_S: points("iq3_s", [2, 66], [66, 106], [106, 110], [0, 2]),
  IQ4_NL: blocks("iq4_nl", [2, 18], [0, 2]),
  IQ4_XS: blocks("iq4_xs", [8, 136], [0, 8]),
  TQ1_0: blocks("tq1_0", [0, 48], [48, 52], [52, 54]),
  TQ2_0: blocks("tq2_0", [0, 64], [64, 66]),
  MXFP4: blocks("mxfp4", [1, 17], [0, 1]),
  NVFP4: blocks("nvfp4", [4, 36], [0, 4]),
  Q1_0: blocks("q1_0", [2, 18], [0, 2]),
  Q2_0: blocks("q2_0", [2, 18], [0, 2]),
  I8: plain("i8", 16, 1),
  I16: plain("i16", 8, 2),
  U8: plain("u8", 16, 1),
  U16: plain("u16", 8, 2),
  F4: plain("f4", 32, 1),
  F6_E2M3: plain("f6_e2m3", 32, 3),
  F6_E3M2: plain("f6_e3m2", 32, 3),
  F8_E4M3: plain("f8_e4m3", 16, 1),
  F8_E5M2: plain("f8_e5m2", 16, 1),
  F8_E8M0: plain("f8_e8m0", 16, 1),
  F8_E4M3FNUZ: plain("f8_e4m3fnuz", 16, 1),
  F8_E5M2FNUZ: plain("f8_e5m2fnuz", 16, 1),
  U4_SCALED: blocks("u4_scaled", [4, 20], [0, 4]),
  U8_SCALED: blocks("u8_scaled", [4, 36], [0, 4]),
  F8_SCALED: blocks("f8_scaled", [4, 68], [0, 4]),
  NF4: blocks("nf4", [4, 36], [0, 4]),
  FP4: blocks("fp4", [4, 36], [0, 4]),
};
