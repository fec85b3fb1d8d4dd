// Packed weights in every layout, written as every type, against values computed from the definition: odd sizes too.

import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CpuBackend } from "../src/backends/cpu.js";
import { MappedFile } from "../src/native.js";
import type { CodePlane, PackedWeight, Packing, ReorderedWeight, ScalePlane } from "../src/packed.js";
import { halfToFloat } from "../src/quants/f16.js";
import { codecOf, type QuantName, rowBytes } from "../src/quants/index.js";
import { repackAll } from "../src/repack.js";
import type { Tensor } from "../src/tensor.js";
import { noise, noiseValues } from "./reference/blocks.js";
import { largestDifference } from "./reference/runner.js";
import { tempFolder } from "./reference/temp.js";

const backend = new CpuBackend({ threads: 3 });
afterAll(() => backend.dispose());

/** Bytes of several parts in one file, at odd offsets. */
class Parts {
  readonly #bytes: Uint8Array[] = [Uint8Array.of(0)];
  readonly #parts: { offset: number; byteLength: number }[] = [];
  #end = 1;

  add(bytes: Uint8Array): number {
    this.#parts.push({ offset: this.#end, byteLength: bytes.length });
    this.#bytes.push(bytes, Uint8Array.of(0));
    this.#end += bytes.length + 1;
    return this.#parts.length - 1;
  }

