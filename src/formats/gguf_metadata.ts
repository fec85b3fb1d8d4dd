// The metadata of GGUF: keys with typed values, numbers in arrays as typed arrays.

import { DeadliftError } from "../error.js";
import { type Cursor, Starved } from "./gguf_cursor.js";

export type NumericArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** 64-bit integers are numbers where a number is exact, else bigints; in arrays always bigints. */
export type MetadataValue =
  | number
  | bigint
  | boolean
  | string
  | NumericArray
  | readonly string[]
  | readonly boolean[]
  | readonly MetadataValue[];

export type Metadata = ReadonlyMap<string, MetadataValue>;

/** The specification: a key is at most 2^16 - 1 bytes. */
const maxKeyBytes = 65535;
/** Published files have some 50 keys. */
const maxKeys = 100_000;
/** The longest published strings are chat templates of some 50 KB. */
const maxStringBytes = 16 * 2 ** 20;
/**
 * Entries of all arrays of strings and the like together: they cost up to ten times more memory than file.
 * The longest published ones are merges, some 500 thousand.
 */
const maxEntries = 8_000_000;
/** What an array within an array counts for, by the memory it takes. */
const nestedEntries = 32;
/** No published file nests arrays at all. */
const maxNesting = 4;
/** A pair is at least: key length, type, one byte of value. */
const minPairBytes = 4 + 4 + 1;

interface ScalarType {
  readonly read: (cursor: Cursor) => number | bigint;
  readonly bytes: number;
  readonly array: new (buffer: ArrayBuffer) => NumericArray;
}

const typeBool = 7;
const typeString = 8;
const typeArray = 9;

/** By the ids of the GGUF specification. */
const scalars: Readonly<Record<number, ScalarType>> = {
  0: { read: (c) => c.u8(), bytes: 1, array: Uint8Array },
  1: { read: (c) => c.i8(), bytes: 1, array: Int8Array },
  2: { read: (c) => c.u16(), bytes: 2, array: Uint16Array },
  3: { read: (c) => c.i16(), bytes: 2, array: Int16Array },
  4: { read: (c) => c.u32(), bytes: 4, array: Uint32Array },
  5: { read: (c) => c.i32(), bytes: 4, array: Int32Array },
  6: { read: (c) => c.f32(), bytes: 4, array: Float32Array },
  10: { read: (c) => c.u64(), bytes: 8, array: BigUint64Array },
  11: { read: (c) => c.i64(), bytes: 8, array: BigInt64Array },
  12: { read: (c) => c.f64(), bytes: 8, array: Float64Array },
};

/**
 * Work in steps: a yield without a value is a place to rest, so that a long vocabulary does not hold up the event loop;
 * a number is where in the file the bytes end that it needs to go on (Cursor.feed).
 */
export type Steps<T> = Generator<number | undefined, T, undefined>;

/** Strings between two rests: some ten milliseconds. */
const restEvery = 2 ** 15;

/** Reads something in one piece, from its start again when its end was not at hand. */
export function* whole<T>(cursor: Cursor, read: () => T): Steps<T> {
  for (;;) {
    const start = cursor.at;
    try {
      return read();
    } catch (error) {
      yield starvation(cursor, start, error);
    }
  }
}

/** What to ask for to read on from `start`. Throws every other error. */
function starvation(cursor: Cursor, start: number, error: unknown): number {
  if (!(error instanceof Starved)) throw error;
  cursor.at = start;
  return error.end;
}

/** Reads the count of pairs and the pairs. Throws InvalidGguf, LimitExceeded, Truncated. */
export function* readMetadata(cursor: Cursor): Steps<Metadata> {
  const count = yield* whole(cursor, () => cursor.countOf(minPairBytes, "its metadata"));
  if (count > maxKeys) throw limit(cursor, maxKeys, "keys of metadata", count);
  const metadata = new Map<string, MetadataValue>();
  const room = { entries: maxEntries };
  for (let i = 0; i < count; i++) {
    const [key, type] = yield* whole(cursor, () => [cursor.string("a key of metadata", maxKeyBytes), cursor.u32()]);
    if (metadata.has(key)) throw invalid(cursor, `the key "${key}" is given twice`);
    metadata.set(key, yield* readValue(cursor, type, key, room, 0));
  }
  return metadata;
}

interface Room {
  entries: number;
}

function* readValue(cursor: Cursor, type: number, key: string, room: Room, depth: number): Steps<MetadataValue> {
  if (type === typeBool) return yield* whole(cursor, () => cursor.u8() !== 0);
  if (type === typeString) return yield* whole(cursor, () => cursor.string(key, maxStringBytes));
  if (type === typeArray) return yield* readArray(cursor, key, room, depth + 1);
  const scalar = scalars[type];
  if (!scalar) throw invalid(cursor, `expected a type of 0 to 12 for "${key}", received ${type}`);
  return yield* whole(cursor, () => scalar.read(cursor));
}

function* readArray(cursor: Cursor, key: string, room: Room, depth: number): Steps<MetadataValue> {
  if (depth > maxNesting) throw limit(cursor, maxNesting, `levels of arrays in "${key}"`, depth);
  const [type, count] = yield* whole(cursor, () => {
    const type = cursor.u32();
    return [type, cursor.countOf(scalars[type]?.bytes ?? minimumBytes(type, cursor), `the array "${key}"`)] as const;
  });
  const scalar = scalars[type];
  if (scalar) {
    const bytes = yield* whole(cursor, () => cursor.bytes(count * scalar.bytes, `the array "${key}"`));
    // A copy, because values in a file are not aligned and outlive the mapping.
    return new scalar.array(new Uint8Array(bytes).buffer);
  }
  room.entries -= count * (type === typeArray ? nestedEntries : 1);
  if (room.entries < 0) throw limit(cursor, maxEntries, `entries in arrays up to "${key}"`, maxEntries - room.entries);
  if (type === typeString) return yield* readStrings(cursor, key, count);
  if (type === typeBool) {
    return Array.from(yield* whole(cursor, () => cursor.bytes(count, `the array "${key}"`)), (byte) => byte !== 0);
  }
  const values: MetadataValue[] = [];
  for (let i = 0; i < count; i++) values.push(yield* readValue(cursor, type, key, room, depth));
  return values;
}

/** A loop of its own: vocabularies and merges are a million strings. */
function* readStrings(cursor: Cursor, key: string, count: number): Steps<string[]> {
  // Not made at once: that many may be announced, and the file turn out to be another than was announced.
  const values: string[] = [];
  let start = cursor.at;
  while (values.length < count) {
    try {
      const rest = Math.min(count, values.length + restEvery);
      while (values.length < rest) {
        start = cursor.at;
        values.push(cursor.string(key, maxStringBytes));
      }
      yield;
    } catch (error) {
      yield starvation(cursor, start, error);
    }
  }
  return values;
}

function minimumBytes(type: number, cursor: Cursor): number {
  if (type === typeArray) return cursor.wide ? 12 : 8;
  return type === typeString ? (cursor.wide ? 8 : 4) : 1;
}

function limit(cursor: Cursor, most: number, what: string, received: number): DeadliftError {
  return new DeadliftError("LimitExceeded", `expected at most ${most} ${what} in ${cursor.path}, received ${received}`);
}

function invalid(cursor: Cursor, reason: string): DeadliftError {
  return new DeadliftError("InvalidGguf", `${cursor.path}: ${reason}`);
}
