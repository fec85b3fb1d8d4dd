// The table of quant types: every way a file can store numbers, its size, and for those we can run, its meaning.

import { DeadliftError } from "../error.js";
import { bf16 } from "./bf16.js";
import type { Codec } from "./codec.js";
import { f16 } from "./f16.js";
import { f32 } from "./f32.js";
import { f64 } from "./f64.js";
import { explainForeign } from "./foreign.js";
import { bool, i8, i16, i32, i64, u8, u16, u32, u64 } from "./integers.js";
import { iq1_m } from "./iq1_m.js";
import { iq1_s } from "./iq1_s.js";
import { iq2_s } from "./iq2_s.js";
import { iq2_xs } from "./iq2_xs.js";
import { iq2_xxs } from "./iq2_xxs.js";
import { iq3_s } from "./iq3_s.js";
import { iq3_xxs } from "./iq3_xxs.js";
import { iq4_nl } from "./iq4_nl.js";
import { iq4_xs } from "./iq4_xs.js";
import { mxfp4 } from "./mxfp4.js";
import { nvfp4 } from "./nvfp4.js";
import { q1_0 } from "./q1_0.js";
import { q2_0 } from "./q2_0.js";
import { q2_k } from "./q2_k.js";
import { q3_k } from "./q3_k.js";
import { q4_0 } from "./q4_0.js";
import { q4_1 } from "./q4_1.js";
import { q4_k } from "./q4_k.js";
import { q5_0 } from "./q5_0.js";
import { q5_1 } from "./q5_1.js";
import { q5_k } from "./q5_k.js";
import { q6_k } from "./q6_k.js";
import { q8_0 } from "./q8_0.js";
import { q8_1 } from "./q8_1.js";
import { q8_k } from "./q8_k.js";
import { f8_scaled, fp4, nf4 } from "./scaled_floats.js";
import { u4_scaled, u8_scaled } from "./scaled_integers.js";
import { f4, f6_e2m3, f6_e3m2, f8_e4m3, f8_e4m3fnuz, f8_e5m2, f8_e5m2fnuz, f8_e8m0 } from "./small_floats.js";
import { tq1_0 } from "./tq1_0.js";
import { tq2_0 } from "./tq2_0.js";

export type { Codec } from "./codec.js";

/** Ids and sizes: ggml.h and ggml-common.h. Types without an id are of safetensors only. */
const rows = [
  // name, ggml id, values per block, bytes per block, codec
  ["F32", 0, 1, 4, f32],
  ["F16", 1, 1, 2, f16],
  ["BF16", 30, 1, 2, bf16],
  ["Q8_0", 8, 32, 34, q8_0],
  ["Q4_0", 2, 32, 18, q4_0],
  ["Q4_1", 3, 32, 20, q4_1],
  ["Q5_0", 6, 32, 22, q5_0],
  ["Q5_1", 7, 32, 24, q5_1],
  ["Q8_1", 9, 32, 36, q8_1],
  ["Q2_K", 10, 256, 84, q2_k],
  ["Q3_K", 11, 256, 110, q3_k],
  ["Q4_K", 12, 256, 144, q4_k],
  ["Q5_K", 13, 256, 176, q5_k],
  ["Q6_K", 14, 256, 210, q6_k],
  ["Q8_K", 15, 256, 292, q8_k],
  ["IQ2_XXS", 16, 256, 66, iq2_xxs],
  ["IQ2_XS", 17, 256, 74, iq2_xs],
  ["IQ3_XXS", 18, 256, 98, iq3_xxs],
  ["IQ1_S", 19, 256, 50, iq1_s],
  ["IQ4_NL", 20, 32, 18, iq4_nl],
  ["IQ3_S", 21, 256, 110, iq3_s],
  ["IQ2_S", 22, 256, 82, iq2_s],
  ["IQ4_XS", 23, 256, 136, iq4_xs],
  ["IQ1_M", 29, 256, 56, iq1_m],
  ["TQ1_0", 34, 256, 54, tq1_0],
  ["TQ2_0", 35, 256, 66, tq2_0],
  ["MXFP4", 39, 32, 17, mxfp4],
  ["NVFP4", 40, 64, 36, nvfp4],
  ["Q1_0", 41, 128, 18, q1_0],
  ["Q2_0", 42, 64, 18, q2_0],
  ["I8", 24, 1, 1, i8],
  ["I16", 25, 1, 2, i16],
  ["I32", 26, 1, 4, i32],
  ["I64", 27, 1, 8, i64],
  ["F64", 28, 1, 8, f64],
  ["U8", undefined, 1, 1, u8],
  ["U16", undefined, 1, 2, u16],
  ["U32", undefined, 1, 4, u32],
  ["U64", undefined, 1, 8, u64],
  ["BOOL", undefined, 1, 1, bool],
  ["C64", undefined, 1, 8],
  ["F4", undefined, 2, 1, f4],
  ["F6_E2M3", undefined, 4, 3, f6_e2m3],
  ["F6_E3M2", undefined, 4, 3, f6_e3m2],
  ["F8_E4M3", undefined, 1, 1, f8_e4m3],
  ["F8_E5M2", undefined, 1, 1, f8_e5m2],
  ["F8_E8M0", undefined, 1, 1, f8_e8m0],
  ["F8_E4M3FNUZ", undefined, 1, 1, f8_e4m3fnuz],
  ["F8_E5M2FNUZ", undefined, 1, 1, f8_e5m2fnuz],
  ["U4_SCALED", undefined, 32, 20, u4_scaled],
  ["U8_SCALED", undefined, 32, 36, u8_scaled],
  ["F8_SCALED", undefined, 64, 68, f8_scaled],
  ["NF4", undefined, 64, 36, nf4],
  ["FP4", undefined, 64, 36, fp4],
] as const satisfies readonly (readonly [string, number | undefined, number, number, Codec?])[];

