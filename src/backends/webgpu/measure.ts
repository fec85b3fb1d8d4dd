// Measures a device: how fast it reads its memory, and how fast it calculates.

import type { Device } from "./device.js";
import { type Kernel, Kernels } from "./kernels.js";

export interface Speed {
  /** Streaming read of its memory: GB/s (10^9 bytes). */
  readonly bandwidthGbs: number;
  /** Multiplications and additions in f32: TFLOP/s (10^12). */
  readonly tflops: number;
}

/** More than any cache holds. */
const streamBytes = 256 * 2 ** 20;
/** Of each kernel; several, since others may be at work too, and clocks rise slowly. */
const patienceMs = 150;
const roundMs = 15;
const mostRepeats = 2000;
const threadsOfGroup = 256;
/** Threads of kernels/webgpu/stream.wgsl: four loads each, four times. */
const streamGroups = streamBytes / 16 / 16 / threadsOfGroup;
const flopsGroups = 8192;
const flopsOfThread = 64 * 4 * 4 * 2;

/** Takes about a third of a second, and 260 MB. Throws DeviceLost, Internal. */
export async function measure(device: Device): Promise<Speed> {
  const kernels = new Kernels(device);
  const [stream, flops] = await Promise.all([kernels.get("stream"), kernels.get("flops")]);
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  // Whole rounds of all threads: the kernel leaves out what is over.
  const whole = streamGroups * threadsOfGroup * 4 * 16;
  const bytes = Math.min(streamBytes, Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / whole) * whole);
  const data = buffer(device, bytes);
  const sums = buffer(device, Math.max(streamGroups, flopsGroups) * threadsOfGroup * 4);
  try {
    const streamSeconds = await fastest(device, stream, [data, sums], streamGroups);
    const flopsSeconds = await fastest(device, flops, [sums], flopsGroups);
    return {
      bandwidthGbs: bytes / streamSeconds / 1e9,
      tflops: (flopsGroups * threadsOfGroup * flopsOfThread) / flopsSeconds / 1e12,
    };
  } finally {
    data.destroy();
    sums.destroy();
  }
}

function buffer({ device }: Device, size: number): GPUBuffer {
  return device.createBuffer({ size, usage: 0x80 | 0x08 }); // STORAGE | COPY_DST
}

/** Seconds of one dispatch, in the best round of many. */
async function fastest(device: Device, kernel: Kernel, buffers: GPUBuffer[], groups: number): Promise<number> {
  const bindings = device.device.createBindGroup({
    layout: kernel.layout,
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  await timed(device, kernel, bindings, groups, 1); // drivers compile and clear at first use
  const once = await timed(device, kernel, bindings, groups, 1);
  const repeats = Math.max(1, Math.min(mostRepeats, Math.floor(roundMs / once)));
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + patienceMs;
  do {
    best = Math.min(best, (await timed(device, kernel, bindings, groups, repeats)) / repeats);
  } while (performance.now() < end);
  return best / 1000;
}

/** Milliseconds until the device has run it so often. */
async function timed(
  { device }: Device,
  { pipeline }: Kernel,
  bindings: GPUBindGroup,
  groups: number,
  repeats: number,
): Promise<number> {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindings);
  for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(groups);
  pass.end();
  const commands = encoder.finish();
  const startedAt = performance.now();
  device.queue.submit([commands]);
  await device.queue.onSubmittedWorkDone();
  return performance.now() - startedAt;
}
