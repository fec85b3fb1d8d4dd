// Where a model runs: what users may ask for, who decides when they do not, and the backend that is opened for it.

import type { Backend } from "./backends/backend.js";
import { CpuBackend, type CpuOptions } from "./backends/cpu.js";
import { WebGpuBackend } from "./backends/webgpu/backend.js";
import { chooseFaster, type Demand } from "./backends/webgpu/choose.js";
import { DeadliftError, expected } from "./error.js";
import { probeGpus } from "./gpus.js";
import type { Repacker } from "./repack.js";

/**
 * "auto": the GPU where it is faster for the model, else the CPU; "gpu": the adapter that the system prefers, "gpu:NAME": the
 * one with this in its name, whatever it is.
 */
export type DeviceName = "auto" | "cpu" | "gpu" | `gpu:${string}`;

/** A backend that measures itself. */
export interface MeasuredBackend extends Backend {
  /** Instruction set of the CPU, or the adapter's name. */
  readonly isa: string;
  /** Threads that compute; one drives a GPU. */
  readonly threads: number;
  /** Streaming read, right now: GB/s (10^9 bytes). */
  bandwidth(): Promise<number>;
  /** Multiply-adds in f32 between registers, right now: TFLOP/s. */
  peak(): Promise<number>;
}

export interface Choice {
  /** Part of an adapter's name; "": any; undefined: the CPU. */
  readonly adapter: string | undefined;
  readonly reason: string | undefined;
}

/** Throws InvalidArgument. */
export function checkDevice(device: unknown): void {
  if (device === undefined || device === "auto" || device === "cpu" || device === "gpu") return;
  if (typeof device === "string" && /^gpu:./.test(device)) return;
  throw new DeadliftError("InvalidArgument", expected("one of auto, cpu, gpu, gpu:NAME", "device", device));
}

/** Who names an instruction set means the CPU; else DEADLIFT_DEVICE is the default. Throws InvalidArgument. */
export function deviceOf({ device, isa }: { device?: DeviceName | undefined; isa?: string | undefined }): DeviceName {
  if (isa === undefined) {
    const named = device ?? (process.env.DEADLIFT_DEVICE || undefined);
    checkDevice(named);
    return (named as DeviceName | undefined) ?? "auto";
  }
  if (device === undefined || device === "auto" || device === "cpu") return "cpu";
  throw new DeadliftError("InvalidArgument", `isa is of the CPU, and device is "${device}": give one of them`);
}

/** What to try first. Where "auto" has to know, the machine's GPUs are measured, once. */
export async function chooseDevice(device: DeviceName, demand: Demand): Promise<Choice> {
  if (device === "cpu") return { adapter: undefined, reason: undefined };
  if (device !== "auto") return { adapter: device.slice("gpu:".length), reason: undefined };
  const { device: fastest, reason } = chooseFaster(demand, await probeGpus());
  return { adapter: fastest === "cpu" ? undefined : fastest, reason };
}

export interface Opened {
  /** Who computes. */
  readonly backend: MeasuredBackend;
  /** Who makes the weights that a checkpoint does not hold as they are run. */
  readonly repacker: Repacker;
  /** Ends the repacker, where that is not the backend itself; whether that is so. */
  readonly endRepacker: () => Promise<boolean>;
}

/** Throws GpuUnavailable, InvalidArgument. */
export async function openBackend({ adapter }: Choice, options: CpuOptions): Promise<Opened> {
  if (adapter === undefined) {
    const backend = new CpuBackend(options);
    return { backend, repacker: backend, endRepacker: async () => false };
  }
  const repacker = new CpuBackend(options);
  const endRepacker = async () => {
    await repacker.dispose();
    return true;
  };
  try {
    return { backend: await WebGpuBackend.open({ adapter: adapter || undefined }), repacker, endRepacker };
  } catch (error) {
    await endRepacker();
    throw error;
  }
}

/** Whether "auto" goes on with the CPU after this. */
export function fallsBack(error: unknown): error is DeadliftError {
  // The last two: for what this GPU has no room in its kernels, and for drivers that refuse one; what nobody runs has been
  // refused before.
  const codes = ["GpuUnavailable", "OutOfMemory", "DeviceLost", "UnsupportedArchitecture", "Internal"];
  return error instanceof DeadliftError && codes.includes(error.code);
}
