// Writes GGUF 3: typed metadata, a list of tensors, then their bytes as they come, aligned.

import type { FileHandle } from "node:fs/promises";
import { DeadliftError } from "../error.js";
import { type QuantName, quantOf } from "../quants/index.js";
import { writeAtomically } from "./atomic_file.js";
import { ByteWriter, type GgufEntry } from "./gguf_values.js";
import { tensorBytes } from "./sizes.js";

export interface GgufTensorPlan {
  readonly name: string;
  readonly quant: QuantName;
  /** Outermost first. */
  readonly shape: readonly number[];
}

export interface GgufPlan {
  readonly entries: readonly GgufEntry[];
  /** In the order of their bytes. */
  readonly tensors: readonly GgufTensorPlan[];
  /** What `general.alignment` of the entries says; default: 32. */
  readonly alignment?: number | undefined;
}

export interface GgufWriteOptions {
  /** Files that must not be replaced. */
  readonly inputs?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the file that are written, of all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

const defaultAlignment = 32;

/** The bytes of a tensor of a plan. Throws UnsupportedQuant for types that GGUF has no number for. */
export function plannedBytes({ name, quant, shape }: GgufTensorPlan): number {
  const bytes = tensorBytes(quantOf(quant), shape);
  if (quantOf(quant).id === undefined || bytes === undefined) {
    throw new DeadliftError("UnsupportedQuant", `tensor "${name}" [${shape}] cannot be written as ${quant} to GGUF`);
  }
  return bytes;
}

/** Everything before the first tensor's bytes. */
export function ggufHeader({ entries, tensors, alignment = defaultAlignment }: GgufPlan): Uint8Array {
  const out = new ByteWriter();
  out.raw(Buffer.from("GGUF"));
  out.u32(3);
  out.u64(tensors.length);
  out.u64(entries.length);
  for (const entry of entries) out.entry(entry);
  let offset = 0;
  for (const tensor of tensors) {
    out.text(tensor.name);
    out.u32(tensor.shape.length);
    for (const size of tensor.shape.toReversed()) out.u64(size);
    out.u32(quantOf(tensor.quant).id!);
    out.u64(offset);
    offset += plannedBytes(tensor);
    offset += padding(offset, alignment);
  }
  out.pad(alignment);
  return out.bytes;
}

/**
 * Writes a file of which `pieces` are the tensors' bytes, in order, in pieces of any size that end where a tensor ends.
 * The next piece is asked for when the one before has been written. Returns the size of the file. Throws Aborted, and
 * what writeAtomically throws.
 */
export async function writeGguf(
  path: string,
  plan: GgufPlan,
  pieces: AsyncIterable<Uint8Array>,
  options: GgufWriteOptions = {},
): Promise<number> {
  const header = ggufHeader(plan);
  const sizes = plan.tensors.map(plannedBytes);
  const { alignment = defaultAlignment } = plan;
  const total = sizes.reduce((sum, size) => sum + size + padding(size, alignment), header.length);
  await writeAtomically(path, { size: total, inputs: options.inputs }, async (file) => {
    const report = (done: number) => {
      if (options.signal?.aborted) {
        throw new DeadliftError("Aborted", `writing ${path} was aborted`, { cause: options.signal.reason });
      }
      options.onProgress?.(done, total);
    };
    report(0);
    await writeAll(file, [header]);
    await writeTensors(file, header.length, sizes, alignment, pieces, report);
  });
  return total;
}

async function writeTensors(
  file: FileHandle,
  start: number,
  sizes: readonly number[],
  alignment: number,
  pieces: AsyncIterable<Uint8Array>,
  report: (done: number) => void,
): Promise<void> {
  let done = start;
  let tensor = 0;
  let left = sizes[0] ?? 0;
  report(done);
  for await (const piece of pieces) {
    while (left === 0 && tensor < sizes.length) left = sizes[++tensor] ?? 0;
    if (piece.length > left) throw new DeadliftError("Internal", "a tensor has more bytes than were planned for it");
    left -= piece.length;
    const gap = left === 0 ? padding(sizes[tensor]!, alignment) : 0;
    await writeAll(file, gap > 0 ? [piece, new Uint8Array(gap)] : [piece]);
    done += piece.length + gap;
    report(done);
  }
  while (left === 0 && tensor < sizes.length) left = sizes[++tensor] ?? 0;
  if (tensor < sizes.length) throw new DeadliftError("Internal", "a tensor has fewer bytes than were planned for it");
}

async function writeAll(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  for (let part of parts) {
    while (part.length > 0) {
      const { bytesWritten } = await file.write(part);
      part = part.subarray(bytesWritten);
    }
  }
}

function padding(size: number, alignment: number): number {
  return (alignment - (size % alignment)) % alignment;
}
