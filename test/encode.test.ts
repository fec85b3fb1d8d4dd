// Native encoders write the bytes that the codecs in TypeScript write, on every instruction set, however rows are cut.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Encoder, encodable } from "../src/convert/encoder.js";
import { encodedPieces, type TensorToWrite } from "../src/convert/pieces.js";
import { MappedFile, native } from "../src/native.js";
import { codecOf, type QuantName, quantOf, rowBytes } from "../src/quants/index.js";
import type { Tensor } from "../src/tensor.js";
import { awkward, bytesOf, encodeRows, isas } from "./reference/encode_rows.js";
import { tempFolder } from "./reference/temp.js";
import { randomness } from "./tokenizer_fixtures.js";

/** To the bit; types that search for the smallest error have tests of their own. */
const exact: readonly QuantName[] = [
  ...(["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"] as const),
  ...(["IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4", "TQ1_0", "TQ2_0", "Q1_0", "Q2_0"] as const),
];
const quantised = exact.filter((name) => quantOf(name).block > 1);
/** They look at importance. */
const weighing: readonly QuantName[] = ["IQ4_NL", "IQ4_XS"];

afterEach(() => expect(native().filesMapped()).toBe(0));

function encode(quant: QuantName, values: Float32Array, importance?: Float32Array): Uint8Array {
  const bytes = new Uint8Array(rowBytes(quant, values.length));
  codecOf(quant, "test").encode!(values, bytes, importance);
  return bytes;
}

function decode(quant: QuantName, bytes: Uint8Array, count: number): Float32Array {
  const values = new Float32Array(count);
  codecOf(quant, "test").decode(bytes, values);
  return values;
}

describe.each(isas)("on %s", (isa) => {
  it.each(exact)("%s is written as its codec does", async (to) => {
    const { block } = quantOf(to);
    for (const columns of block > 1 ? [block, 3 * block, 8192 + 2 * block] : [1, 7, 33, 8193]) {
      const values = awkward(columns * 13);
      const { out, finite } = await encodeRows(bytesOf(values), { from: "F32", to, columns }, { isa });
      expect(finite).toBe(true);
      expect(Buffer.compare(out, encode(to, values)), `${columns} columns`).toBe(0);
    }
  });

  it.each(["F16", "BF16", "Q8_0", "Q4_0"] as const)("%s is read as its codec does", async (from) => {
    // Without what would become infinite.
    const source = encode(
      from,
      awkward(256 * 30).map((value) => Math.max(-6e4, Math.min(6e4, value))),
    );
    const values = decode(from, source, 256 * 30);
    for (const to of exact.filter((name) => name !== from)) {
      const { out } = await encodeRows(source, { from, to, columns: 256 }, { isa });
      expect(Buffer.compare(out, encode(to, values)), to).toBe(0);
    }
  });

  it.each(weighing)("%s weighs errors as its codec does", async (to) => {
    const random = randomness(3);
    const values = awkward(2048 * 3);
    // Blocks of any size, of nothing but zeros, and of what no tool writes.
    const kinds = [() => random(), () => random() * 1e30, () => 0, () => random() * 1e-30, () => random() - 0.5];
    const importance = Float32Array.from({ length: 2048 }, (_, i) => kinds[Math.floor(i / 256) % kinds.length]!());
    const { out } = await encodeRows(bytesOf(values), { from: "F32", to, columns: 2048, importance }, { isa });
    expect(Buffer.compare(out, encode(to, values, Float32Array.of(...importance, ...importance, ...importance)))).toBe(
      0,
    );
    expect(Buffer.compare(out, encode(to, values))).not.toBe(0);
    expect(decode(to, out, values.length).every(Number.isFinite)).toBe(true);
  });

  it.each(quantised)("%s makes zeros of what is too small to be scaled, as llama.cpp does", async (to) => {
    const random = randomness(7);
    const values = Float32Array.from({ length: 64 * 256 }, (_, i) => (random() - 0.5) * 2 ** -(i / 256 + 86));
    const { out } = await encodeRows(bytesOf(values), { from: "F32", to, columns: 256 }, { isa });
    expect(Buffer.compare(out, encode(to, values))).toBe(0);
    const smallest = decode(to, out, values.length).subarray(-6 * 256);
    expect(smallest.every((value) => value === 0)).toBe(true);
  });

  it("floats keep infinities and NaNs, and say so", async () => {
    const values = Float32Array.of(1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3.4e38, 1e-45);
    for (const to of ["F16", "BF16"] as const) {
      const { out, finite } = await encodeRows(bytesOf(values), { from: "F32", to, columns: 6 }, { isa });
      expect(finite).toBe(false);
      expect(decode(to, out, 6)).toEqual(decode(to, encode(to, values), 6));
    }
  });
});

