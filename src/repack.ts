// Makes the tensors that a checkpoint does not hold as they are run: one after another, in memory given back with them.

import { told } from "./engine.js";
import { DeadliftError } from "./error.js";
import { type EngineHandle, MappedFile, type NativePart, native } from "./native.js";
import {
  isPacked,
  isReordered,
  isRounded,
  type MadeWeight,
  type PackedWeight,
  type ReorderedWeight,
  type RoundedWeight,
  type WantedWeight,
} from "./packed.js";
import type { Tensor } from "./tensor.js";

/** Bytes of packed weights that have been read. */
export interface RepackProgress {
  readonly stage: "repack";
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface RepackOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: RepackProgress) => void) | undefined;
}

type ToMake = MadeWeight<Tensor> | RoundedWeight<Tensor>;

/** Who can do it, as `repack` does. */
export interface Repacker {
  repack(weight: ToMake): Promise<Tensor>;
}

/**
 * Such a weight as a tensor of its `quant`, made on an engine's threads. Closing its file gives its memory back. Throws
 * OutOfMemory, Internal.
 */
export async function repack(engine: EngineHandle, weight: ToMake): Promise<Tensor> {
  const { name, quant, shape, byteLength } = weight;
  const file = MappedFile.memory(`repacked ${name}`, byteLength);
  const tensor = { name, quant, shape, file, offset: 0, byteLength };
  try {
    if (isRounded(weight)) await round(engine, weight, tensor);
    else if (isReordered(weight)) await reorder(engine, weight, tensor);
    else await unpack(engine, weight, tensor);
    return tensor;
  } catch (error) {
    file.close();
    throw error;
  }
}

function reorder(engine: EngineHandle, weight: ReorderedWeight<Tensor>, out: Tensor): Promise<void> {
  const { part, first, stackStep, rowStep, columnStep, quant, shape } = weight;
  const [rows, columns] = shape.slice(-2) as [number, number];
  const stack = shape.length === 3 ? shape[0]! : 1;
  const places = { first, stackStep, rowStep, columnStep, quant, stack, rows, columns };
  return told(native().engineReorder(engine, { ...places, part: nativePart(part), out: nativePart(out) }));
}

/** Throws InvalidArgument for numbers that are not finite, which blocks of whole numbers do not have. */
async function round(
  engine: EngineHandle,
  { floats, quant, shape }: RoundedWeight<Tensor>,
  out: Tensor,
): Promise<void> {
  const { file, offset } = floats;
  const [rows, columns] = shape as [number, number];
  const finite = await told(
    native().engineEncode(engine, {
      ...{ file: file.handle, offset, from: floats.quant, to: quant, columns, first: 0, rows },
      ...{ order: null, importance: null, out: out.file.bytes(0, out.byteLength), next: 0, nextSize: 0 },
    }),
  );
  if (!finite) {
    throw new DeadliftError(
      "InvalidArgument",
      `"${floats.name}" holds numbers that are not finite: load it in exact precision`,
    );
  }
}

function unpack(engine: EngineHandle, weight: PackedWeight<Tensor>, out: Tensor): Promise<void> {
  const { codes, levels, scales, zeros, zero, zeroAdd, group, groups, quant, shape } = weight;
  const nested = scales.nested && { ...scales.nested, blocks: nativePart(scales.nested.blocks) };
  const job = {
    codes: { ...codes, part: nativePart(codes.part) },
    scales: { ...scales, part: nativePart(scales.part), nested },
    zeros: zeros && { ...zeros, part: nativePart(zeros.part) },
    out: nativePart(out),
    to: quant,
    rows: shape.slice(0, -1).reduce((product, size) => product * size, 1),
    columns: shape.at(-1)!,
  };
  return told(native().engineRepack(engine, { ...job, levels, zero, zeroAdd, group, groups }));
}

function nativePart({ file, offset, byteLength }: Tensor): NativePart {
  return { file: file.handle, offset, byteLength };
}

/** The weights in their order. Disposing of them gives back the memory of those that were packed. */
export interface Repacked extends Disposable {
  readonly weights: readonly Tensor[];
}

/** Throws OutOfMemory, Aborted (between two weights); then no memory stays taken. */
export async function repackAll(
  weights: readonly WantedWeight[],
  repacker: Repacker,
  { signal, onProgress }: RepackOptions,
): Promise<Repacked> {
  const packed = [...new Set(weights.filter(isToMake))];
  const totalBytes = packed.reduce((sum, weight) => sum + bytesRead(weight), 0);
  const made = new Map<ToMake, Tensor>();
  const close = () => {
    for (const { file } of made.values()) file.close();
  };
  try {
    let bytes = 0;
    for (const weight of packed) {
      if (signal?.aborted) throw new DeadliftError("Aborted", "loading was aborted", { cause: signal.reason });
      onProgress?.({ stage: "repack", bytes, totalBytes });
      made.set(weight, await repacker.repack(weight));
      bytes += bytesRead(weight);
    }
    if (packed.length > 0) onProgress?.({ stage: "repack", bytes, totalBytes });
  } catch (error) {
    close();
    throw error;
  }
  return { weights: weights.map((weight) => (isToMake(weight) ? made.get(weight)! : weight)), [Symbol.dispose]: close };
}

function isToMake(weight: WantedWeight): weight is ToMake {
  return isRounded(weight) || isPacked(weight);
}

function bytesRead(weight: ToMake): number {
  return isRounded(weight) ? weight.floats.byteLength : weight.packedBytes;
}
