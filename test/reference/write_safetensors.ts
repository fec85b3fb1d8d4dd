// Writes safetensors files for tests, good and bad ones: the header is any object, so that it can lie.

export interface SafetensorsEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly number[];
}

/** A file of a header, as JSON text or an object, and `data` after it. `padding` spaces move the data's start. */
export function safetensorsFile(header: object | string, data: Uint8Array = new Uint8Array(), padding = 0): Buffer {
  const text = (typeof header === "string" ? header : JSON.stringify(header)) + " ".repeat(padding);
  const bytes = Buffer.from(text, "utf8");
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes, data]);
}

/** A file of F32 tensors filled with 0, 1, 2, ...; names to shapes. */
export function floatsFile(
  shapes: Readonly<Record<string, readonly number[]>>,
  metadata?: Record<string, string>,
): Buffer {
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  let end = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const start = end;
    end += 4 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: "F32", shape, data_offsets: [start, end] };
  }
  return safetensorsFile(header, new Uint8Array(Float32Array.from({ length: end / 4 }, (_, i) => i).buffer));
}
