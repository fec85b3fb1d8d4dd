// The grids of the IQ types as kernels/webgpu/lib/grids.wgsl reads them.

import { iq1Grid, iq2SGrid, iq2XsGrid, iq2XxsGrid, iq3SGrid, iq3XxsGrid } from "../../quants/iq_grids.js";

/** Points one after another, a byte for each of their values; grids.wgsl says where each grid begins. */
export function gridWords(): Uint32Array<ArrayBuffer> {
  const grids = [iq1Grid, iq2XxsGrid, iq2XsGrid, iq2SGrid, iq3XxsGrid, iq3SGrid];
  const bytes = Uint8Array.from(grids.flatMap(({ points }) => [...points()]));
  return new Uint32Array(bytes.buffer);
}
