// How each quant type lies on the device: its blocks taken apart into planes of whole words, one after another.

import type { QuantName } from "../../quants/index.js";

/** Bytes [from, to) of every block, of all blocks of a weight one after another. */
export type Plane = readonly [from: number, to: number];

export interface Layout {
  /** File of its decode in kernels/webgpu/quants, without ending. */
  readonly decode: string;
  /** Values that one call of the decode gives. */
  readonly group: number;
  /** At most four, each from 16 bytes on. */
  readonly planes: readonly Plane[];
}

/** Types that the device decodes; others become F32 on their way to it. */
export const layouts: Readonly<Partial<Record<QuantName, Layout>>> = {
  F32: { decode: "f32", group: 4, planes: [[0, 4]] },
  F16: { decode: "f16", group: 8, planes: [[0, 2]] },
  BF16: { decode: "bf16", group: 8, planes: [[0, 2]] },
  Q8_0: {
    decode: "q8_0",
    group: 32,
    planes: [
      [2, 34],
      [0, 2],
    ],
  },
};
