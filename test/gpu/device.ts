// The GPU that tests run on: opened once for a file, or the reason why there is none.

import type { CompileOptions } from "../../src/backends/backend.js";
import { Device, type DeviceOptions } from "../../src/backends/webgpu/device.js";
import { GpuExecutable } from "../../src/backends/webgpu/executable.js";
import { Kernels } from "../../src/backends/webgpu/kernels.js";
import type { Weights } from "../../src/backends/webgpu/places.js";
import { DeadliftError } from "../../src/error.js";
import type { Program } from "../../src/program/ops.js";
import { wantedVariants } from "../reference/targets.js";

interface Opened {
  readonly device: Device;
  readonly kernels: Kernels;
}

let opened: Promise<Opened> | undefined;

export function openGpu(options: DeviceOptions = {}): Promise<Opened> {
  opened ??= open(options);
  return opened;
}

async function open(options: DeviceOptions): Promise<Opened> {
  // Why run.mjs has no driver to test on: plainer than that there is no adapter.
  const missing = process.env.DEADLIFT_TEST_GPU_MISSING;
  if (missing && !options.backend) throw new DeadliftError("GpuUnavailable", missing);
  const device = await Device.open({ validate: true, variants: wantedVariants(), ...options });
  return { device, kernels: new Kernels(device) };
}

/** Why suites are skipped. Throws the error where a driver has been given: there they must run. */
export function whySkipped(error: DeadliftError): string {
  const given = process.env.DEADLIFT_TEST_DEVICE === "gpu" && !process.env.DEADLIFT_TEST_GPU_MISSING;
  if (given || error.code !== "GpuUnavailable") throw error;
  return error.message;
}

export async function closeGpu(): Promise<void> {
  const closing = opened;
  opened = undefined;
  await (await closing?.catch(() => undefined))?.device.destroy();
}

export async function compileOnGpu(program: Program, weights: Weights, options: CompileOptions) {
  const { device, kernels } = await openGpu();
  return GpuExecutable.make(device, kernels, program, weights, options);
}
