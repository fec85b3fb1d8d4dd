// F32: IEEE 754 binary32, little-endian.
//
//   byte  0 1 2 3
//        [ value ]        block of 1 value, 4 bytes

import type { Codec } from "./codec.js";

export const f32: Codec = {
  decode(bytes, out) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < out.length; i++) out[i] = view.getFloat32(4 * i, true);
  },

  encode(values, out) {
    const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
    for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i]!, true);
  },
};
