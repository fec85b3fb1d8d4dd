// Opens the files of a model: weights are mapped, texts are read; both refuse what a file cannot be.

import { type FileHandle, open, realpath, stat } from "node:fs/promises";
import { DeadliftError } from "../error.js";
import { MappedFile } from "../native.js";
import type { Tensor } from "../tensor.js";
import type { TensorInfo } from "./sizes.js";

/** A Git LFS pointer is three short lines; its specification caps it at 1024 bytes. */
const maxPointerBytes = 1024;
const pointerStart = "version https://git-lfs.github.com/spec/";

/** A weight file of which the header can be read, wherever the file is. */
export interface HeaderFile {
  /** The path the user knows it by. */
  readonly path: string;
  readonly size: number;
  /** Bytes that are well asked for at once: all of a mapped file, few of one that is far away. */
  readonly piece: number;
  /** Bytes of the file, which must lie within it; they may be a view that ends with the file. */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
}

/** Where the files of a model are: `T` is what a tensor in one of them is. */
export interface ModelFiles<T extends TensorInfo> {
  /** Weight files that are well opened at the same time. */
  readonly parallel: number;
  /** A weight file; `tensors` are the names that an index places in it. */
  open(path: string, tensors?: readonly string[]): Promise<HeaderFile & { tensor(info: TensorInfo): T }>;
  /** The text of a file, or undefined when there is none. Throws LimitExceeded, FileUnreadable. */
  text(path: string, maxBytes: number): Promise<string | undefined>;
  exists(path: string): Promise<boolean>;
}

/** A mapped weight file (`file.path` has its links resolved). */
export interface WeightFile extends HeaderFile {
  readonly file: MappedFile;
  tensor(info: TensorInfo): Tensor;
}

/** Maps a weight file. Throws FileNotFound, FileUnreadable, LfsPointer or Truncated (an empty file). */
export async function mapWeights(path: string): Promise<WeightFile> {
  const { real, size } = await resolveFile(path);
  if (size === 0) throw new DeadliftError("Truncated", `${path} is empty (0 bytes); download it again`);
  const file = MappedFile.open(real);
  try {
    if (file.size <= maxPointerBytes) refusePointer(decodeLatin1(file.bytes(0, file.size)), path);
    const read = (offset: number, length: number) => file.bytes(offset, length);
    const tensor = (info: TensorInfo) => ({ ...info, file });
    return { path, file, size: file.size, piece: file.size, read, tensor };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** The weight files of one model: opened one by one, closed all at once. */
export class WeightFiles implements ModelFiles<Tensor> {
  readonly parallel = 1;
  readonly #files: WeightFile[] = [];

  constructor(readonly signal: AbortSignal | undefined) {}

  get list(): readonly WeightFile[] {
    return this.#files;
  }

  async open(path: string): Promise<WeightFile> {
    if (this.signal?.aborted) {
      throw new DeadliftError("Aborted", `opening ${path} was aborted`, { cause: this.signal.reason });
    }
    const opened = await mapWeights(path);
    this.#files.push(opened);
    return opened;
  }

  text(path: string, maxBytes: number): Promise<string | undefined> {
    return readText(path, maxBytes);
  }

  exists(path: string): Promise<boolean> {
    return stat(path).then(
      () => true,
      () => false,
    );
  }

  close(): void {
    for (const { file } of this.#files) file.close();
  }
}

/** A text file as UTF-8, or undefined when there is none. Throws LimitExceeded, LfsPointer, FileUnreadable. */
export async function readText(path: string, maxBytes: number): Promise<string | undefined> {
  let size: number;
  let real: string;
  try {
    ({ real, size } = await resolveFile(path));
  } catch (error) {
    if ((error as DeadliftError).code === "FileNotFound") return undefined;
    throw error;
  }
  if (size > maxBytes) {
    throw new DeadliftError("LimitExceeded", `expected at most ${maxBytes} bytes for ${path}, received ${size}`);
  }
  const text = (await readStart(real, path, maxBytes)).toString("utf8");
  refusePointer(text, path);
  return text;
}

/** The first `bytes` of a text file, or undefined when there is none: for prose of any length. */
export async function readTextStart(path: string, bytes: number): Promise<string | undefined> {
  try {
    const { real } = await resolveFile(path);
    return (await readStart(real, path, bytes)).toString("utf8");
  } catch (error) {
    if ((error as DeadliftError).code === "FileNotFound") return undefined;
    throw error;
  }
}

/** A JSON file whose root is an object, or undefined when there is none. Throws InvalidConfig. */
export async function readJson(path: string, maxBytes: number): Promise<JsonObject | undefined> {
  const text = await readText(path, maxBytes);
  return text === undefined ? undefined : parseJson(text, path);
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** Parses JSON whose root must be an object; Python's bare NaN and Infinity are read as null. Throws InvalidConfig. */
export function parseJson(text: string, path: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    const plain = text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (word) =>
      word[0] === '"' ? word : "null",
    );
    try {
      value = JSON.parse(plain);
    } catch {
      const reason = (cause as Error).message;
      throw new DeadliftError("InvalidConfig", `${path} is not JSON (${reason}); download it again`, { cause });
    }
  }
  if (!isObject(value)) {
    throw new DeadliftError(
      "InvalidConfig",
      `expected a JSON object in ${path}, received ${JSON.stringify(value)?.slice(0, 40)}`,
    );
  }
  return value;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Bytes as a string of the same length, one code unit each. */
export function decodeLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function refusePointer(text: string, path: string): void {
  if (!text.startsWith(pointerStart) || text.length > maxPointerBytes) return;
  const size = /^size (\d+)$/m.exec(text)?.[1];
  throw new DeadliftError(
    "LfsPointer",
    `${path} is a Git LFS pointer, not the file itself${size ? ` (${size} bytes)` : ""}; ` +
      "run `git lfs pull` in its repository, or download the file again",
  );
}

async function resolveFile(path: string): Promise<{ real: string; size: number }> {
  try {
    const real = await realpath(path);
    const stats = await stat(real);
    if (stats.isFile()) return { real, size: stats.size };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new DeadliftError("FileNotFound", `there is no file ${path}`, { cause });
    }
    throw new DeadliftError("FileUnreadable", `${path} cannot be read: ${message}`, { cause });
  }
  throw new DeadliftError(
    "FileUnreadable",
    `expected a file at ${path}, received something else (a folder or a device)`,
  );
}

async function readStart(real: string, path: string, maxBytes: number): Promise<Buffer> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(real);
    const { size } = await handle.stat();
    const buffer = Buffer.allocUnsafe(Math.min(size, maxBytes));
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } catch (cause) {
    throw new DeadliftError("FileUnreadable", `${path} cannot be read: ${(cause as Error).message}`, { cause });
  } finally {
    await handle?.close();
  }
}
