// Reads safetensors: eight bytes of length, a JSON header, then the tensors' bytes without holes.

import { DeadliftError, expected } from "../error.js";
import { findQuant, type Quant, type QuantName } from "../quants/index.js";
import { type HeaderFile, isObject, type JsonObject } from "./file.js";
import { keyTrouble } from "./json_keys.js";
import { maxTensors, type TensorInfo, tensorBytes, truncated } from "./sizes.js";

/** The limit of the reference implementation (safetensors tensor.rs, MAX_HEADER_SIZE), so that we open what it opens. */
export const maxHeaderBytes = 100_000_000;
/** No model has more dimensions; the format itself has no limit. */
export const maxDimensions = 8;
/** The header is an object of objects with lists; more is nesting meant to exhaust a parser. */
const maxDepth = 8;

export interface SafetensorsHeader {
  readonly tensors: readonly TensorInfo[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** The header of a file. Throws InvalidSafetensors, Truncated, LimitExceeded, UnsupportedQuant. */
export async function readSafetensors(file: HeaderFile): Promise<SafetensorsHeader> {
  const { path, size } = file;
  const length = headerLength(await file.read(0, Math.min(8, size)), size, path);
  return parseHeader(await file.read(8, length), size, path);
}

/** The length of the header from the first eight bytes of a file of `size` bytes. */
export function headerLength(bytes: Uint8Array, size: number, path: string): number {
  if (size < 10) {
    throw new DeadliftError(
      "Truncated",
      `${path} has ${size} bytes, expected at least 10 for safetensors; download it again`,
    );
  }
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > maxHeaderBytes) {
    throw new DeadliftError(
      "LimitExceeded",
      `expected at most ${maxHeaderBytes} bytes for the header of ${path}, received ${length}; ` +
        "the file is not safetensors, or damaged",
    );
  }
  if (length < 2) throw invalid(path, expected("at least 2 bytes", "the header's length", length));
  if (8 + length > size) throw truncated(path, size, 8 + length, "its header");
  return length;
}

/** Parses and validates a header whose first byte is byte 8 of a file of `size` bytes. */
export function parseHeader(header: Uint8Array, size: number, path: string): SafetensorsHeader {
  const { __metadata__: metadata, ...entries } = parse(decode(header, path), path);
  const names = Object.keys(entries);
  if (names.length > maxTensors) {
    throw new DeadliftError(
      "LimitExceeded",
      `expected at most ${maxTensors} tensors in ${path}, received ${names.length}`,
    );
  }
  const strings = readMetadata(metadata, path);
  const start = 8 + header.byteLength;
  const tensors = names.map((name) => readEntry(name, entries[name], start, path));
  validate(tensors, start, size, path);
  return { tensors, metadata: strings };
}

/** The bytes between header and end of file belong to exactly one tensor each (safetensors tensor.rs, Metadata::validate). */
function validate(tensors: readonly TensorInfo[], start: number, size: number, path: string): void {
  const ordered = [...tensors].sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = start;
  for (const { name, offset, byteLength } of ordered) {
    if (offset < end)
      throw invalid(path, `tensor "${name}" overlaps another (starts at byte ${offset}, expected ${end})`);
    if (offset > end) throw invalid(path, `there is a hole of ${offset - end} bytes before tensor "${name}"`);
    end = offset + byteLength;
  }
  if (end > size) throw truncated(path, size, end, "its tensors");
  if (end < size)
    throw invalid(path, `expected ${end} bytes as its header says, received ${size}: bytes of no tensor at the end`);
}

function readEntry(name: string, entry: unknown, start: number, path: string): TensorInfo {
  const where = `tensor "${name}"`;
  if (!isObject(entry)) throw invalid(path, expected("an object", where, entry));
  const { dtype, shape, data_offsets: offsets } = entry;
  const quant = readType(dtype, where, path);
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    throw invalid(path, expected("a list of sizes", `the shape of ${where}`, shape));
  }
  if (shape.length > maxDimensions) {
    throw new DeadliftError(
      "LimitExceeded",
      `expected at most ${maxDimensions} dimensions for ${where} in ${path}, received ${shape.length}`,
    );
  }
  const byteLength = tensorBytes(quant, shape);
  if (byteLength === undefined) throw invalid(path, expected(`whole bytes below 2^53`, `the shape of ${where}`, shape));
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw invalid(path, expected("[start, end]", `the data_offsets of ${where}`, offsets));
  }
  const [from, to] = offsets as [number, number];
  if (to - from !== byteLength) {
    throw invalid(
      path,
      `expected ${byteLength} bytes for ${where} (${quant.name} [${shape}]), its data_offsets span ${to - from}`,
    );
  }
  return { name, quant: quant.name, shape, offset: start + from, byteLength };
}

/** Names that huggingface.js knows besides those of the format's own library. */
const aliases: Readonly<Record<string, QuantName>> = { E8M0: "F8_E8M0", UE8: "F8_E8M0", FP4: "F4" };

function readType(dtype: unknown, where: string, path: string): Quant {
  if (typeof dtype !== "string") throw invalid(path, expected("a string", `the dtype of ${where}`, dtype));
  const quant = findQuant(Object.hasOwn(aliases, dtype) ? aliases[dtype]! : dtype);
  // Quantised blocks have an id of GGUF; safetensors knows none of them.
  if (quant && !(quant.block > 1 && quant.id !== undefined)) return quant;
  throw new DeadliftError(
    "UnsupportedQuant",
    `${where} in ${path} has dtype "${dtype}", which safetensors does not define`,
  );
}

function readMetadata(value: unknown, path: string): Map<string, string> {
  if (value === undefined || value === null) return new Map();
  if (!isObject(value)) throw invalid(path, expected("an object of strings", "__metadata__", value));
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw invalid(path, expected("a string", `__metadata__ "${key}"`, text));
  }
  return new Map(Object.entries(value as Record<string, string>));
}

function decode(header: Uint8Array, path: string): string {
  if (header[0] !== 0x7b) throw invalid(path, `its header does not start with "{"`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(header);
  } catch (cause) {
    throw new DeadliftError("InvalidSafetensors", `the header of ${path} is not UTF-8; download it again`, { cause });
  }
}

function parse(text: string, path: string): JsonObject {
  const trouble = keyTrouble(text, maxDepth);
  if (trouble) throw invalid(path, `in its header, ${trouble}`);
  try {
    return JSON.parse(text) as JsonObject;
  } catch (cause) {
    throw invalid(path, `its header is not JSON (${(cause as Error).message.slice(0, 120)})`, cause);
  }
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function invalid(path: string, reason: string, cause?: unknown): DeadliftError {
  return new DeadliftError("InvalidSafetensors", `${path}: ${reason}; download it again, or report it to its author`, {
    cause,
  });
}
