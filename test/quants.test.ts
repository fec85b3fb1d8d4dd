// The quant types: sizes as ggml states them, meanings as Python's gguf.quants computes them.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
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

interface Golden {
  values: string;
  types: Record<string, { encoded: string; decoded: string; anything?: string; anythingDecoded?: string }>;
  halves: { sum: number; nan: number };
  rounding: { sum: number; count: number };
}

const golden = JSON.parse(readFileSync(new URL("fixtures/formats/quants.json", import.meta.url), "utf8")) as Golden;
const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
const floats = (base64: string) => new Float32Array(bytes(base64).buffer);
const values = floats(golden.values);

function decode(name: QuantName, data: Uint8Array, count: number): Float32Array {
  const out = new Float32Array(count);
  codecOf(name, "test").decode(data, out);
  return out;
}

describe.each(Object.entries(golden.types))("%s against Python", (type, { encoded, decoded }) => {
  const name = type as QuantName;

  it("encodes to the same bytes", () => {
    const out = new Uint8Array(rowBytes(name, values.length));
    codecOf(name, "test").encode(values, out);
    expect(Buffer.from(out).equals(bytes(encoded))).toBe(true);
  });

  it("decodes to the same values, from any alignment", () => {
    const want = floats(decoded);
    for (const shift of [0, 1, 2, 3]) {
      const moved = new Uint8Array(bytes(encoded).length + shift);
      moved.set(bytes(encoded), shift);
      expect(decode(name, moved.subarray(shift), want.length)).toEqual(want);
    }
  });
});

it.each(["Q8_0", "Q4_0"] as const)("%s decodes blocks that no encoder makes", (name) => {
  const { anything, anythingDecoded } = golden.types[name]!;
  const want = floats(anythingDecoded!);
  expect(decode(name, bytes(anything!), want.length)).toEqual(want);
});

it("every runnable type has golden values", () => {
  expect(Object.keys(golden.types).sort()).toEqual([...runnable].sort());
});

describe("halves", () => {
  const all = Array.from({ length: 65536 }, (_, half) => halfToFloat(half));

  it("mean what numpy says, all 65536 of them", () => {
    const sum = all.filter(Number.isFinite).reduce((total, value) => total + Math.abs(value), 0);
    expect(sum).toBe(golden.halves.sum);
    expect(all.filter(Number.isNaN).length).toBe(golden.halves.nan);
  });

  it("come back from their values", () => {
    const wrong = [...all.entries()].filter(([half, value]) => !Number.isNaN(value) && floatToHalf(value) !== half);
    expect(wrong).toEqual([]);
    expect(Number.isNaN(halfToFloat(floatToHalf(Number.NaN)))).toBe(true);
  });

  it("round ties to even as numpy does", () => {
    const finite = all.filter(Number.isFinite);
    const middles = finite.slice(0, -1).map((value, i) => Math.fround(value + finite[i + 1]!) / 2);
    const sum = [...finite, ...middles].reduce((total, value) => total + floatToHalf(value), 0);
    expect(finite.length + middles.length).toBe(golden.rounding.count);
    expect(sum).toBe(golden.rounding.sum);
  });
});

it("bf16 keeps a NaN a NaN", () => {
  const nan = new Float32Array(new Uint32Array([0x7f800001, 0x7fffffff, 0xffffffff]).buffer);
  const out = new Uint8Array(6);
  codecOf("BF16", "test").encode(nan, out);
  expect([...decode("BF16", out, 3)].every(Number.isNaN)).toBe(true);
});

describe("the table", () => {
  it("has every type ggml has today, each once", () => {
    const ids = [...quants.values()].map(({ id }) => id).filter((id) => id !== undefined);
    const known = [0, 1, 2, 3, ...range(6, 30), 34, 35, 39, 40, 41];
    expect(ids.sort((a, b) => a - b)).toEqual(known);
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

  it("refuses ids it does not know", () => {
    expect(() => quantOfId(42, "x")).toThrow(/Q2_0 \(id 42\)/);
    for (const id of [43, 255, 2 ** 32 - 1, -1, 0.5]) {
      expect(() => quantOfId(id, "x")).toThrow(expect.objectContaining({ code: "UnsupportedQuant" }));
    }
  });

  it("names a known type that cannot be run", () => {
    expect(() => codecOf("Q4_K", "blk.0.attn_q.weight")).toThrow(
      expect.objectContaining({
        code: "UnsupportedQuant",
        message: expect.stringContaining("blk.0.attn_q.weight has type Q4_K"),
      }),
    );
  });
});

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
