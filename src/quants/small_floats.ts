// Floating-point numbers of at most eight bits, as safetensors names them: F8, F6 and F4, with the scales of the OCP formats.
//
//   F8_E4M3      byte [seeeemmm]   bias 7; no infinities, NaN where all of e and m are set
//   F8_E5M2      byte [seeeeemm]   bias 15; the upper half of an F16
//   F8_E4M3FNUZ  byte [seeeemmm]   bias 8; no infinities, no -0, whose code is NaN
//   F8_E5M2FNUZ  byte [seeeeemm]   bias 16; likewise
//   F8_E8M0      byte [eeeeeeee]   2^(e - 127), 255 is NaN: the scale of a block of another tensor
//   F6_E2M3      [seemmm] bias 1, F6_E3M2 [seeemm] bias 3: neither infinities nor NaN; 4 values in 3 bytes
//   F4           [seem] bias 1: likewise; 2 values in a byte
//
// Packed values follow each other from the lowest bit on: value i of a block starts at its bit 6 i or 4 i. (OCP 8-bit
// Floating Point Specification 1.0; OCP Microscaling Formats 1.0; FNUZ: arXiv 2206.02915)

import type { Codec } from "./codec.js";

/** Which codes are no finite numbers. */
type Specials = "ieee" | "all ones" | "minus zero" | "none";

interface Layout {
  readonly exponent: number;
  readonly mantissa: number;
  readonly bias: number;
  readonly specials: Specials;
}

/** The values of all codes. */
function valuesOf({ exponent, mantissa, bias, specials }: Layout): Float32Array {
  const half = 2 ** (exponent + mantissa);
  return Float32Array.from({ length: 2 * half }, (_, code) => {
    const e = (code % half) >> mantissa;
    const m = code % 2 ** mantissa;
    if (isNaNCode(code % half, half, specials, code >= half)) return Number.NaN;
    if (specials === "ieee" && e === 2 ** exponent - 1) return m ? Number.NaN : (code < half ? 1 : -1) / 0;
    const magnitude = e ? (2 ** mantissa + m) * 2 ** (e - bias - mantissa) : m * 2 ** (1 - bias - mantissa);
    return code < half ? magnitude : -magnitude;
  });
}

function isNaNCode(magnitude: number, half: number, specials: Specials, negative: boolean): boolean {
  if (specials === "all ones") return magnitude === half - 1;
  return specials === "minus zero" && negative && magnitude === 0;
}

const bytes = (values: Float32Array): Codec => ({
  decode(data, out) {
    for (let i = 0; i < out.length; i++) out[i] = values[data[i]!]!;
  },
});

/** Codes of `bits` bits one after another from the lowest bit of the first byte. */
const packed = (bits: 4 | 6, values: Float32Array): Codec => ({
  decode(data, out) {
    for (let i = 0; i < out.length; i++) {
      const at = Math.floor((i * bits) / 8);
      const word = data[at]! | ((data[at + 1] ?? 0) << 8);
      out[i] = values[(word >> ((i * bits) % 8)) & (values.length - 1)]!;
    }
  },
});

export const f8_e4m3 = bytes(valuesOf({ exponent: 4, mantissa: 3, bias: 7, specials: "all ones" }));
export const f8_e5m2 = bytes(valuesOf({ exponent: 5, mantissa: 2, bias: 15, specials: "ieee" }));
export const f8_e4m3fnuz = bytes(valuesOf({ exponent: 4, mantissa: 3, bias: 8, specials: "minus zero" }));
export const f8_e5m2fnuz = bytes(valuesOf({ exponent: 5, mantissa: 2, bias: 16, specials: "minus zero" }));
export const f8_e8m0 = bytes(Float32Array.from({ length: 256 }, (_, e) => (e === 255 ? Number.NaN : 2 ** (e - 127))));
export const f6_e2m3 = packed(6, valuesOf({ exponent: 2, mantissa: 3, bias: 1, specials: "none" }));
export const f6_e3m2 = packed(6, valuesOf({ exponent: 3, mantissa: 2, bias: 3, specials: "none" }));
export const f4 = packed(4, valuesOf({ exponent: 2, mantissa: 1, bias: 1, specials: "none" }));
