// Typed metadata of GGUF as bytes: what a writer puts where gguf_metadata.ts reads.

import { textBytes } from "./gguf_cursor.js";

/** Ids of the GGUF specification. */
const typeIds = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
} as const;

type NumberType = "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "f32" | "u64" | "i64" | "f64";

/** One pair of metadata. `raw` is a value as another file holds it: its type, then its bytes. */
export type GgufEntry = { readonly key: string } & (
  | { readonly type: NumberType; readonly value: number | bigint }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "array"; readonly of: "string"; readonly value: readonly string[] }
  | { readonly type: "array"; readonly of: "bool"; readonly value: readonly boolean[] }
  | { readonly type: "array"; readonly of: NumberType; readonly value: ArrayLike<number | bigint> }
  | { readonly type: "raw"; readonly value: Uint8Array }
);

export const u32 = (key: string, value: number): GgufEntry => ({ key, type: "u32", value });
export const i32 = (key: string, value: number): GgufEntry => ({ key, type: "i32", value });
export const f32 = (key: string, value: number): GgufEntry => ({ key, type: "f32", value });
export const bool = (key: string, value: boolean): GgufEntry => ({ key, type: "bool", value });
export const text = (key: string, value: string): GgufEntry => ({ key, type: "string", value });
export const texts = (key: string, value: readonly string[]): GgufEntry => ({
  key,
  type: "array",
  of: "string",
  value,
});

/** Bytes one after another, little-endian, in memory that grows. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(64 * 2 ** 10);
  length = 0;

  /** What was written: a view until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  number(type: NumberType, value: number | bigint): void {
    this.#room(8);
    this.length = write[type](this.#bytes, value, this.length);
  }

  u32(value: number): void {
    this.number("u32", value);
  }

  u64(value: number): void {
    this.number("u64", value);
  }

  /** A length and UTF-8, with the bytes that decodeText could not read as they were. */
  text(value: string): void {
    if (/[\uDC80-\uDCFF]/.test(value)) {
      const bytes = textBytes(value);
      this.u64(bytes.length);
      this.raw(bytes);
      return;
    }
    this.#room(8 + 3 * value.length);
    const length = this.#bytes.write(value, this.length + 8);
    this.u64(length);
    this.length += length;
  }

  /** Zeros up to a multiple of `alignment`. */
  pad(alignment: number): void {
    this.raw(new Uint8Array((alignment - (this.length % alignment)) % alignment));
  }

  entry(entry: GgufEntry): void {
    this.text(entry.key);
    if (entry.type === "raw") {
      this.raw(entry.value);
      return;
    }
    this.u32(typeIds[entry.type]);
    if (entry.type === "array") this.#array(entry);
    else if (entry.type === "string") this.text(entry.value);
    else if (entry.type === "bool") this.number("u8", entry.value ? 1 : 0);
    else this.number(entry.type, entry.value);
  }

  #array(entry: Extract<GgufEntry, { type: "array" }>): void {
    this.u32(typeIds[entry.of]);
    this.u64(entry.value.length);
    if (entry.of === "string") for (const value of entry.value) this.text(value);
    else if (entry.of === "bool") this.raw(Uint8Array.from(entry.value, Number));
    else for (let i = 0; i < entry.value.length; i++) this.number(entry.of, entry.value[i]!);
  }

  #room(length: number): void {
    if (this.length + length <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.length + length));
    bytes.set(this.#bytes.subarray(0, this.length));
    this.#bytes = bytes;
  }
}

const write: Readonly<Record<NumberType, (to: Buffer, value: number | bigint, at: number) => number>> = {
  u8: (to, value, at) => to.writeUInt8(Number(value), at),
  i8: (to, value, at) => to.writeInt8(Number(value), at),
  u16: (to, value, at) => to.writeUInt16LE(Number(value), at),
  i16: (to, value, at) => to.writeInt16LE(Number(value), at),
  u32: (to, value, at) => to.writeUInt32LE(Number(value), at),
  i32: (to, value, at) => to.writeInt32LE(Number(value), at),
  f32: (to, value, at) => to.writeFloatLE(Number(value), at),
  u64: (to, value, at) => to.writeBigUInt64LE(BigInt(value), at),
  i64: (to, value, at) => to.writeBigInt64LE(BigInt(value), at),
  f64: (to, value, at) => to.writeDoubleLE(Number(value), at),
};
