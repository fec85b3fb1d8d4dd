// Makes tensors of packed weights: one after another, in memory that is given back with them.

import { told } from "./engine.js";
import { DeadliftError } from "./error.js";
import { type EngineHandle, MappedFile, type NativePart, type NativeRepack, native } from "./native.js";
import { isPacked, type PackedWeight } from "./packed.js";
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

/** Who can do it, as `repack` does. */
export interface Repacker {
  repack(weight: PackedWeight<Tensor>): Promise<Tensor>;
}

/**
 * A packed weight as a tensor of its `quant`, made on an engine's threads. Closing its file gives its memory back. Throws
 * OutOfMemory, Internal.
 */
export async function repack(engine: EngineHandle, weight: PackedWeight<Tensor>): Promise<Tensor> {
  const { name, quant, shape, byteLength } = weight;
  const file = MappedFile.memory(`repacked ${name}`, byteLength);
  const tensor = { name, quant, shape, file, offset: 0, byteLength };
  try {
    await told(native().engineRepack(engine, nativeJob(weight, tensor)));
    return tensor;
  } catch (error) {
    file.close();
    throw error;
  }
}

function nativeJob(weight: PackedWeight<Tensor>, out: Tensor): NativeRepack {
  const { codes, levels, scales, zeros, zero, zeroAdd, group, groups, quant, shape } = weight;
  const nested = scales.nested && { ...scales.nested, blocks: nativePart(scales.nested.blocks) };
  return {
    codes: { ...codes, part: nativePart(codes.part) },
    levels,
    scales: { ...scales, part: nativePart(scales.part), nested },
    zeros: zeros && { ...zeros, part: nativePart(zeros.part) },
    zero,
    zeroAdd,
    group,
    groups,
    to: quant,
    rows: shape.slice(0, -1).reduce((product, size) => product * size, 1),
    columns: shape.at(-1)!,
    out: nativePart(out),
  };
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
  weights: readonly (Tensor | PackedWeight<Tensor>)[],
  repacker: Repacker,
  { signal, onProgress }: RepackOptions,
): Promise<Repacked> {
  const packed = [...new Set(weights.filter((weight) => isPacked(weight)))];
  const totalBytes = packed.reduce((sum, { packedBytes }) => sum + packedBytes, 0);
  const made = new Map<PackedWeight<Tensor>, Tensor>();
  const close = () => {
    for (const { file } of made.values()) file.close();
  };
  try {
    let bytes = 0;
    for (const weight of packed) {
      if (signal?.aborted) throw new DeadliftError("Aborted", "loading was aborted", { cause: signal.reason });
      onProgress?.({ stage: "repack", bytes, totalBytes });
      made.set(weight, await repacker.repack(weight));
      bytes += weight.packedBytes;
    }
    if (packed.length > 0) onProgress?.({ stage: "repack", bytes, totalBytes });
  } catch (error) {
    close();
    throw error;
  }
  return { weights: weights.map((weight) => (isPacked(weight) ? made.get(weight)! : weight)), [Symbol.dispose]: close };
}
