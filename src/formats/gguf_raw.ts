// The metadata of a GGUF file as it stands there: for copies that keep each value's type and bytes.

import { DeadliftError } from "../error.js";
import type { HeaderFile } from "./file.js";
import { Cursor, maxHeaderBytes } from "./gguf_cursor.js";
import type { GgufEntry } from "./gguf_values.js";

/** Bytes of the values of scalar types, by the ids of the GGUF specification. */
const scalarBytes: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};
const typeString = 8;
const typeArray = 9;

/**
 * All pairs, in order, of a file that readGguf has found to be valid. Values are copies, which outlive the mapping.
 * Throws InvalidGguf for version 1, whose values look different.
 */
export async function rawEntries(file: HeaderFile): Promise<GgufEntry[]> {
  const size = Math.min(file.size, maxHeaderBytes);
  const bytes = await file.read(0, size);
  const cursor = new Cursor(bytes, file.size, file.path);
  cursor.bytes(4, "its magic");
  if (cursor.u32() === 1) {
    throw new DeadliftError("InvalidGguf", `${file.path} is of GGUF version 1, which can be run but not be rewritten`);
  }
  cursor.count();
  const count = cursor.count();
  const entries: GgufEntry[] = [];
  for (let i = 0; i < count; i++) {
    const key = cursor.string("a key of metadata", size);
    const start = cursor.at;
    skip(cursor, cursor.u32());
    entries.push({ key, type: "raw", value: bytes.slice(start, cursor.at) });
  }
  return entries;
}

function skip(cursor: Cursor, type: number): void {
  if (type === typeString) {
    cursor.bytes(cursor.count(), "a string");
  } else if (type === typeArray) {
    const of = cursor.u32();
    const count = cursor.count();
    const each = scalarBytes[of];
    if (each) cursor.bytes(count * each, "an array");
    else for (let i = 0; i < count; i++) skip(cursor, of);
  } else {
    cursor.bytes(scalarBytes[type]!, "a value");
  }
}
