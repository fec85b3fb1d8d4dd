// Makes the tensors that a checkpoint does not hold as they are run: each once, one after another, in memory that is given back with the model.

import { DeadliftError } from "./error.js";
import { MappedFile } from "./native.js";
import { isPacked, type MadeWeight } from "./packed.js";
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

/** Who can do it: writes the weight into `memory`. */
export interface Repacker {
  repack(weight: MadeWeight<Tensor>, memory: MappedFile): Promise<void>;
}

/** The weights in their order. Disposing of them gives back the memory of those that were packed. */
export interface Repacked extends Disposable {
  readonly weights: readonly Tensor[];
}

/** Throws OutOfMemory, Aborted (between two weights); then no memory stays taken. */
export async function repackAll(
  weights: readonly (Tensor | MadeWeight<Tensor>)[],
  repacker: Repacker,
  { signal, onProgress }: RepackOptions,
): Promise<Repacked> {
  const packed = [...new Set(weights.filter((weight) => isPacked(weight)))];
  const totalBytes = packed.reduce((sum, { packedBytes }) => sum + packedBytes, 0);
  const made = new Map<MadeWeight<Tensor>, Tensor>();
  const close = () => {
    for (const { file } of made.values()) file.close();
  };
  try {
    let bytes = 0;
    for (const weight of packed) {
      if (signal?.aborted) throw new DeadliftError("Aborted", "loading was aborted", { cause: signal.reason });
      onProgress?.({ stage: "repack", bytes, totalBytes });
      const { name, quant, shape, byteLength } = weight;
      const file = MappedFile.memory(`repacked ${name}`, byteLength);
      made.set(weight, { name, quant, shape, file, offset: 0, byteLength });
      await repacker.repack(weight, file);
      bytes += weight.packedBytes;
    }
    if (packed.length > 0) onProgress?.({ stage: "repack", bytes, totalBytes });
  } catch (error) {
    close();
    throw error;
  }
  return { weights: weights.map((weight) => (isPacked(weight) ? made.get(weight)! : weight)), [Symbol.dispose]: close };
}
