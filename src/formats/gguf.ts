// Reads GGUF 1, 2 and 3: typed metadata, then a list of tensors, then their bytes, aligned.

import { setImmediate } from "node:timers/promises";
import { DeadliftError, expected } from "../error.js";
import { quantOfId } from "../quants/index.js";
import type { HeaderFile } from "./file.js";
import { Cursor, maxHeaderBytes } from "./gguf_cursor.js";
import { type Metadata, readMetadata, type Steps, whole } from "./gguf_metadata.js";
import { maxTensors, type TensorInfo, tensorBytes, truncated } from "./sizes.js";

/** The specification allows 64 bytes for a tensor's name; converters of image models write longer ones. */
const maxNameBytes = 1024;
/** GGML_MAX_DIMS of ggml.h. */
const maxDimensions = 4;
/** An entry is at least: name length, dimension count, type, offset. */
const minTensorBytes = 8 + 4 + 4 + 8;
const minTensorBytesV1 = 4 + 4 + 4 + 8;
const defaultAlignment = 32;

export interface GgufHeader {
  readonly version: 1 | 2 | 3;
  readonly metadata: Metadata;
  readonly tensors: readonly TensorInfo[];
}

/** How long to work before others get their turn. */
const maxMs = 20;
/** A piece that no longer doubles: what was asked for too much is less than this. */
const maxPieceBytes = 8 * 2 ** 20;

/**
 * The header of a file, asked for in pieces that double, where a piece is less than all. Throws NotAModel, InvalidGguf,
 * Truncated, LimitExceeded, UnsupportedQuant.
 */
export async function readGguf(file: HeaderFile): Promise<GgufHeader> {
  const { path, size } = file;
  const limit = Math.min(size, maxHeaderBytes);
  let piece = file.piece;
  const cursor = new Cursor(await file.read(0, Math.min(limit, piece)), size, path);
  const steps = parse(cursor);
  for (let startedAt = performance.now(); ; ) {
    const { done, value } = steps.next();
    if (done) return value;
    if (value === undefined) {
      if (performance.now() - startedAt < maxMs) continue;
      await setImmediate();
    } else {
      while (cursor.end < value) {
        piece = Math.min(2 * piece, maxPieceBytes);
        cursor.feed(await file.read(cursor.end, Math.min(limit - cursor.end, piece)));
      }
    }
    startedAt = performance.now();
  }
}

/** Parses and validates the header of a file of `size` bytes that starts with `bytes`, at once. */
export function parseGguf(bytes: Uint8Array, size: number, path: string): GgufHeader {
  const steps = parse(new Cursor(bytes, size, path));
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (value !== undefined) throw truncated(path, bytes.length, value, "its header");
  }
}

function* parse(cursor: Cursor): Steps<GgufHeader> {
  const { path, size } = cursor;
  const version = yield* whole(cursor, () => readVersion(cursor));
  cursor.wide = version > 1;
  const tensorCount = yield* whole(cursor, () => cursor.count());
  const metadata = yield* readMetadata(cursor);
  const alignment = readAlignment(metadata, path);
  cursor.need(tensorCount * (cursor.wide ? minTensorBytes : minTensorBytesV1), "its list of tensors");
  if (tensorCount > maxTensors) {
    throw new DeadliftError(
      "LimitExceeded",
      `expected at most ${maxTensors} tensors in ${path}, received ${tensorCount}`,
    );
  }
  const tensors: TensorInfo[] = [];
  for (let i = 0; i < tensorCount; i++) tensors.push(yield* whole(cursor, () => readTensor(cursor)));
  const start = Math.ceil(cursor.at / alignment) * alignment;
  const placed = tensors.map((tensor) => ({ ...tensor, offset: start + tensor.offset }));
  validate(placed, start, alignment, size, path);
  return { version, metadata, tensors: placed };
}

function readVersion(cursor: Cursor): 1 | 2 | 3 {
  const { path, size } = cursor;
  const magic = size < 4 ? "" : Buffer.from(cursor.bytes(4, "its magic")).toString("latin1");
  if (magic === "FUGG") throw invalid(path, "it is big-endian; convert it to little-endian (gguf-convert-endian)");
  if (magic !== "GGUF") {
    throw new DeadliftError(
      "NotAModel",
      `expected a GGUF file at ${path}, received a file that starts with ${printable(magic)}`,
    );
  }
  const version = cursor.u32();
  if (version === 1 || version === 2 || version === 3) return version;
  if (version !== 0 && (version & 0xffff) === 0) {
    throw invalid(path, "it is big-endian; convert it to little-endian (gguf-convert-endian)");
  }
  throw invalid(path, expected("1, 2 or 3", "the version of GGUF", version));
}

function readAlignment(metadata: Metadata, path: string): number {
  const value = metadata.get("general.alignment") ?? defaultAlignment;
  if (typeof value === "number" && value >= 1 && Number.isInteger(Math.log2(value))) return value;
  throw invalid(path, expected("a power of two", "general.alignment", value));
}

/** One entry of the list. Its offset still counts from the start of the data. */
function readTensor(cursor: Cursor): TensorInfo {
  const { path } = cursor;
  const name = cursor.string("the name of a tensor", maxNameBytes);
  const dimensions = cursor.u32();
  if (dimensions > maxDimensions) {
    throw new DeadliftError(
      "LimitExceeded",
      `expected at most ${maxDimensions} dimensions for tensor "${name}" in ${path}, received ${dimensions}`,
    );
  }
  // GGUF states the innermost dimension first.
  const shape = Array.from({ length: dimensions }, () => cursor.count()).reverse();
  const quant = quantOfId(cursor.u32(), `"${name}" in ${path}`);
  const { block } = quant;
  if ((shape.at(-1) ?? 1) % block !== 0) {
    throw invalid(
      path,
      expected(`rows of whole blocks of ${block} (${quant.name})`, `the shape of tensor "${name}"`, shape),
    );
  }
  const byteLength = tensorBytes(quant, shape);
  if (byteLength === undefined) {
    throw invalid(path, expected("fewer than 2^53 values and bytes", `the shape of tensor "${name}"`, shape));
  }
  return { name, quant: quant.name, shape, offset: Number(cursor.u64()), byteLength };
}

/** Every tensor starts on the alignment, ends in the file, and shares no byte with another. */
function validate(tensors: readonly TensorInfo[], start: number, alignment: number, size: number, path: string): void {
  const names = new Set<string>();
  let end = 0;
  for (const { name, offset, byteLength } of tensors) {
    if (names.has(name)) throw invalid(path, `tensor "${name}" is listed twice`);
    names.add(name);
    if (!Number.isSafeInteger(offset + byteLength) || (offset - start) % alignment !== 0) {
      throw invalid(path, expected(`a multiple of ${alignment}`, `the offset of tensor "${name}"`, offset - start));
    }
    end = Math.max(end, offset + byteLength);
  }
  if (end > size) throw truncated(path, size, end, "its tensors");
  const ordered = [...tensors].sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  ordered.forEach((tensor, i) => {
    const next = ordered[i + 1];
    if (next && tensor.offset + tensor.byteLength > next.offset) {
      throw invalid(path, `tensors "${tensor.name}" and "${next.name}" overlap`);
    }
  });
}

function printable(text: string): string {
  return text === "" ? "nothing" : JSON.stringify(text);
}

function invalid(path: string, reason: string): DeadliftError {
  return new DeadliftError("InvalidGguf", `${path}: ${reason}`);
}
