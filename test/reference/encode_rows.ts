// One job of the native encoders, on any instruction set.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { MappedFile, type NativeRows, native } from "../../src/native.js";
import { type QuantName, rowBytes } from "../../src/quants/index.js";
import { tempFolder } from "./temp.js";

interface Setting {
  isa?: string;
  threads?: number;
}

/** Runs one native job over a file of `bytes`. */
export async function encodeRows(
  bytes: Uint8Array,
  rows: Pick<NativeRows, "from" | "to" | "columns"> & Partial<NativeRows>,
  { isa = native().cpuInfo().isas.at(-1)!, threads = 2 }: Setting = {},
): Promise<{ out: Uint8Array; finite: boolean }> {
  const path = join(tempFolder(), "values");
  writeFileSync(path, bytes);
  const file = MappedFile.open(path);
  const engine = native().engineCreate({ threads, isa });
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
