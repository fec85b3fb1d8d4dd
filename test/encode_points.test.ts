// The native encoders that round to points of a grid: closer than llama.cpp's, with the same bytes on every
// instruction set, and with something sensible for any values and weights.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { native } from "../src/native.js";
import { codecOf, type QuantName, rowBytes } from "../src/quants/index.js";
import { tinyTensor } from "./reference/blocks.js";
import { encodeRows } from "./reference/encode_rows.js";
import { importanceOf, meanError } from "./reference/quant_fixtures.js";

/** What test/fixtures/quants/make_iq.py measures of llama.cpp's encoder. */
interface Measured {
  readonly tensor: string;
  readonly importance?: string;
  readonly error: number;
}

const names: readonly QuantName[] = ["IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"];

function measured(name: QuantName): Measured[] {
  const file = new URL(`fixtures/quants/${name}.json.gz`, import.meta.url);
  const { errors, moreErrors } = JSON.parse(gunzipSync(readFileSync(file)).toString());
  return [...errors, ...moreErrors];
}

/** Rows as each instruction set encodes them, which must be the same, and what that means. */
async function encode(to: QuantName, values: Float32Array, columns: number, weights?: Float32Array) {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const [first, ...others] = await Promise.all(
    native()
      .cpuInfo()
      .isas.map(async (isa) => {
        const { out } = await encodeRows(bytes, { from: "F32", to, columns, importance: weights ?? null }, { isa });
        return out;
      }),
  );
  for (const other of others) expect(Buffer.compare(other, first!)).toBe(0);
  const decoded = new Float32Array(values.length);
  codecOf(to, "test").decode(first!, decoded);
  return { encoded: first!, decoded };
}

/** Rows of 256 that go wrong easily, and how much of their squares may be lost at most. */
const rows: readonly (readonly [what: string, kept: number, value: (i: number) => number])[] = [
  ["zeros", 1, () => 0],
  ["one value", 0.6, (i) => (i === 5 ? -3.25 : 0)],
  ["all the same", 0.15, () => -1],
  ["one sign", 0.15, (i) => 0.25 + i / 1024],
  ["the other sign", 0.15, (i) => -0.25 - i / 1024],
  ["a ramp", 0.15, (i) => i - 128],
  ["two extremes", 0.4, (i) => (i === 0 ? 127 : i === 1 ? -127 : 0)],
  ["more than F16 can hold", 0.2, (i) => 1e5 * Math.cos(i)],
  ["hardly anything", 0.15, (i) => (i - 128) * 2 ** -26],
  ["less than F16 can hold", 1, (i) => i * 2 ** -140],
  ["denormal", 1, (i) => (i % 3 ? 1e-45 : -2e-45)],
  ["enormous", 1, (i) => (i % 2 ? 3.4e38 : -3.4e38)],
  ["enormous and tiny", 1, (i) => (i % 7 ? 1e-30 : 1e30)],
  ["a half of zeros", 0.2, (i) => (i < 128 ? 0 : Math.sin(i))],
];

/** Also what no importance matrix should hold. */
const weightings: readonly (readonly [what: string, weight: (i: number) => number])[] = [
  ["no weights", () => 1],
  ["zeros", () => 0],
  ["zeros for some", (i) => (i % 32 < 12 ? 0 : 1)],
  ["one for all", (i) => (i === 77 ? 1e30 : 0)],
  ["denormal ones", () => 1e-45],
  ["enormous ones", (i) => (i % 5 ? 3.4e38 : 1e-38)],
  ["negative ones", (i) => (i % 4 ? -1 : 1)],
];

describe.each(names)("%s", (to) => {
  it("errs at least 4 % less than llama.cpp's encoder", { timeout: 120_000 }, async () => {
    const all = measured(to);
    expect(all.filter(({ importance }) => importance)).toHaveLength(12);
    for (const { tensor, importance, error } of all) {
      const { values, columns } = tinyTensor(tensor);
      const weights = importance ? importanceOf(importance, columns) : undefined;
      const { decoded } = await encode(to, values, columns, weights);
      expect(meanError(values, decoded, weights), `${tensor} ${importance}`).toBeLessThanOrEqual(0.96 * error);
    }
  });

  it("errs as its codec does", async () => {
    const { values, columns } = tinyTensor("model.layers.1.self_attn.o_proj.weight");
    const some = values.slice(0, 16 * columns);
    const weights = importanceOf("weights", columns);
    const { decoded } = await encode(to, some, columns, weights);
    const bytes = new Uint8Array(rowBytes(to, some.length));
    codecOf(to, "test").encode!(
      some,
      bytes,
      some.map((_, i) => weights[i % columns]!),
    );
    const reference = new Float32Array(some.length);
    codecOf(to, "test").decode(bytes, reference);
    const ratio = meanError(some, decoded, weights) / meanError(some, reference, weights);
    expect(Math.abs(ratio - 1)).toBeLessThan(1e-3);
  });

  it.each(weightings)("makes the best of hard rows, with weights: %s", async (what, weight) => {
    const values = Float32Array.from({ length: 256 * rows.length }, (_, i) => rows[Math.floor(i / 256)]![2](i % 256));
    const weights = what === "no weights" ? undefined : Float32Array.from({ length: 256 }, (_, i) => weight(i));
    const { decoded } = await encode(to, values, 256, weights);
    expect(decoded.every(Number.isFinite)).toBe(true);
    const counted = weights?.map((one) => Math.max(0, one) + 1e-6 * Math.max(...weights));
    for (const [n, [row, lost]] of rows.entries()) {
      const [x, y] = [values, decoded].map((all) => all.subarray(256 * n, 256 * (n + 1))) as [
        Float32Array,
        Float32Array,
      ];
      const usual = counted?.some((one) => one > 0) ? counted : undefined;
      const zeros = meanError(x, new Float32Array(256), usual);
      expect(meanError(x, y, usual), row).toBeLessThanOrEqual(zeros * (weights ? 1 + 1e-5 : lost + 1e-5));
    }
  });
});
