// The quant types: sizes as ggml states them, meanings as gguf.quants and llama.cpp compute them, one fixture per type.

import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { floatToHalf, halfToFloat } from "../src/quants/f16.js";
import {
  codecOf,
  findQuant,
  type QuantName,
  quantOf,
  quantOfId,
  quants,
  rowBytes,
  runnable,
} from "../src/quants/index.js";
import { noise } from "./reference/blocks.js";
import {
  errorCase,
  errorLimit,
  type Fixture,
  fixtures,
  folder,
  hex,
  meanError,
  valuesOf,
} from "./reference/quant_fixtures.js";

// Some tests take seconds: between them the runner wants to be answered.
afterEach(() => new Promise((done) => setImmediate(done)));

function blocksOf({ type, bytes, random, stored, counting }: Fixture): Uint8Array {
  const all = Uint8Array.from({ length: counting && counting * 256 ** counting }, (_, i) => {
    return Math.floor(i / counting) >>> (8 * (i % counting));
  });
  return new Uint8Array(Buffer.concat([noise(type, random * bytes), hex(stored), all]));
}

/** The CRC-32 of every `size` bytes; of numbers, with every NaN as the same. */
function crcs(data: Uint8Array | Float32Array, size: number): string[] {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(canonical(data).buffer);
  const each = data instanceof Uint8Array ? size : 4 * size;
  return Array.from({ length: Math.ceil(bytes.length / each) }, (_, i) => {
    return crc32(bytes.subarray(i * each, (i + 1) * each))
      .toString(16)
      .padStart(8, "0");
  });
}

function canonical(values: Float32Array): Uint32Array {
  const bits = new Uint32Array(values.slice().buffer);
  values.forEach((value, i) => {
    if (Number.isNaN(value)) bits[i] = 0x7fc00000;
  });
  return bits;
}

/** Indices of the pieces that differ, which says more than the numbers. */
function differing(actual: readonly string[], wanted: string): number[] {
  expect(actual.length).toBe(wanted.length / 8);
  return actual.flatMap((crc, i) => (crc === wanted.slice(8 * i, 8 * i + 8) ? [] : [i]));
}

function decode(name: QuantName, data: Uint8Array, count: number): Float32Array {
  const out = new Float32Array(count);
  codecOf(name, "test").decode(data, out);
  return out;
}

describe.each([...fixtures])("%s", (_, fixture) => {
  const { type, block, bytes } = fixture;
  const { encode } = codecOf(type, "test");
  const chunk = Math.max(1, 32 / block);

  it("decodes noise and hard cases as the reference does, from any alignment", () => {
    expect(quantOf(type)).toMatchObject({ block, bytes });
    const blocks = blocksOf(fixture);
    expect(blocks.length / bytes).toBeGreaterThan(1000);
    for (const shift of [0, 1, 2, 3]) {
      const moved = new Uint8Array(blocks.length + shift);
      moved.set(blocks, shift);
      const values = decode(type, moved.subarray(shift), (blocks.length / bytes) * block);
      expect(differing(crcs(values, block * chunk), fixture.decoded)).toEqual([]);
    }
  });

  if (fixture.encoded) {
    it("encodes to the bytes of the reference", () => {
      for (const { blocks, ...source } of fixture.encoded!) {
        const values = valuesOf(source);
        const out = new Uint8Array(rowBytes(type, values.length));
        encode!(values, out);
        expect(differing(crcs(out, 64 * chunk * bytes), blocks)).toEqual([]);
      }
    });
  }

  if (fixture.errors) {
    it("errs at most 1 % more than the reference's encoder", () => {
      for (const measured of fixture.errors!) {
        const { values, columns, importance } = errorCase(measured);
        const weights = importance && values.map((_, i) => importance[i % columns]!);
        const out = new Uint8Array(rowBytes(type, values.length));
        encode!(values, out, weights);
        const ours = meanError(values, decode(type, out, values.length), importance);
        expect(ours, measured.tensor ?? "hard values").toBeLessThanOrEqual(errorLimit(measured, values));
      }
    });
  }
});

it("every runnable type has a fixture, and every encoder a measure", () => {
  expect([...fixtures.keys()].sort()).toEqual([...runnable].sort());
  const encoders = runnable.filter((name) => codecOf(name, "test").encode);
  const measured = [...fixtures.values()].filter(({ encoded, errors }) => encoded ?? errors).map(({ type }) => type);
  expect(measured.sort()).toEqual(encoders.sort());
});

