// The whole numbers: I8 to I64, U8 to U64 and BOOL, little-endian; read as the nearest F32.
//
//   byte  0    n - 1
//        [ value ]        block of 1 value, n = 1, 2, 4 or 8 bytes; BOOL is one byte, true where it is not 0

import type { Codec } from "./codec.js";

const reads = (size: number, read: (view: DataView, at: number) => number): Codec => ({
  decode(bytes, out) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < out.length; i++) out[i] = read(view, size * i);
  },
});

export const i8 = reads(1, (view, at) => view.getInt8(at));
export const i16 = reads(2, (view, at) => view.getInt16(at, true));
export const i32 = reads(4, (view, at) => view.getInt32(at, true));
export const i64 = reads(8, (view, at) => roundable(view.getBigInt64(at, true)));
export const u8 = reads(1, (view, at) => view.getUint8(at));
export const u16 = reads(2, (view, at) => view.getUint16(at, true));
export const u32 = reads(4, (view, at) => view.getUint32(at, true));
export const u64 = reads(8, (view, at) => roundable(view.getBigUint64(at, true)));
export const bool = reads(1, (view, at) => (view.getUint8(at) ? 1 : 0));

/** A double that rounds to the same F32. Rounding twice could go astray, so bits past 53 are kept as one sticky bit. */
function roundable(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  const low = magnitude & 0x7ffn;
  if (magnitude < 1n << 53n || low === 0n) return Number(value);
  const sticky = (magnitude - low) | 0x800n;
  return Number(value < 0n ? -sticky : sticky);
}
