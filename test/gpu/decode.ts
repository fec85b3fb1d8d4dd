// Runs kernels/webgpu/decode.wgsl: the values of a weight as the device decodes them.

import type { Device } from "../../src/backends/webgpu/device.js";
import { gridWords } from "../../src/backends/webgpu/grids.js";
import type { Kernels } from "../../src/backends/webgpu/kernels.js";
import { type Layout, layouts } from "../../src/backends/webgpu/layouts.js";
import { type QuantName, quantOf } from "../../src/quants/index.js";
import { type Planes, toPlanes } from "./planes.js";

// GPUBufferUsage
const [mapRead, copySource, copyTarget, uniform, storage] = [0x01, 0x04, 0x08, 0x40, 0x80];

/** Where planes begin in the buffer, in 16 bytes. */
const gap = 3;

export function compileDecode(kernels: Kernels, layout: Layout) {
  return kernels.get("decode", { quant: `quants/${layout.decode}` });
}

/** Rows of whole blocks to values, without what fills rows up. */
export async function decodeOnDevice(
  { device }: Device,
  kernels: Kernels,
  blocks: Uint8Array,
  quant: QuantName,
  columns: number,
): Promise<Float32Array> {
  const layout = layouts[quant]!;
  const kernel = await compileDecode(kernels, layout);
  const planes = toPlanes(blocks, quant, columns);
  const { block, bytes } = quantOf(quant);
  const count = ((blocks.length / bytes) * block * planes.columns) / columns;
  const buffers: Record<string, GPUBuffer> = {
    params: filled(device, uniform, paramsOf(planes, count / layout.group)),
    weight: filled(device, storage, Buffer.concat([new Uint8Array(16 * gap).fill(0xa5), planes.bytes])),
    out: device.createBuffer({ size: 4 * count, usage: storage | copySource }),
    ...(layout.grids && { grids: filled(device, storage, new Uint8Array(gridWords().buffer)) }),
  };
  const result = device.createBuffer({ size: 4 * count, usage: mapRead | copyTarget });
  const entries = kernel.bindings.map(({ name, binding }) => ({ binding, resource: { buffer: buffers[name]! } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(kernel.pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: kernel.layout, entries }));
  pass.dispatchWorkgroups(Math.ceil(count / layout.group / 64));
  pass.end();
  encoder.copyBufferToBuffer(buffers.out!, 0, result, 0, 4 * count);
  device.queue.submit([encoder.finish()]);
  await result.mapAsync(1); // GPUMapMode.READ
  const values = new Float32Array(result.getMappedRange().slice(0));
  for (const buffer of [...Object.values(buffers), result]) buffer.destroy();
  return withoutFilling(values, planes.columns, columns);
}

/** `struct Params` of the kernel. */
function paramsOf({ starts }: Planes, groups: number): Uint8Array {
  const words = new Uint32Array(8);
  words.set(starts.map((start) => gap + start));
  words[4] = groups;
  return new Uint8Array(words.buffer);
}

function filled(device: GPUDevice, usage: number, bytes: Uint8Array): GPUBuffer {
  const buffer = device.createBuffer({ size: bytes.length, usage: usage | copyTarget });
  device.queue.writeBuffer(buffer, 0, new Uint8Array(bytes));
  return buffer;
}

function withoutFilling(values: Float32Array, from: number, columns: number): Float32Array {
  const rows = values.length / from;
  const out = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) out.set(values.subarray(row * from, row * from + columns), row * columns);
  return out;
}
