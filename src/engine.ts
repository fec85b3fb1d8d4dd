// What all who make native engines need: which instruction set to run on, and errors that are ours.

import { DeadliftError, expected } from "./error.js";

/** The instruction set to run on: what is wanted, else DEADLIFT_ISA, else the best. Throws InvalidArgument. */
export function chooseIsa(wanted: string | undefined, isas: readonly string[]): string {
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
