// Native encoders at work: values in a file, one job, and the bytes that come of it.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { MappedFile, type NativeRows, native } from "../../src/native.js";
import { type QuantName, rowBytes } from "../../src/quants/index.js";
import { randomness } from "../tokenizer_fixtures.js";
import { tempFolder } from "./temp.js";

export const { isas } = native().cpuInfo();

/** Values of all sizes, with blocks of everything that is awkward. */
export function awkward(count: number): Float32Array {
  const random = randomness(count);
  const kinds: ((i: number) => number)[] = [
    () => random() - 0.5,
    () => (random() - 0.5) * 2 ** (40 * random() - 20),
    () => 0,
    () => -0,
    (i) => [0, -0, 1][i % 3]!,
    (i) => [-0, 1, 0][i % 3]!,
    (i) => (i % 2 ? 65504 : -65504),
    (i) => (i % 32 === 7 ? -1 : i % 32 === 9 ? 1 : 0.25),
    () => (random() - 0.5) * 1e-35,
    () => Math.round(127 * (random() - 0.5)) / 2,
    () => (random() < 0.5 ? 1e30 : -1e-30),
    (i) => (i % 5 ? 3e38 : -3e38),
    () => Math.fround(random() * 6e-8),
  ];
  return Float32Array.from({ length: count }, (_, i) => kinds[Math.floor(i / 32) % kinds.length]!(i));
}

interface Setting {
  isa?: string;
  threads?: number;
}

/** Runs one native job over a file of `bytes`. */
export async function encodeRows(
  bytes: Uint8Array,
  rows: Pick<NativeRows, "from" | "to" | "columns"> & Partial<NativeRows>,
  { isa = isas.at(-1)!, threads = 2 }: Setting = {},
): Promise<{ out: Uint8Array; finite: boolean }> {
  const path = join(tempFolder(), "values");
  writeFileSync(path, bytes);
  const file = MappedFile.open(path);
  const engine = native().engineCreate({ threads, isa, priority: "normal" });
  try {
    const offset = rows.offset ?? 0;
    const count = rows.rows ?? (bytes.length - offset) / rowBytes(rows.from as QuantName, rows.columns);
    const out = new Uint8Array(count * rowBytes(rows.to as QuantName, rows.columns));
    const rest = { offset: 0, first: 0, rows: count, order: null, importance: null, next: 0, nextSize: 0 };
    const finite = await native().engineEncode(engine, { ...rest, file: file.handle, out, ...rows });
    return { out, finite };
  } finally {
    await native().engineClose(engine);
    file.close();
  }
}

export const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
