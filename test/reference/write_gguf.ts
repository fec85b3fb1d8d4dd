// Writes GGUF files for tests, good and bad ones. Every count can be made to lie.

type Version = 1 | 2 | 3;

/** A value with its type, by the names of the GGUF specification. */
export type GgufValue =
  | { readonly type: ScalarName; readonly value: number | bigint }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string | Uint8Array }
  | {
      readonly type: "array";
      readonly of: string;
      readonly value: readonly unknown[];
      readonly count?: number | bigint;
    };

type ScalarName = "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "f32" | "u64" | "i64" | "f64";

export interface GgufTensor {
  readonly name: string;
  /** Outermost first, as in Tensor. */
  readonly shape: readonly (number | bigint)[];
  /** Id of ggml. */
  readonly type: number;
  /** From the start of the data; default: after the tensor before it, aligned. */
  readonly offset?: number | bigint;
  readonly data?: Uint8Array;
}

export interface GgufFile {
  readonly version?: number;
  readonly metadata?: Readonly<Record<string, GgufValue>> | readonly (readonly [string, GgufValue])[];
  readonly tensors?: readonly GgufTensor[];
  readonly tensorCount?: number | bigint;
  readonly keyCount?: number | bigint;
  readonly alignment?: number;
  readonly magic?: string;
}

const typeIds: Readonly<Record<string, number>> = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
};

export const str = (value: string | Uint8Array): GgufValue => ({ type: "string", value });
export const u32 = (value: number): GgufValue => ({ type: "u32", value });
export const f32 = (value: number): GgufValue => ({ type: "f32", value });
export const bool = (value: boolean): GgufValue => ({ type: "bool", value });
export const array = (of: string, value: readonly unknown[], count?: number | bigint): GgufValue =>
  count === undefined ? { type: "array", of, value } : { type: "array", of, value, count };

export function ggufFile(file: GgufFile): Buffer {
  const { version = 3, tensors = [], metadata = {}, alignment = 32, magic = "GGUF" } = file;
  const pairs = Array.isArray(metadata) ? (metadata as [string, GgufValue][]) : Object.entries(metadata);
  const out = new Writer(version as Version);
  out.raw(Buffer.from(magic, "latin1"));
  out.number("u32", version);
  out.count(file.tensorCount ?? tensors.length);
  out.count(file.keyCount ?? pairs.length);
  for (const [key, value] of pairs) {
    out.text(key);
    out.number("u32", typeIds[value.type] ?? Number(value.type));
    out.value(value);
  }
  const data: Buffer[] = [];
  let end = 0;
  for (const { name, shape, type, offset, data: bytes } of tensors) {
    out.text(name);
    out.number("u32", shape.length);
    for (const size of [...shape].reverse()) out.count(size);
    out.number("u32", type);
    out.number("u64", offset ?? end);
    const padded = Math.ceil((bytes?.length ?? 0) / alignment) * alignment;
    data.push(Buffer.concat([bytes ?? new Uint8Array(), Buffer.alloc(padded - (bytes?.length ?? 0))]));
    end += padded;
  }
  if (tensors.length > 0) out.pad(alignment);
  return Buffer.concat([...out.parts, ...data]);
}

class Writer {
  readonly parts: Buffer[] = [];
  length = 0;

  constructor(readonly version: Version) {}

  raw(bytes: Buffer): void {
    this.parts.push(bytes);
    this.length += bytes.length;
  }

  pad(alignment: number): void {
    this.raw(Buffer.alloc((alignment - (this.length % alignment)) % alignment));
  }

  number(type: string, value: number | bigint): void {
    const view = new DataView(new ArrayBuffer(8));
    const sizes: Record<string, [number, () => void]> = {
      u8: [1, () => view.setUint8(0, Number(value))],
      i8: [1, () => view.setInt8(0, Number(value))],
      bool: [1, () => view.setUint8(0, Number(value))],
      u16: [2, () => view.setUint16(0, Number(value), true)],
      i16: [2, () => view.setInt16(0, Number(value), true)],
      u32: [4, () => view.setUint32(0, Number(value), true)],
      i32: [4, () => view.setInt32(0, Number(value), true)],
      f32: [4, () => view.setFloat32(0, Number(value), true)],
      u64: [8, () => view.setBigUint64(0, BigInt(value), true)],
      i64: [8, () => view.setBigInt64(0, BigInt(value), true)],
      f64: [8, () => view.setFloat64(0, Number(value), true)],
    };
    const [size, set] = sizes[type]!;
    set();
    this.raw(Buffer.from(view.buffer, 0, size));
  }

  /** 32 bits in version 1, else 64. */
  count(value: number | bigint): void {
    this.number(this.version === 1 ? "u32" : "u64", value);
  }

  text(value: string | Uint8Array): void {
    const bytes = Buffer.from(value as string);
    this.count(bytes.length);
    this.raw(bytes);
  }

  value(value: GgufValue): void {
    if (value.type === "string") this.text(value.value);
    else if (value.type === "array") this.array(value);
    else if (value.type in typeIds)
      this.number(value.type, Number.isInteger(value.value) ? (value.value as number) : Number(value.value));
  }

  array({ of, value, count }: Extract<GgufValue, { type: "array" }>): void {
    this.number("u32", typeIds[of] ?? Number(of));
    this.count(count ?? value.length);
    for (const entry of value) {
      if (of === "string") this.text(entry as string);
      else if (of === "array") this.array(entry as Extract<GgufValue, { type: "array" }>);
      else this.number(of, entry as number);
    }
  }
}
