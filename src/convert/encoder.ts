// The engine as a writer of quant types: rows of tensors go in, bytes of another type come out.

import { engineOptions, type ThreadOptions, told } from "../engine.js";
import { DeadliftError } from "../error.js";
import { type EngineHandle, type NativeRows, native } from "../native.js";
import type { MadeWeight } from "../packed.js";
import type { QuantName } from "../quants/index.js";
import { quants } from "../quants/index.js";
import { repack } from "../repack.js";
import type { Tensor } from "../tensor.js";

/** Types that can be written. */
export function encodable(): QuantName[] {
  const { encoders } = native().cpuInfo();
  return [...quants.keys()].filter((name) => encoders.includes(name));
}

/** Throws UnsupportedQuant for a type that cannot be written; `why` says what asks for it. */
export function checkEncodable(name: QuantName, why: string): void {
  const known = encodable();
  if (known.includes(name)) return;
  throw new DeadliftError(
    "UnsupportedQuant",
    `${why} asks for ${name}, which cannot be written yet; expected one of ${known.join(", ")}`,
  );
}

/** Threads of their own, until it is closed. */
export class Encoder {
  readonly #engine: EngineHandle;

  constructor({ threads, priority }: ThreadOptions) {
    this.#engine = native().engineCreate(engineOptions({ threads, priority }));
  }

  /** Jobs run one after another, each on all threads. Resolves to whether all values were finite. */
  encode(rows: NativeRows): Promise<boolean> {
    return told(native().engineEncode(this.#engine, rows));
  }

  /** A packed weight as rows that can be encoded, in memory. Throws OutOfMemory, Internal. */
  repack(weight: MadeWeight<Tensor>): Promise<Tensor> {
    return repack(this.#engine, weight);
  }

  close(): Promise<void> {
    return native().engineClose(this.#engine);
  }
}
