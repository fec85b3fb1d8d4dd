// What a conformance suite runs on: every instruction set of this machine, or the GPU (npm run test:gpu).

import { expect } from "vitest";
import { WebGpuBackend } from "../../src/backends/webgpu/backend.js";
import type { Variant } from "../../src/backends/webgpu/device.js";
import type { Devices, RunOptions } from "../../src/compile.js";
import { chooseDevice, type Opened, openBackend } from "../../src/devices.js";
import { native } from "../../src/native.js";

export const onGpu = process.env.DEADLIFT_TEST_DEVICE === "gpu";
export const isas: readonly string[] = onGpu ? ["gpu"] : native().cpuInfo().isas;

/** WGSL promises less of exp, division and the order of sums than the CPU's kernels keep. */
export function gpuTolerance(tolerance: number): number {
  return Math.max(tolerance, 1e-5);
}

/** Options for one of `isas`. */
export function onTarget({ isa, threads, ...options }: RunOptions): RunOptions {
  return onGpu ? { ...options, device: "gpu" } : { ...options, threads, isa, device: "cpu" };
}

/** Kinds of kernels that DEADLIFT_TEST_VARIANTS names; default: what suits the adapter. */
export function wantedVariants(): Variant[] | undefined {
  const names = process.env.DEADLIFT_TEST_VARIANTS?.split(",").filter((name) => name !== "");
  return names as Variant[] | undefined;
}

async function openShared(): Promise<Opened> {
  const cpu = await openBackend({ adapter: undefined, reason: undefined }, {});
  return { ...cpu, backend: await WebGpuBackend.open({ variants: wantedVariants() }) };
}

let shared: Promise<Opened> | undefined;

/** Models of a test file share a device, and so what it has compiled. */
export const devices: Devices = {
  choose: chooseDevice,
  async open(choice, options) {
    if (choice.adapter === undefined) return openBackend(choice, options);
    shared ??= openShared();
    const { backend, repacker } = await shared;
    const lasting = Object.create(backend, { dispose: { value: async () => {} } });
    lasting.compile = backend.compile.bind(backend);
    return { backend: lasting, repacker, endRepacker: async () => true };
  },
};

/** The same bits; of a GPU, which adds in another order for few tokens than for many, values as near as that leaves them. */
export function expectSame(actual: readonly Float32Array[], wanted: readonly Float32Array[], tolerance = 1e-3): void {
  if (!onGpu) {
    expect(actual).toEqual(wanted);
    return;
  }
  expect(actual.length).toBe(wanted.length);
  actual.forEach((row, i) => {
    expect(row.length).toBe(wanted[i]!.length);
    row.forEach((value, j) => {
      if (!(Math.abs(value - wanted[i]![j]!) < tolerance)) expect([i, j, value]).toEqual([i, j, wanted[i]![j]]);
    });
  });
}