/** Types that packed checkpoints become when they are loaded; no file holds them. */
const madeAtLoad: readonly string[] = ["U4_SCALED", "U8_SCALED", "F8_SCALED", "NF4", "FP4"];

export type QuantName = (typeof rows)[number][0];

export interface Quant {
  readonly name: QuantName;
  /** Its number in GGUF files; undefined for types of safetensors only. */
  readonly id: number | undefined;
  /** Values in a block: neighbours in a row that are stored together. */
  readonly block: number;
  /** Bytes of a block. */
  readonly bytes: number;
  /** Its meaning; undefined for types that can be listed and measured but not run. */
  readonly codec: Codec | undefined;
}

const row = ([name, id, block, bytes, codec]: readonly [
  QuantName,
  number | undefined,
  number,
  number,
  Codec?,
]): Quant => ({
  name,
  id,
  block,
  bytes,
  codec,
});

export const quants: ReadonlyMap<QuantName, Quant> = new Map(rows.map((facts) => [facts[0], row(facts)]));

const byId = new Map([...quants.values()].map((quant) => [quant.id, quant]));

/** The quant that files call by this name, or undefined. */
export function findQuant(name: string): Quant | undefined {
  if (madeAtLoad.includes(name)) return undefined;
  return quants.get(name as QuantName);
}

export function quantOf(name: QuantName): Quant {
  return quants.get(name)!;
}

/** The quant with this ggml id. Throws UnsupportedQuant for ids that are removed, a fork's, newer than this table, or nonsense. */
export function quantOfId(id: number, tensor: string): Quant {
  const quant = byId.get(id);
  if (quant) return quant;
  const foreign = explainForeign(id);
  if (foreign) throw new DeadliftError("UnsupportedQuant", `tensor ${tensor} has ${foreign}`);
  throw new DeadliftError(
    "UnsupportedQuant",
    `tensor ${tensor} has type id ${id}, expected one of ${listNames()}; the file is newer than this release, or damaged`,
  );
}

/** The codec of a quant. Throws UnsupportedQuant naming the type when it cannot be run. */
export function codecOf(name: QuantName, tensor: string): Codec {
  const { codec } = quantOf(name);
  if (codec) return codec;
  throw new DeadliftError(
    "UnsupportedQuant",
    `tensor ${tensor} has type ${name}, which cannot be run yet; expected one of ${runnable.join(", ")}`,
  );
}

/** The types that can be run. */
export const runnable: readonly QuantName[] = [...quants.values()].filter(({ codec }) => codec).map(({ name }) => name);

/** Bytes of a row of so many values, which must be whole blocks. */
export function rowBytes(name: QuantName, columns: number): number {
  const { block, bytes } = quantOf(name);
  if (columns % block !== 0) {
    throw new DeadliftError(
      "WrongShape",
      `expected a multiple of ${block} for the columns of ${name}, received ${columns}`,
    );
  }
  return (columns / block) * bytes;
}

function listNames(): string {
  return [...quants.values()]
    .filter(({ id }) => id !== undefined)
    .map(({ name }) => name)
    .join(" ");
}
