// Parameters of a dispatch as its kernel reads them: 32-bit words in the order of the text's own `struct Params`.

import { DeadliftError } from "../../error.js";
import type { Kernel } from "./kernels.js";
import type { ParamValue } from "./lowering.js";

/** Throws Internal for one that is missing, or that the kernel does not have. */
export function packParams({ name, params }: Kernel, given: Readonly<Record<string, ParamValue>>): Uint32Array {
  const words: number[] = [];
  const bits = new DataView(new ArrayBuffer(4));
  for (const field of params) {
    const value = given[field.name];
    if (value === undefined) throw new DeadliftError("Internal", `kernel ${name} is given no ${field.name}`);
    if (field.type === "vec4u") {
      while (words.length % 4 !== 0) words.push(0);
      words.push(...(value as readonly number[]));
      continue;
    }
    if (field.type === "f32") bits.setFloat32(0, value as number);
    else if (field.type === "i32") bits.setInt32(0, value as number);
    else bits.setUint32(0, value as number);
    words.push(bits.getUint32(0));
  }
  const extra = Object.keys(given).find((key) => !params.some((field) => field.name === key));
  if (extra) throw new DeadliftError("Internal", `kernel ${name} has no parameter ${extra}`);
  return Uint32Array.from(words);
}
