// The decodes of the device: every type means what its codec says, bit for bit.

import { afterAll, describe, expect, it } from "vitest";
import { layouts } from "../../src/backends/webgpu/layouts.js";
import { codecOf, type QuantName, quantOf, runnable } from "../../src/quants/index.js";
import { Random } from "../kernel_programs.js";
import { legalBlocks, noise } from "../reference/blocks.js";
import { decodeOnDevice } from "./decode.js";
import { closeGpu, openGpu, whySkipped } from "./device.js";

const names = Object.keys(layouts) as QuantName[];
const gpu = await openGpu().catch(whySkipped);

afterAll(closeGpu);

it("all types that run are decoded by the device, but those that no weights are made of", () => {
  expect(runnable.filter((name) => !layouts[name])).toEqual(["I32", "I64", "F64", "U32", "U64", "BOOL"]);
});

it.each(names)("%s lies in at most four planes, which do not overlap", (name) => {
  const { planes } = layouts[name]!;
  const sorted = [...planes].sort(([a], [b]) => a - b);
  expect(planes.length).toBeLessThanOrEqual(4);
  expect(sorted.every(([from, to], i) => from < to && to <= (sorted[i + 1]?.[0] ?? quantOf(name).bytes))).toBe(true);
});

describe.skipIf(typeof gpu === "string")(`decode (${typeof gpu === "string" ? gpu : gpu.device.facts.name})`, () => {
  // 40 values are no whole group of 32: rows are filled up.
  const columnsOf = (name: QuantName) => (quantOf(name).block < 32 ? 40 : 512);

  async function decode(name: QuantName, blocks: Uint8Array): Promise<[actual: Float32Array, wanted: Float32Array]> {
    const { block, bytes } = quantOf(name);
    const wanted = new Float32Array((blocks.length / bytes) * block);
    codecOf(name, "test").decode(blocks, wanted);
    const { device, kernels } = gpu as Exclude<typeof gpu, string>;
    return [await decodeOnDevice(device, kernels, blocks, name, columnsOf(name)), wanted];
  }

  const blocksOf = (name: QuantName, rows: number) => (rows * columnsOf(name)) / quantOf(name).block;

  it.each(names)("%s: ordinary weights", async (name) => {
    const [actual, wanted] = await decode(name, ordinary(name, blocksOf(name, 5)));
    expect(differing(actual, wanted)).toEqual([]);
  });

  it.each(names)("%s: weights whose halves are subnormal", async (name) => {
    const [actual, wanted] = await decode(name, small(name, blocksOf(name, 3)));
    expect(differing(actual, wanted)).toEqual([]);
  });

  // Infinite scales mean nothing in WGSL.
  it.each(names)("%s: any bits that mean something finite", async (name) => {
    const { bytes } = quantOf(name);
    const [actual, wanted] = await decode(name, noise(name, blocksOf(name, 24) * bytes));
    expect(differing(actual, wanted).filter(({ wanted }) => Number.isFinite(wanted))).toEqual([]);
  });

  it.each(names.filter((name) => quantOf(name).bytes <= 2))("%s: every code", async (name) => {
    const codes = 256 ** quantOf(name).bytes;
    const blocks = blocksOf(name, Math.ceil(codes / blocksOf(name, 1)));
    const all = Uint16Array.from({ length: blocks }, (_, i) => i);
    const [actual, wanted] = await decode(
      name,
      quantOf(name).bytes === 2 ? new Uint8Array(all.buffer) : Uint8Array.from(all),
    );
    expect(differing(actual, wanted)).toEqual([]);
  });
});

function ordinary(name: QuantName, count: number): Uint8Array {
  const random = new Random(5);
  return legalBlocks(name, count, random) ?? encoded(name, random.values(count * quantOf(name).block));
}

/** With scales below 2^-14. */
function small(name: QuantName, count: number): Uint8Array {
  const random = new Random(6);
  const { block, bytes } = quantOf(name);
  let codes = count * bytes; // which come first
  const legal = legalBlocks(name, count, { next: () => random.next() * (codes-- > 0 ? 1 : 2 ** -10) });
  return legal ?? encoded(name, random.values(count * block, 2 ** -16));
}

function encoded(name: QuantName, values: Float32Array): Uint8Array {
  const { block, bytes } = quantOf(name);
  const out = new Uint8Array((values.length / block) * bytes);
  codecOf(name, "test").encode!(values, out);
  return out;
}

/** Devices may take subnormal floats for zero: then what has a subnormal scale is zero. */
const flushed = 2 ** -118;

/** The sign of zero is not looked at: WGSL does not promise it. */
function differing(actual: Float32Array, wanted: Float32Array): { i: number; actual: number; wanted: number }[] {
  expect(actual.length).toBe(wanted.length);
  return [...wanted.entries()]
    .map(([i, value]) => ({ i, actual: actual[i]!, wanted: value }))
    .filter(({ actual, wanted }) => actual !== wanted && !(Number.isNaN(actual) && Number.isNaN(wanted)))
    .filter(({ actual, wanted }) => actual !== 0 || !(Math.abs(wanted) < flushed));
}
