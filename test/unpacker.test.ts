// Packed weights on their way into another type: one at a time is in memory, however many pieces it is written in.

import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Encoder } from "../src/convert/encoder.js";
import { encodedPieces } from "../src/convert/pieces.js";
import { Unpacker } from "../src/convert/unpacker.js";
import { MappedFile, native } from "../src/native.js";
import type { PackedWeight } from "../src/packed.js";
import { halfToFloat } from "../src/quants/f16.js";
import type { Tensor } from "../src/tensor.js";
import { noise } from "./reference/blocks.js";
import { tempFolder } from "./reference/temp.js";

afterEach(() => expect(native().filesMapped()).toBe(0));

/** Rows of signed bytes with a scale each, in a file of their own, and what they mean. */
function packedBytes(name: string, rows: number, columns: number) {
  const codes = noise(name, rows * columns);
  const scales = Float32Array.from({ length: rows }, (_, row) => (1 + (row % 7)) / 4096);
  const data = Buffer.concat([Buffer.from(scales.buffer), codes]);
  const file = MappedFile.open(join(tempFolder({ data }), "data"));
  const part = (offset: number, byteLength: number): Tensor => {
    return { name, quant: "I8", shape: [rows, columns], file, offset, byteLength };
  };
  const scalePart = { type: "F32", factor: 1, flat: false, rows: 1, rowStep: 1, groupStep: 0 } as const;
  const weight: PackedWeight<Tensor> = {
    ...{ name, quant: "U8_SCALED", shape: [rows, columns], offset: 0, byteLength: (rows * columns * 36) / 32 },
    codes: { part: part(4 * rows, rows * columns), packing: "signed bytes", bits: 8, step: 1, apart: columns },
    levels: undefined,
    scales: { ...scalePart, part: part(0, 4 * rows), nested: undefined },
    ...{ zeros: undefined, zero: 128, zeroAdd: 0, group: columns, groups: undefined, packedBytes: data.length },
  };
  const meaning = (row: number, k: number) => ((codes[row * columns + k]! << 24) >> 24) * scales[row]!;
  return { weight, meaning, close: () => file.close() };
}

describe("weights of several pieces", () => {
  it("are in memory one at a time, and are written row by row in any order", async () => {
    const [rows, columns] = [2100, 4096];
    const large = packedBytes("large", rows, columns);
    const small = packedBytes("small", 3, 32);
    const order = (row: number) => rows - 1 - row;
    const encoder = new Encoder({ threads: 2 });
    const tensor = (name: string, { weight }: typeof large) =>
      ({ name, shape: weight.shape, source: weight, quant: "F16" }) as const;
    const tensors = [{ ...tensor("a", large), order }, tensor("b", small), tensor("c", small), tensor("d", large)];
    const pieces: Buffer[] = [];
    let most = 0;
    for await (const piece of encodedPieces(tensors, encoder)) {
      most = Math.max(most, native().filesMapped());
      pieces.push(Buffer.from(piece));
    }
    await encoder.close();
    // Both files, and one weight.
    expect(most).toBe(3);
    expect(pieces.length).toBeGreaterThan(4);
    const all = Buffer.concat(pieces);
    const at = (index: number) => halfToFloat(all.readUInt16LE(2 * index));
    const size = rows * columns;
    for (let i = 0; i < size; i += 997) {
      const [row, k] = [Math.floor(i / columns), i % columns];
      expect(at(i)).toBeCloseTo(large.meaning(order(row), k), 4);
      expect(at(size + 192 + i)).toBeCloseTo(large.meaning(row, k), 4);
    }
    for (let i = 0; i < 96; i++) {
      const value = small.meaning(Math.floor(i / 32), i % 32);
      expect([at(size + i), at(size + 96 + i)]).toEqual([expect.closeTo(value, 4), expect.closeTo(value, 4)]);
    }
    for (const { close } of [large, small]) close();
  });

  it("are given back when the pieces are not all taken", async () => {
    const large = packedBytes("large", 2100, 4096);
    const encoder = new Encoder({ threads: 1 });
    const tensors = [{ name: "a", shape: large.weight.shape, source: large.weight, quant: "F32" }] as const;
    for await (const _ of encodedPieces(tensors, encoder)) break;
    expect(native().filesMapped()).toBe(1);
    await encoder.close();
    large.close();
  });

  it("are unpacked again when they are asked for again", async () => {
    const a = packedBytes("a", 4, 32);
    const encoder = new Encoder({ threads: 1 });
    const unpacker = new Unpacker(encoder);
    const sizes: number[] = [];
    const use = (rows: number) =>
      unpacker.use(a.weight, rows, async ({ file }) => sizes.push(file.bytes(0, 144).length));
    await use(4);
    await Promise.all([use(1), use(3), use(4)]);
    await unpacker.close();
    expect(sizes).toEqual([144, 144, 144, 144]);
    expect(native().filesMapped()).toBe(1);
    await encoder.close();
    a.close();
  });

  it("wait for the one before, also when that fails", async () => {
    const [a, b] = [packedBytes("a", 4, 32), packedBytes("b", 4, 32)];
    const log: string[] = [];
    const unpacker = new Unpacker({
      repack: async ({ name }) => {
        log.push(`repack ${name}`);
        if (name === "a") throw new Error("no memory");
        const file = MappedFile.memory(name, 1);
        return { name, quant: "F32", shape: [4, 32], file, offset: 0, byteLength: 1 };
      },
    });
    const use = ({ weight }: typeof a, rows: number) =>
      unpacker.use(weight, rows, async ({ name }) => log.push(`${rows} rows of ${name}`));
    const results = await Promise.allSettled([use(a, 1), use(a, 3), use(b, 2), use(b, 1)]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled", "fulfilled"]);
    expect(log).toEqual(["repack a", "repack b", "2 rows of b", "1 rows of b"]);
    expect(native().filesMapped()).toBe(3);
    await unpacker.close();
    for (const { close } of [a, b]) close();
  });
});