  open(): { file: MappedFile; tensor: (part: number) => Tensor } {
    const file = MappedFile.open(join(tempFolder({ parts: Buffer.concat(this.#bytes) }), "parts"));
    const tensor = (part: number): Tensor => ({ name: `${part}`, quant: "U8", shape: [], file, ...this.#parts[part]! });
    return { file, tensor };
  }
}

const awqOrder = [0, 2, 4, 6, 1, 3, 5, 7];

/** (rows, columns) of codes, packed by the definition of the layout. */
function pack(codes: readonly number[][], packing: Packing, bits: number): { bytes: Uint8Array } & Steps {
  const rows = codes.length;
  const columns = codes[0]!.length;
  if (packing === "bytes") return { bytes: Uint8Array.from(codes.flat()), step: 1, apart: columns };
  if (packing === "signed bytes")
    return { bytes: Uint8Array.from(codes.flat(), (q) => q - 128), step: 1, apart: columns };
  if (packing === "high first" || packing === "low first") {
    const all = codes.flat();
    const byte = (i: number) => {
      const [a, b] = [all[2 * i]!, all[2 * i + 1]!];
      return packing === "high first" ? (a << 4) | b : a | (b << 4);
    };
    return { bytes: Uint8Array.from({ length: all.length / 2 }, (_, i) => byte(i)), step: 1, apart: columns };
  }
  // A stream is a number whose digits are the codes; words of it stand side by side, or under each other for GPTQ.
  const streams = packing === "words along" ? codes : codes[0]!.map((_, k) => codes.map((row) => row[k]!));
  const words = Math.ceil((streams[0]!.length * bits) / 32);
  const out = new DataView(new ArrayBuffer(4 * words * streams.length));
  const beside = packing === "words along";
  const [step, apart] = beside ? [streams.length, 1] : [1, words];
  for (const [s, stream] of streams.entries()) {
    const placed = packing === "awq down" ? stream.map((_, i) => stream[i - (i % 8) + awqOrder[i % 8]!] ?? 0) : stream;
    const number = placed.reduce((sum, code, i) => sum | (BigInt(code) << BigInt(i * bits)), 0n);
    for (let w = 0; w < words; w++) {
      out.setUint32(4 * (s * apart + w * step), Number((number >> BigInt(32 * w)) & 0xffffffffn), true);
    }
  }
  expect(rows * columns).toBeGreaterThan(0);
  return { bytes: new Uint8Array(out.buffer), step, apart };
}

interface Steps {
  readonly step: number;
  readonly apart: number;
}

interface Case {
  readonly rows: number;
  readonly columns: number;
  readonly bits: number;
  readonly packing: Packing;
  readonly zeros?: Packing;
  readonly zeroAdd?: number;
  readonly group: number;
  readonly scales: "F16" | "BF16" | "F32";
  readonly to: QuantName;
  readonly reordered?: boolean;
}

const halfWords: Record<string, (word: number) => number> = {
  F16: halfToFloat,
  BF16: (word) => new Float32Array(Uint32Array.of(word << 16).buffer)[0]!,
};

/** Scales of both signs that are exact in their type, as bytes and as numbers. */
function scalesOf(type: Case["scales"], count: number): { bytes: Uint8Array; values: number[] } {
  if (type === "F32") {
    const values = noiseValues("scales", count).map((value) => value / 7);
    return { bytes: new Uint8Array(values.buffer), values: [...values] };
  }
  const words = Uint16Array.from(noise("scales", count), (byte) => (type === "F16" ? 0x1400 : 0x3b80) + byte);
  return { bytes: new Uint8Array(words.buffer), values: [...words].map((word) => halfWords[type]!(word)) };
}

function build(one: Case) {
  const { rows, columns, bits, group } = one;
  const count = Math.ceil(columns / group);
  const random = noise(JSON.stringify(one), rows * columns + rows * count + columns);
  const mask = 2 ** bits - 1;
  const grid = (height: number, width: number, from: number) =>
    Array.from({ length: height }, (_, n) =>
      Array.from({ length: width }, (_, k) => random[from + n * width + k]! & mask),
    );
  const codes = grid(rows, columns, 0);
  const zeros = one.zeros && grid(rows, count, rows * columns);
  const groups = one.reordered
    ? Int32Array.from({ length: columns }, (_, k) => random[rows * columns + rows * count + k]! % count)
    : undefined;
  const scales = scalesOf(one.scales, rows * count);
  const parts = new Parts();
  const packedCodes = pack(codes, one.packing, bits);
  const packedZeros = zeros && pack(zeros, one.zeros!, bits);
  const ids = [packedCodes.bytes, scales.bytes, ...(packedZeros ? [packedZeros.bytes] : [])].map((b) => parts.add(b));
  const { file, tensor } = parts.open();
  const plane = (id: number, { step, apart }: Steps, packing: Packing): CodePlane<Tensor> => {
    return { part: tensor(ids[id]!), packing, bits, step, apart };
  };
  const scalePlane: ScalePlane<Tensor> = {
    ...{ part: tensor(ids[1]!), type: one.scales, factor: 1, flat: false, rows: 1, rowStep: count, groupStep: 1 },
    nested: undefined,
  };
  const weight: PackedWeight<Tensor> = {
    ...{ name: "weight", quant: one.to, shape: [rows, columns], offset: 0 },
    byteLength: rows * rowBytes(one.to, columns),
    codes: plane(0, packedCodes, one.packing),
    levels: undefined,
    scales: scalePlane,
    zeros: packedZeros && plane(2, packedZeros, one.zeros!),
    zero: 2 ** (bits - 1),
    zeroAdd: one.zeroAdd ?? 0,
    group,
    groups,
    packedBytes: 1,
  };
  const expected = Float32Array.from({ length: rows * columns }, (_, i) => {
    const n = Math.floor(i / columns);
    const k = i % columns;
    const g = groups ? groups[k]! : Math.floor(k / group);
    const zero = zeros ? (zeros[n]![g]! + (one.zeroAdd ?? 0)) & mask : 2 ** (bits - 1);
    return (codes[n]![k]! - zero) * scales.values[n * count + g]!;
  });
  return { weight, expected, file };
}

async function check(one: Case, tolerance: number): Promise<void> {
  const { weight, expected, file } = build(one);
  const repacked = await repackAll([weight], backend, {});
  const { byteLength, file: memory } = repacked.weights[0]!;
  const values = new Float32Array(expected.length);
  codecOf(one.to, "it").decode(memory.bytes(0, byteLength), values);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(largest).toBeGreaterThan(0);
  expect(largestDifference(values, expected) / largest).toBeLessThanOrEqual(tolerance);
  repacked[Symbol.dispose]();
  file.close();
}

const odd = { rows: 37, columns: 96, group: 32, scales: "F16" } as const;

describe("exact", () => {
  it.each<Case>([
    { ...odd, bits: 4, packing: "words along", to: "Q4_0" },
    { ...odd, bits: 8, packing: "words along", to: "Q8_0" },
    { ...odd, bits: 8, packing: "signed bytes", to: "Q8_0", group: 96 },
    { ...odd, bits: 4, packing: "low first", to: "Q4_0" },
    { ...odd, bits: 4, packing: "high first", to: "U4_SCALED" },
    // Rows that begin within a byte.
    { ...odd, rows: 38, columns: 51, group: 51, bits: 4, packing: "low first", to: "F32", scales: "F32" },
    ...([2, 3, 4] as const).flatMap((bits) =>
      (["words along", "words down"] as const).map(
        (packing) => ({ ...odd, bits, packing, zeros: "words down", zeroAdd: 1, to: "U4_SCALED" }) as const,
      ),
    ),
    ...([5, 6, 7, 8] as const).map(
      (bits) =>
        ({ ...odd, bits, packing: "words along", zeros: "words down", to: "U8_SCALED", scales: "BF16" }) as const,
    ),
    { ...odd, rows: 40, bits: 4, packing: "awq down", zeros: "awq down", to: "U4_SCALED" },
    { ...odd, rows: 24, bits: 4, packing: "awq down", zeros: "awq down", to: "U4_SCALED", scales: "BF16" },
    { ...odd, bits: 8, packing: "bytes", zeros: "bytes", to: "U8_SCALED" },
    { ...odd, bits: 8, packing: "signed bytes", zeros: "signed bytes", to: "U8_SCALED", scales: "BF16" },
    { ...odd, rows: 1, columns: 32, bits: 4, packing: "words along", to: "Q4_0" },
    {
      ...odd,
      columns: 50,
      group: 20,
      bits: 3,
      packing: "words along",
      zeros: "words down",
      to: "F32",
      reordered: true,
    },
    { ...odd, columns: 50, group: 50, bits: 8, packing: "bytes", to: "F32", scales: "F32" },
  ])("$rows x $columns, $bits bits, $packing: $to", (one) => check(one, 0));
});

describe("rounded", () => {
  it.each<[Case, number]>([
    [{ ...odd, bits: 4, packing: "words along", zeros: "words down", to: "F16", reordered: true }, 2 ** -11],
    [{ ...odd, bits: 4, packing: "words along", to: "BF16", scales: "BF16", reordered: true }, 2 ** -8],
    [{ ...odd, bits: 8, packing: "signed bytes", to: "U8_SCALED", scales: "F32" }, 2 ** -16],
    [{ ...odd, bits: 4, packing: "words along", to: "U4_SCALED", scales: "F32" }, 2 ** -16],
  ])("$0.packing, $0.scales: $0.to", (one, tolerance) => check(one, tolerance));
});

const sizeOf = { BF16: 2, F16: 2, F32: 4, F64: 8 } as const;

interface Order {
  readonly quant: keyof typeof sizeOf;
  readonly shape: readonly number[];
  readonly first: number;
  readonly stackStep: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

/** Numbered values in another order; the values are their places. */
function reorder({ quant, shape, ...places }: Order) {
  const { first, stackStep, rowStep, columnStep } = places;
  const [columns, rows, stack] = [shape.at(-1)!, shape.at(-2)!, shape.length > 2 ? shape[0]! : 1];
  const at = (i: number) =>
    first +
    Math.floor(i / rows / columns) * stackStep +
    (Math.floor(i / columns) % rows) * rowStep +
    (i % columns) * columnStep;
  const order = Array.from({ length: stack * rows * columns }, (_, i) => at(i));
  const size = sizeOf[quant];
  const bytes = noise(`${quant} ${shape}`, size * (Math.max(...order) + 1));
  const parts = new Parts();
  parts.add(bytes);
  const { file, tensor } = parts.open();
  const byteLength = size * order.length;
  const weight: ReorderedWeight<Tensor> = {
    ...{ name: "weight", quant, shape, offset: 0, byteLength, part: tensor(0), packedBytes: byteLength },
    ...places,
  };
  const expected = Buffer.concat(order.map((place) => bytes.subarray(size * place, size * (place + 1))));
  return { weight, expected, file };
}

const turns = { stackStep: 0, rowStep: 2 * 45, columnStep: 2 };

it.each<Order>([
  { quant: "BF16", shape: [3, 45], first: 0, ...turns },
  { quant: "F32", shape: [3, 45], first: 1, ...turns },
  { quant: "F16", shape: [1, 1], first: 5, stackStep: 9, rowStep: 9, columnStep: 9 },
  ...(["BF16", "F32", "F64"] as const).map((quant) => {
    return { quant, shape: [3, 70, 33], first: 1, stackStep: 140 * 33, rowStep: 2, columnStep: 140 };
  }),
])("numbers in another order: $quant $shape from $first", async (one) => {
  const { weight, expected, file } = reorder(one);
  const repacked = await repackAll([weight], backend, {});
  const made = repacked.weights[0]!;
  expect(made).toMatchObject({ quant: one.quant, shape: one.shape });
  expect(Buffer.from(made.file.bytes(0, made.byteLength))).toEqual(expected);
  repacked[Symbol.dispose]();
  file.close();
});

it("numbers past the end of their part are an error, not a read", async () => {
  const { weight, file } = reorder({ quant: "F32", shape: [3, 45], first: 1, ...turns });
  const wrong = expect.objectContaining({
    code: "Internal",
    message: expect.stringContaining("larger than the tensor"),
  });
  await expect(repackAll([{ ...weight, first: 2 }], backend, {})).rejects.toThrow(wrong);
  const part = { ...weight.part, byteLength: file.size + 1 };
  const past = expect.objectContaining({ code: "Internal", message: expect.stringContaining("past the end") });
  await expect(repackAll([{ ...weight, part }], backend, {})).rejects.toThrow(past);
  file.close();
});

it("symmetric codes with other zero points are an error of ours, not wrong numbers", async () => {
  const { weight, file } = build({ ...odd, bits: 4, packing: "words along", zeros: "words down", to: "Q4_0" });
  const wrong = expect.objectContaining({ code: "Internal", message: expect.stringContaining("zero points differ") });
  await expect(repackAll([weight], backend, {})).rejects.toThrow(wrong);
  file.close();
});

it("a part that reaches past its file is an error, not a read", async () => {
  const { weight, file } = build({ ...odd, bits: 4, packing: "words along", to: "Q4_0" });
  const part = { ...weight.codes.part, byteLength: file.size + 1 };
  const wrong = expect.objectContaining({ code: "Internal", message: expect.stringContaining("past the end") });
  await expect(repackAll([{ ...weight, codes: { ...weight.codes, part } }], backend, {})).rejects.toThrow(wrong);
  file.close();
});