describe("rows", () => {
  const values = awkward(40 * 96);
  const row = (i: number) => values.subarray(i * 96, (i + 1) * 96);

  it("are the same on any number of threads", async () => {
    const results = [];
    for (const threads of [1, 2, 3, 5]) {
      results.push((await encodeRows(bytesOf(values), { from: "F32", to: "Q8_0", columns: 96 }, { threads })).out);
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });

  it("start anywhere, also unaligned, and come in the order that is asked for", async () => {
    const moved = new Uint8Array(values.byteLength + 3);
    moved.set(bytesOf(values), 3);
    const order = Int32Array.of(39, 0, 7, 7, 38);
    const job = { from: "F32", to: "Q4_0", columns: 96, offset: 3, rows: 5 };
    const wanted = Buffer.concat([...order].map((i) => encode("Q4_0", row(i))));
    expect(Buffer.compare((await encodeRows(moved, { ...job, order })).out, wanted)).toBe(0);
    const some = Buffer.concat([11, 12, 13, 14, 15].map((i) => encode("Q4_0", row(i))));
    expect(Buffer.compare((await encodeRows(moved, { ...job, first: 11 })).out, some)).toBe(0);
  });

  it("that keep their type are copied as they are", async () => {
    const anything = Uint8Array.from({ length: 34 * 3 * 4 }, (_, i) => (i * 97) % 256);
    const job = { from: "Q8_0", to: "Q8_0", columns: 96, rows: 2, order: Int32Array.of(3, 1) };
    const { out, finite } = await encodeRows(anything, job);
    expect(finite).toBe(true);
    expect([...out]).toEqual([...anything.subarray(306), ...anything.subarray(102, 204)]);
  });

  it("may be announced beyond the end of the file", async () => {
    const job = { from: "F32", to: "F16", columns: 96, next: 96 * 4, nextSize: 2 ** 40 };
    expect((await encodeRows(bytesOf(values), job)).finite).toBe(true);
    expect((await encodeRows(bytesOf(values), { ...job, next: 2 ** 50 })).finite).toBe(true);
  });

  it("of a type that cannot be written are an error", async () => {
    const unwritable = "F64";
    expect(encodable()).not.toContain(unwritable);
    await expect(encodeRows(new Uint8Array(64), { from: "F32", to: unwritable, columns: 2, rows: 1 })).rejects.toThrow(
      /F64/,
    );
  });
});

it("every encoder has a codec to hold it to, or a test of its own", () => {
  expect(encodable()).toEqual(expect.arrayContaining([...exact]));
  const unheld = encodable().filter((name) => !codecOf(name, "test").encode);
  expect(unheld).toEqual([]);
});

describe("pieces", () => {
  /** Tensors of a file of F32 values, one after another. */
  async function withTensors<T>(
    shapes: number[][],
    values: Float32Array,
    work: (tensors: Tensor[]) => Promise<T>,
  ): Promise<T> {
    const path = join(tempFolder(), "values");
    writeFileSync(path, bytesOf(values));
    const file = MappedFile.open(path);
    let offset = 0;
    const tensors = shapes.map((shape, i): Tensor => {
      const byteLength = 4 * shape.reduce((a, b) => a * b, 1);
      offset += byteLength;
      return { name: `t${i}`, quant: "F32", shape, file, offset: offset - byteLength, byteLength };
    });
    try {
      return await work(tensors);
    } finally {
      file.close();
    }
  }

  async function collect(tensors: readonly TensorToWrite[]): Promise<Buffer[]> {
    const encoder = new Encoder({ threads: 2 });
    const pieces: Buffer[] = [];
    try {
      for await (const piece of encodedPieces(tensors, encoder)) pieces.push(Buffer.from(piece));
    } finally {
      await encoder.close();
    }
    return pieces;
  }

  const plan = (source: Tensor, quant: QuantName, more: Partial<TensorToWrite> = {}): TensorToWrite => ({
    name: source.name,
    shape: source.shape,
    source,
    quant,
    ...more,
  });

  it("are all tensors' bytes in order, in buffers of 8 MiB that are used again", async () => {
    const shapes = [[3], [3000, 1024], [0, 32], [64, 32], [2, 3, 64], [1]];
    const values = awkward(shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0));
    await withTensors(shapes, values, async (tensors) => {
      const own = Float32Array.of(1, 2, 3);
      const plans = [
        ...tensors.map((tensor) => plan(tensor, tensor.shape.length > 1 ? "F16" : "F32")),
        { name: "own", shape: [3], source: own, quant: "F32" } as const,
      ];
      const wanted = Buffer.concat([
        ...tensors.map(({ offset, byteLength, shape }) => {
          const part = values.subarray(offset / 4, (offset + byteLength) / 4);
          return encode(shape.length > 1 ? "F16" : "F32", part);
        }),
        bytesOf(own),
      ]);
      const pieces = await collect(plans);
      expect(Buffer.compare(Buffer.concat(pieces), wanted)).toBe(0);
      expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(8 * 2 ** 20);
    });
  });

  it("give rows and the values of vectors the order they should have", async () => {
    const values = Float32Array.from({ length: 12 + 4 }, (_, i) => i);
    await withTensors([[4, 3], [4]], values, async ([matrix, vector]) => {
      const order = (row: number) => 3 - row;
      const pieces = await collect([plan(matrix!, "F32", { order }), plan(vector!, "F32", { order })]);
      const result = new Float32Array(new Uint8Array(Buffer.concat(pieces)).buffer);
      expect([...result]).toEqual([9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2, 15, 14, 13, 12]);
    });
  });

  it.each(quantised)("with values that %s cannot hold are an error that names the tensor", async (quant) => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const values = new Float32Array(512).fill(1);
      values[40] = bad;
      await withTensors([[2, 256]], values, async ([tensor]) => {
        const refusal = { code: "UnsupportedQuant", message: expect.stringMatching(`"t0" holds infinities.*${quant}`) };
        await expect(collect([plan(tensor!, quant)])).rejects.toMatchObject(refusal);
        expect((await collect([plan(tensor!, "F16")]))[0]).toHaveLength(1024);
      });
    }
  });

  it("end when their reader does, with nothing still being written", async () => {
    const values = new Float32Array(6 * 2 ** 20);
    await withTensors([[6 * 1024, 1024]], values, async ([tensor]) => {
      const encoder = new Encoder({ threads: 2 });
      for await (const piece of encodedPieces([plan(tensor!, "F32")], encoder)) {
        expect(piece.length).toBe(8 * 2 ** 20);
        break;
      }
      await encoder.close();
    });
  });

  it("refuse rows that are too long to be held", async () => {
    await withTensors([[1, 4]], new Float32Array(4), async ([tensor]) => {
      const endless = { ...tensor!, shape: [1, 2 ** 27] };
      await expect(collect([plan(endless, "F16")])).rejects.toMatchObject({ code: "LimitExceeded" });
    });
  });
});