describe("halves", () => {
  const all = Array.from({ length: 65536 }, (_, half) => halfToFloat(half));

  it("come back from their values", () => {
    const wrong = [...all.entries()].filter(([half, value]) => !Number.isNaN(value) && floatToHalf(value) !== half);
    expect(wrong).toEqual([]);
    expect(Number.isNaN(halfToFloat(floatToHalf(Number.NaN)))).toBe(true);
  });

  it("round ties to even as numpy does", () => {
    const { rounding } = fixtures.get("F16") as Fixture & { rounding: { sum: number; count: number } };
    const finite = all.filter(Number.isFinite);
    const middles = finite.slice(0, -1).map((value, i) => Math.fround(value + finite[i + 1]!) / 2);
    const sum = [...finite, ...middles].reduce((total, value) => total + floatToHalf(value), 0);
    expect(finite.length + middles.length).toBe(rounding.count);
    expect(sum).toBe(rounding.sum);
  });
});

it("bf16 keeps a NaN a NaN", () => {
  const nan = new Float32Array(new Uint32Array([0x7f800001, 0x7fffffff, 0xffffffff]).buffer);
  const out = new Uint8Array(6);
  codecOf("BF16", "test").encode!(nan, out);
  expect([...decode("BF16", out, 3)].every(Number.isNaN)).toBe(true);
});

describe("the table", () => {
  it("has every type llama.cpp has today, each once and of the same size", () => {
    const sizes = JSON.parse(readFileSync(new URL("sizes.json", folder), "utf8")) as [number, string, number, number][];
    const rows = [...quants.values()].map(({ id, name, block, bytes }) => [id, name, block, bytes] as const);
    const known = rows.filter(([id]) => id !== undefined).sort(([a], [b]) => a! - b!);
    expect(known).toEqual(sizes);
  });

  it("states sizes as ggml does", () => {
    expect(rowBytes("Q4_K", 4096)).toBe(4096 * (144 / 256));
    expect(rowBytes("F32", 3)).toBe(12);
    expect(quantOf("Q6_K").bytes).toBe(210);
    expect(quantOf("MXFP4").bytes).toBe(17);
    expect(findQuant("Q4_0")?.id).toBe(2);
    expect(findQuant("toString")).toBeUndefined();
  });

  it("refuses rows that are not whole blocks", () => {
    expect(() => rowBytes("Q8_0", 33)).toThrow(expect.objectContaining({ code: "WrongShape" }));
  });

  it.each([4, 5, 31, 32, 33, 36, 37, 38])("names removed type %i and what to do", (id) => {
    expect(() => quantOfId(id, "x")).toThrow(
      expect.objectContaining({
        code: "UnsupportedQuant",
        message: expect.stringMatching(/Q4_\d.*removed.*again|IQ4_NL_.*removed.*again/),
      }),
    );
  });

  it.each([
    [36, "I2_S"],
    [37, "I8_S"],
    [38, "TL1"],
  ])("names what bitnet.cpp has as type %i, too: %s", (id, name) => {
    const message = expect.stringContaining(`${name} of bitnet.cpp) (id ${id})`);
    expect(() => quantOfId(id, "x")).toThrow(expect.objectContaining({ code: "UnsupportedQuant", message }));
  });

  it.each([
    [97, "Q8_0_X4"],
    [133, "Q6_0"],
    [137, "IQ2_K"],
    [141, "IQ6_K"],
    [144, "IQ4_KS"],
    [158, "IQ1_KT"],
    [212, "Q4_K_R4"],
    [223, "IQ4_XS_R8"],
    [340, "IQ5_K_R4"],
    [399, "Q8_K_R8"],
  ])("names type %i of a fork, %s", (id, name) => {
    const message = expect.stringContaining(`tensor x has type ${name} (id ${id}), which only ik_llama.cpp reads`);
    expect(() => quantOfId(id, "x")).toThrow(expect.objectContaining({ code: "UnsupportedQuant", message }));
  });

  it("refuses ids it does not know", () => {
    for (const id of [43, 96, 142, 143, 159, 255, 400, 2 ** 32 - 1, -1, 0.5]) {
      expect(() => quantOfId(id, "x")).toThrow(expect.objectContaining({ code: "UnsupportedQuant" }));
    }
  });

  it("names a known type that cannot be run", () => {
    expect(() => codecOf("C64", "blk.0.attn_q.weight")).toThrow(
      expect.objectContaining({
        code: "UnsupportedQuant",
        message: expect.stringContaining("blk.0.attn_q.weight has type C64"),
      }),
    );
  });
});
