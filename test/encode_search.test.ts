// Native encoders that search for the smallest error: as good as llama.cpp's, of the same bytes everywhere, sane whatever comes.

import { afterEach, describe, expect, it } from "vitest";
import { native } from "../src/native.js";
import { codecOf, type QuantName, rowBytes } from "../src/quants/index.js";
import { tinyTensor } from "./reference/blocks.js";
import { awkward, bytesOf, encodeRows, isas } from "./reference/encode_rows.js";
import { errorCase, errorLimit, fixtures, importanceOf, meanError } from "./reference/quant_fixtures.js";
import { randomness } from "./tokenizer_fixtures.js";

const searched: readonly QuantName[] = ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"];
const block = 256;

afterEach(() => expect(native().filesMapped()).toBe(0));

async function encode(
  to: QuantName,
  values: Float32Array,
  columns: number,
  { importance, isa = isas.at(-1)! }: { importance?: Float32Array | undefined; isa?: string } = {},
): Promise<Uint8Array> {
  const rows = { from: "F32", to, columns, importance: importance ?? null };
  const { out, finite } = await encodeRows(bytesOf(values), rows, { isa });
  expect(finite).toBe(true);
  return out;
}

function decode(quant: QuantName, bytes: Uint8Array, count: number): Float32Array {
  const values = new Float32Array(count);
  codecOf(quant, "test").decode(bytes, values);
  return values;
}

describe.each(searched)("%s", (to) => {
  it.each(isas)("errs at most 1 % more than llama.cpp's encoder, on %s", async (isa) => {
    for (const measured of fixtures.get(to)!.errors!) {
      const { values, columns, importance } = errorCase(measured);
      const decoded = decode(to, await encode(to, values, columns, { importance, isa }), values.length);
      const ours = meanError(values, decoded, importance);
      expect(ours, measured.tensor ?? "hard values").toBeLessThanOrEqual(errorLimit(measured, values));
    }
  });

  it("is the search of its codec, but for roundings", async () => {
    const name = "model.layers.1.self_attn.k_proj.weight";
    const { values, columns } = tinyTensor(name);
    for (const importance of [undefined, importanceOf(name, columns)]) {
      const reference = new Uint8Array(rowBytes(to, values.length));
      codecOf(to, "test").encode!(values, reference, importance && values.map((_, i) => importance[i % columns]!));
      const ours = await encode(to, values, columns, { importance });
      const errors = [reference, ours].map((bytes) => meanError(values, decode(to, bytes, values.length), importance));
      expect(errors[1]! / errors[0]!).toBeCloseTo(1, 2);
    }
  });

  it("is written in the same bytes by every instruction set, and whatever a block's neighbours are", async () => {
    const blocks = 7;
    const count = 20 * blocks * block;
    const random = randomness(5);
    const weights = Float32Array.from({ length: blocks * block }, () => 2 ** (20 * random() - 10));
    for (const values of [awkward(count), Float32Array.from({ length: count }, () => random() - 0.5)]) {
      for (const importance of [undefined, weights]) {
        const whole = await encode(to, values, blocks * block, { importance, isa: "scalar" });
        for (const isa of isas) {
          const same = await encode(to, values, blocks * block, { importance, isa });
          expect(Buffer.compare(same, whole), isa).toBe(0);
        }
        if (importance) continue;
        expect(Buffer.compare(await encode(to, values, block), whole)).toBe(0);
      }
    }
  });

  const index = Float32Array.from({ length: block }, (_, i) => i);
  it.each([
    ["zeros", () => 0, 0],
    ["zeros of both signs", (i: number) => (i % 2 ? -0 : 0), 0],
    ["one value", (i: number) => (i === 77 ? -3.25 : 0), 2e-3],
    ["the same value", () => -0.7, 1e-3],
    ["the same positive value", () => 0.7, 1e-3],
    ["one sign", (i: number) => 1 + Math.sin(i), 0.15],
    ["the other sign", (i: number) => -1 - Math.sin(i), 0.15],
    ["two values", (i: number) => (i % 2 ? 0.1 : -0.1), 0.01],
    ["one giant", (i: number) => (i === 100 ? 5e4 : Math.sin(i)), 0.01],
    ["the largest floats", (i: number) => (i % 2 ? 3.4e38 : -3.4e38), 1],
    ["large values", (i: number) => 1e30 * Math.sin(i), 1],
    ["denormals", (i: number) => 1e-40 * Math.sin(i), 1],
    ["the smallest float", () => 1.4e-45, 1],
  ])("makes sane blocks of %s", async (_, value, most) => {
    const values = Float32Array.from(index, (i) => value(i));
    const size = Math.hypot(...values);
    for (const importance of [undefined, new Float32Array(block), index, index.map((i) => 10 ** ((i % 60) - 30))]) {
      const decoded = decode(to, await encode(to, values, block, { importance }), block);
      expect(decoded.every(Number.isFinite)).toBe(true);
      if (importance) continue;
      const off = Math.hypot(...decoded.map((one, i) => one - values[i]!));
      expect(off).toBeLessThanOrEqual(most * size * 1.0001);
    }
  });

  it("spends its bits on what matters", async () => {
    const { values, columns } = tinyTensor("model.layers.2.mlp.up_proj.weight");
    const importance = Float32Array.from({ length: columns }, (_, i) => (i % 16 === 3 ? 1000 : 1));
    const errors = [undefined, importance].map(async (weights) => {
      const decoded = decode(to, await encode(to, values, columns, { importance: weights }), values.length);
      return meanError(values, decoded, importance);
    });
    const [without, withWeights] = await Promise.all(errors);
    expect(withWeights! / without!).toBeLessThan(0.7);
  });
});
