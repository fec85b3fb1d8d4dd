// What all who make native engines need: their threads and instruction set, and errors that are ours.

import { DeadliftError, expected } from "./error.js";
import { type NativeEngineOptions, native } from "./native.js";

/** The threads of an engine. */
export interface ThreadOptions {
  /** Threads that compute; default: the cores this process may use. */
  readonly threads?: number | undefined;
  /**
   * "low": these threads give way to others, of this process and of all. Where the system does not let them, loading throws
   * Internal. Default: "normal".
   */
  readonly priority?: "normal" | "low" | undefined;
}

/** An engine's options, with defaults. Throws InvalidArgument for an instruction set this machine lacks. */
export function engineOptions(options: ThreadOptions & { readonly isa?: string | undefined }): NativeEngineOptions {
  const { cores, isas } = native().cpuInfo();
  const { threads = cores, priority = "normal", isa } = options;
  return { threads, priority, isa: chooseIsa(isa, isas) };
}

/** The instruction set to run on: what is wanted, else DEADLIFT_ISA, else the best. Throws InvalidArgument. */
function chooseIsa(wanted: string | undefined, isas: readonly string[]): string {
  const name = wanted ?? (process.env.DEADLIFT_ISA || undefined);
  if (name === undefined) return isas.at(-1)!;
  if (isas.includes(name)) return name;
  throw new DeadliftError("InvalidArgument", expected(`one of ${isas.join(", ")}`, "isa (DEADLIFT_ISA)", name));
}

/** Errors of native work as DeadliftErrors: OutOfMemory, or Internal for what should not happen. */
export async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string };
    throw new DeadliftError(code === "OutOfMemory" ? code : "Internal", `the native engine failed: ${message}`, {
      cause,
    });
  }
}
