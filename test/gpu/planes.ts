// Blocks taken apart into planes, the plain way: what the uploader of weights is tested against, and what decodes read.

import { layouts } from "../../src/backends/webgpu/layouts.js";
import { type QuantName, quantOf } from "../../src/quants/index.js";

/** A weight as it lies in a buffer of the device. */
export interface Planes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each plane begins, in 16 bytes. */
  readonly starts: number[];
  /** Values in a row, filled up to whole groups. */
  readonly columns: number;
}

/** Rows of whole blocks as planes; rows of types with small blocks are filled up to 32 values, with zero bytes. */
export function toPlanes(blocks: Uint8Array, quant: QuantName, columns: number): Planes {
  const { block, bytes: size } = quantOf(quant);
  const perRow = columns / block;
  const filled = block < 32 ? (Math.ceil(columns / 32) * 32) / block : perRow;
  const rows = blocks.length / (perRow * size);
  const starts: number[] = [];
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const [from, to] of layouts[quant]!.planes) {
    const width = to - from;
    const plane = new Uint8Array(Math.ceil((rows * filled * width) / 16) * 16);
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < perRow; i++) {
        const at = (row * perRow + i) * size;
        plane.set(blocks.subarray(at + from, at + to), (row * filled + i) * width);
      }
    }
    starts.push(end / 16);
    parts.push(plane);
    end += plane.length;
  }
  return { bytes: new Uint8Array(Buffer.concat(parts)), starts, columns: filled * block };
}
