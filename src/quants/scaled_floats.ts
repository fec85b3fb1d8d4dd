// F8_SCALED, NF4 and FP4: 64 small floating-point numbers with one scale; value = d * level. Made at load, in no file.
//
//   byte  0 1 2 3     4        5              35
//        [d: F32]    [q32|q0 ][q33|q1 ] ... [q63|q31]     NF4 and FP4: block of 64 values, 36 bytes
//        [d: F32]    [q0][q1]                 ... [q63]   F8_SCALED: block of 64 values, 68 bytes; q is F8_E4M3
//
// NF4: the 16 levels of QLoRA (arXiv 2305.14314, appendix E). FP4: bitsandbytes' own, sign 1, exponent 2, mantissa 1,
// the largest of which is 1; no code is -0.

import type { Codec } from "./codec.js";
import { f8_e4m3 } from "./small_floats.js";

const block = 64;

const scaled = (levels: Float32Array): Codec => ({
  decode(bytes, out) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isByte = levels.length === 256;
    for (let from = 0, at = 0; at < out.length; at += block, from += isByte ? 68 : 36) {
      const d = view.getFloat32(from, true);
      for (let i = 0; i < block; i++) {
        const byte = bytes[from + 4 + (isByte ? i : i % 32)]!;
        out[at + i] = d * levels[isByte ? byte : i < 32 ? byte & 15 : byte >> 4]!;
      }
    }
  },
});

const e4m3 = new Float32Array(256);
f8_e4m3.decode(
  Uint8Array.from({ length: 256 }, (_, code) => code),
  e4m3,
);

const nf4Levels = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
];
const fp4Magnitudes = [0, 0.0625, 8, 12, 4, 6, 2, 3].map((twelfths) => twelfths / 12);

export const f8_scaled = scaled(e4m3);
export const nf4 = scaled(Float32Array.from(nf4Levels));
export const fp4 = scaled(Float32Array.from([...fp4Magnitudes, ...fp4Magnitudes.map((magnitude) => 0 - magnitude)]));
