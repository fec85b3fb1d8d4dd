// Reads the little-endian fields of a GGUF header, one after another, never past the end of the file.

import { isUtf8 } from "node:buffer";
import { DeadliftError } from "../error.js";
import { truncated } from "./sizes.js";

/** Vocabularies of 262 thousand tokens make headers of some 15 MB; what does not end by then is not a header. */
export const maxHeaderBytes = 512 * 2 ** 20;

/** Thrown when the file goes on where the bytes at hand end: read on from the same place when there are more. */
export class Starved extends Error {
  constructor(
    /** Where in the file the needed bytes end. */
    readonly end: number,
  ) {
    super("more bytes of the file are needed");
  }
}

export class Cursor {
  /** Where in the file it stands. */
  at = 0;
  /** Version 1 counted with 32 bits. */
  wide = true;
  /** Where in the file the bytes at hand start. */
  #start = 0;
  #view!: DataView;
  #buffer!: Buffer;

  /** `bytes` is the start of a file of `size` bytes, or all of it. */
  constructor(
    bytes: Uint8Array,
    readonly size: number,
    readonly path: string,
  ) {
    this.#hold(bytes);
  }

  /** Where in the file the bytes at hand end. */
  get end(): number {
    return this.#start + this.#buffer.length;
  }

  /** The next bytes of the file; those already read are let go. */
  feed(bytes: Uint8Array): void {
    const rest = this.#buffer.subarray(this.at - this.#start);
    this.#start = this.at;
    this.#hold(rest.length === 0 ? bytes : Buffer.concat([rest, bytes]));
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  i8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  i16(): number {
    return this.#view.getInt16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** A number where it is exact, a bigint beyond 2^53. */
  u64(): number | bigint {
    const at = this.#take(8);
    const high = this.#view.getUint32(at + 4, true);
    return high < 2 ** 21 ? high * 2 ** 32 + this.#view.getUint32(at, true) : this.#view.getBigUint64(at, true);
  }

  i64(): number | bigint {
    const value = this.#view.getBigInt64(this.#take(8), true);
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  /** A count or length: Infinity stands for anything beyond 2^53, which every check refuses. */
  count(): number {
    if (!this.wide) return this.u32();
    const value = this.u64();
    return typeof value === "number" ? value : Number.POSITIVE_INFINITY;
  }

  /** A count of things of at least `bytesEach`: nothing may be allocated for it before the file is known to hold them. */
  countOf(bytesEach: number, what: string): number {
    const count = this.count();
    this.need(count * bytesEach, what);
    return count;
  }

  string(what: string, maxBytes: number): string {
    const length = this.count();
    if (length > maxBytes) {
      throw new DeadliftError(
        "LimitExceeded",
        `expected at most ${maxBytes} bytes for ${what} in ${this.path}, received ${length}; the file is damaged`,
      );
    }
    const start = this.#take(length, what);
    return decodeText(this.#buffer, start, start + length);
  }

  /** The next bytes, as a view. */
  bytes(length: number, what: string): Uint8Array {
    const start = this.#take(length, what);
    return this.#buffer.subarray(start, start + length);
  }

  /** Refuses when the file does not go on for so many bytes: call it before allocating for what a file counts. */
  need(length: number, what: string): void {
    const end = this.at + length;
    if (end > maxHeaderBytes) {
      throw new DeadliftError(
        "LimitExceeded",
        `expected at most ${maxHeaderBytes} bytes for the header of ${this.path}, ` +
          `received ${what} that would end at byte ${end}; the file is damaged`,
      );
    }
    if (end > this.size) throw truncated(this.path, this.size, end, what);
  }

  /** Where in the bytes at hand the next `length` bytes start. */
  #take(length: number, what = "its header"): number {
    const start = this.at - this.#start;
    if (start + length > this.#buffer.length) {
      this.need(length, what);
      throw new Starved(this.at + length);
    }
    this.at += length;
    return start;
  }

  #hold(bytes: Uint8Array): void {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

/**
 * UTF-8 exactly as it is: U+FEFF stays, and a byte that is not UTF-8 becomes the lone surrogate U+DC00 + byte, as in
 * Python's "surrogateescape" (PEP 383), because vocabularies hold halves of characters. `textBytes` goes back.
 */
export function decodeText(buffer: Buffer, start: number, end: number): string {
  const text = buffer.toString("utf8", start, end);
  if (!text.includes("\uFFFD") || isUtf8(buffer.subarray(start, end))) return text;
  return escapeInvalid(buffer.subarray(start, end));
}

/** The bytes that `decodeText` made a string of. */
export function textBytes(text: string): Uint8Array {
  const parts = text.split(/([\uDC80-\uDCFF])/u);
  return Buffer.concat(parts.map((part, i) => (i % 2 ? Buffer.from([part.charCodeAt(0) & 0xff]) : Buffer.from(part))));
}

function escapeInvalid(bytes: Buffer): string {
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const length = [1, 2, 3, 4].find((n) => i + n <= bytes.length && isUtf8(bytes.subarray(i, i + n)));
    text += length ? bytes.toString("utf8", i, i + length) : String.fromCharCode(0xdc00 + bytes[i]!);
    i += length ?? 1;
  }
  return text;
}
