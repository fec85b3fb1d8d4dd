// What people ask for when they quantise a model: a file type names the type of most of its tensors.

import { DeadliftError } from "../error.js";
import type { QuantName } from "./index.js";

/** Numbers: llama_ftype of llama.h, which `general.file_type` holds. */
const rows = [
  // name, number, type of most tensors
  ["F32", 0, "F32"],
  ["F16", 1, "F16"],
  ["BF16", 32, "BF16"],
  ["Q8_0", 7, "Q8_0"],
  ["Q4_0", 2, "Q4_0"],
  ["Q4_1", 3, "Q4_1"],
  ["Q5_0", 8, "Q5_0"],
  ["Q5_1", 9, "Q5_1"],
  ["Q2_K", 10, "Q2_K"],
  ["Q2_K_S", 21, "Q2_K"],
  ["Q3_K_S", 11, "Q3_K"],
  ["Q3_K_M", 12, "Q3_K"],
  ["Q3_K_L", 13, "Q3_K"],
  ["Q4_K_S", 14, "Q4_K"],
  ["Q4_K_M", 15, "Q4_K"],
  ["Q5_K_S", 16, "Q5_K"],
  ["Q5_K_M", 17, "Q5_K"],
  ["Q6_K", 18, "Q6_K"],
  ["IQ1_S", 24, "IQ1_S"],
  ["IQ1_M", 31, "IQ1_M"],
  ["IQ2_XXS", 19, "IQ2_XXS"],
  ["IQ2_XS", 20, "IQ2_XS"],
  ["IQ2_S", 28, "IQ2_XS"],
  ["IQ2_M", 29, "IQ2_S"],
  ["IQ3_XXS", 23, "IQ3_XXS"],
  ["IQ3_XS", 22, "IQ3_S"],
  ["IQ3_S", 26, "IQ3_S"],
  ["IQ3_M", 27, "IQ3_S"],
  ["IQ4_NL", 25, "IQ4_NL"],
  ["IQ4_XS", 30, "IQ4_XS"],
  ["TQ1_0", 36, "TQ1_0"],
  ["TQ2_0", 37, "TQ2_0"],
  // llama.cpp's: only experts are MXFP4, all else is Q8_0.
  ["MXFP4_MOE", 38, "MXFP4"],
  // Ours, for models without experts; it has no number of its own.
  ["MXFP4", 38, "MXFP4"],
  // llama.cpp has the number, but makes no such mix.
  ["NVFP4", 39, "NVFP4"],
  ["Q1_0", 40, "Q1_0"],
  ["Q2_0", 41, "Q2_0"],
] as const satisfies readonly (readonly [string, number, QuantName])[];

export type FileTypeName = (typeof rows)[number][0];

export interface FileType {
  readonly name: FileTypeName;
  /** Of `general.file_type`. */
  readonly id: number;
  readonly quant: QuantName;
}

const aliases: Readonly<Record<string, FileTypeName>> = { Q3_K: "Q3_K_M", Q4_K: "Q4_K_M", Q5_K: "Q5_K_M" };

const byName = new Map<string, FileType>(rows.map(([name, id, quant]) => [name, { name, id, quant }]));

export const fileTypeNames: readonly FileTypeName[] = rows.map(([name]) => name);

/** The file type of a name in any case ("q4_k_m"). Throws InvalidArgument. */
export function fileTypeOf(name: unknown): FileType {
  const upper = typeof name === "string" ? name.toUpperCase() : "";
  const found = byName.get(Object.hasOwn(aliases, upper) ? aliases[upper]! : upper);
  if (found) return found;
  const received = typeof name === "string" ? `"${name.slice(0, 40)}"` : String(name);
  throw new DeadliftError(
    "InvalidArgument",
    `expected one of ${fileTypeNames.join(", ")} for type, received ${received}`,
  );
}
