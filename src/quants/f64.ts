// F64: IEEE 754 binary64, little-endian; read as the nearest F32.
//
//   byte  0 1 2 3 4 5 6 7
//        [     value     ]        block of 1 value, 8 bytes

import type { Codec } from "./codec.js";

export const f64: Codec = {
  decode(bytes, out) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < out.length; i++) out[i] = view.getFloat64(8 * i, true);
  },
};
