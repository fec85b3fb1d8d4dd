// Where a step's time goes on the device: every dispatch in a pass of its own, between two time stamps.

import { DeadliftError } from "../../error.js";
import type { Device } from "./device.js";
import type { Grid } from "./lowering.js";

/** A dispatch that is ready to be encoded. */
export interface Timed {
  readonly name: string;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly grid: Grid;
}

export interface KernelTime {
  readonly kernel: string;
  readonly dispatches: number;
  /** All of them together, microseconds. */
  readonly us: number;
}

// GPUBufferUsage and GPUMapMode, which only exist where Dawn is loaded.
const [mapRead, copySource, copyTarget, queryResolve] = [0x01, 0x04, 0x08, 0x200];

/** By kernel, the longest first. Passes of their own cost a little, which is not counted. Throws GpuUnavailable. */
export async function profile({ device, facts }: Device, dispatches: readonly Timed[]): Promise<KernelTime[]> {
  if (!device.features.has("timestamp-query")) {
    throw new DeadliftError("GpuUnavailable", `${facts.name} has no time stamps (timestamp-query)`);
  }
  const times = new Map<string, { dispatches: number; us: number }>();
  // A set of queries holds 4,096.
  for (let at = 0; at < dispatches.length; at += 2048) {
    const some = dispatches.slice(at, at + 2048);
    const stamps = await stampsOf(device, some);
    some.forEach(({ name }, i) => {
      const one = times.get(name) ?? { dispatches: 0, us: 0 };
      times.set(name, {
        dispatches: one.dispatches + 1,
        us: one.us + Number(stamps[2 * i + 1]! - stamps[2 * i]!) / 1000,
      });
    });
  }
  return [...times].map(([kernel, time]) => ({ kernel, ...time })).sort((a, b) => b.us - a.us);
}

/** Nanoseconds before and after each. */
async function stampsOf(device: GPUDevice, dispatches: readonly Timed[]): Promise<BigInt64Array> {
  const count = 2 * dispatches.length;
  const querySet = device.createQuerySet({ type: "timestamp", count });
  const resolved = device.createBuffer({ size: 8 * count, usage: queryResolve | copySource });
  const back = device.createBuffer({ size: 8 * count, usage: mapRead | copyTarget });
  const encoder = device.createCommandEncoder();
  dispatches.forEach(({ pipeline, group, grid }, i) => {
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
    const pass = encoder.beginComputePass({ timestampWrites });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...grid);
    pass.end();
  });
  encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, back, 0, 8 * count);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(mapRead);
  const stamps = new BigInt64Array(back.getMappedRange().slice(0));
  for (const one of [querySet, resolved, back]) one.destroy();
  return stamps;
}
