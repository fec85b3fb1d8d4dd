// One file with every kind of metadata and some tensors, for Python to read: `npx vite-node THIS OUT` writes it.

import type { GgufEntry } from "../../src/formats/gguf_values.js";
import { writeGguf } from "../../src/formats/gguf_write.js";
import type { QuantName } from "../../src/quants/index.js";

export const entries: readonly GgufEntry[] = [
  { key: "general.architecture", type: "string", value: "llama" },
  { key: "general.alignment", type: "u32", value: 64 },
  { key: "a.u8", type: "u8", value: 255 },
  { key: "a.i8", type: "i8", value: -128 },
  { key: "a.u16", type: "u16", value: 65535 },
  { key: "a.i16", type: "i16", value: -32768 },
  { key: "a.u32", type: "u32", value: 2 ** 32 - 1 },
  { key: "a.i32", type: "i32", value: -(2 ** 31) },
  { key: "a.f32", type: "f32", value: 0.1 },
  { key: "a.u64", type: "u64", value: 2n ** 64n - 1n },
  { key: "a.i64", type: "i64", value: -(2n ** 63n) },
  { key: "a.f64", type: "f64", value: 0.1 },
  { key: "a.true", type: "bool", value: true },
  { key: "a.false", type: "bool", value: false },
  { key: "a.text", type: "string", value: "Grüße, 世界 🦙\n\0" },
  { key: "a.empty", type: "string", value: "" },
  { key: "list.text", type: "array", of: "string", value: ["a", "", "ß", "🦙"] },
  { key: "list.bool", type: "array", of: "bool", value: [true, false, true] },
  { key: "list.u8", type: "array", of: "u8", value: Uint8Array.of(0, 255) },
  { key: "list.i32", type: "array", of: "i32", value: Int32Array.of(-1, 2, -3) },
  { key: "list.f32", type: "array", of: "f32", value: Float32Array.of(-1000, 0.5) },
  { key: "list.f64", type: "array", of: "f64", value: [0.1, -0.25] },
  { key: "list.u64", type: "array", of: "u64", value: [1n, 2 ** 53] },
];

export const tensors: readonly { name: string; quant: QuantName; shape: number[]; bytes: Uint8Array }[] = [
  { name: "vector", quant: "F32", shape: [3], bytes: bytes(12, 1) },
  { name: "matrix", quant: "F16", shape: [3, 5], bytes: bytes(30, 2) },
  { name: "wide", quant: "BF16", shape: [2, 3, 4], bytes: bytes(48, 3) },
  { name: "quantised", quant: "Q8_0", shape: [2, 64], bytes: bytes(136, 4) },
  { name: "small", quant: "Q4_0", shape: [1, 32], bytes: bytes(18, 5) },
  { name: "number", quant: "F32", shape: [1], bytes: bytes(4, 6) },
  { name: "k", quant: "Q4_K", shape: [1, 256], bytes: bytes(144, 7) },
];

/** Writes the file, its tensors in pieces of a few bytes. */
export function writeEverything(path: string, pieceBytes: number): Promise<number> {
  async function* pieces() {
    for (const tensor of tensors) {
      for (let at = 0; at < tensor.bytes.length; at += pieceBytes) yield tensor.bytes.subarray(at, at + pieceBytes);
    }
  }
  return writeGguf(path, { entries, tensors, alignment: 64 }, pieces());
}

/** Any bytes, small enough for no type to see infinity in them. */
function bytes(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7) % 61);
}

if (process.argv[1]?.includes("vite-node") && process.argv[2]) await writeEverything(process.argv[2], 10);
