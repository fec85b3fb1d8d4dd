// Weights on the device: how a matrix is cut into buffers that may be bound, and its way there in chunks.

import { DeadliftError } from "../../error.js";
import { native } from "../../native.js";
import { codecOf, type QuantName, quantOf } from "../../quants/index.js";
import type { Tensor } from "../../tensor.js";
import type { Memory } from "./buffers.js";
import type { Device } from "./device.js";
import { type Layout, layouts, type Plane } from "./layouts.js";

/** Bytes copied at once, and how many may be on their way: drivers hold a copy of each until the device has it. */
const chunkBytes = 16 * 2 ** 20;
const chunksInFlight = 4;

/** A matrix, or a stack of them row after row, in as many buffers as the limits of bindings make of it. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly layout: Layout;
  /** Groups (of the layout's decode) in a row. */
  readonly groups: number;
  readonly parts: readonly MatrixPart[];
}

/** Neighbouring rows in one buffer. */
export interface MatrixPart {
  readonly buffer: GPUBuffer;
  readonly firstRow: number;
  readonly rows: number;
  /** Where each plane begins, in 16 bytes. */
  readonly planes: readonly [number, number, number, number];
}

/** What a weight becomes where the device has no decode for it. */
const widened: QuantName = "F32";

interface Shape {
  readonly quant: QuantName;
  /** Bytes of a row in the file, and values that rows are filled up to on the device. */
  readonly rowBytes: number;
  readonly paddedColumns: number;
}

function shapeOf(quant: QuantName, columns: number): Shape {
  const { block, bytes } = quantOf(quant);
  const paddedColumns = Math.ceil(columns / 32) * 32;
  return { quant, rowBytes: Math.ceil(columns / block) * bytes, paddedColumns: block < 32 ? paddedColumns : columns };
}

/** Bytes that rows take in a plane. */
function planeBytes([from, to]: Plane, quant: QuantName, paddedColumns: number, rows: number): number {
  return ((rows * paddedColumns) / quantOf(quant).block) * (to - from);
}

const align = (bytes: number) => Math.ceil(bytes / 16) * 16;

/** Takes memory for a weight of these rows, zeroed. */
export function placeMatrix(
  device: Device,
  memory: Memory,
  name: string,
  quant: QuantName,
  rows: number,
  columns: number,
): Matrix {
  const kept = layouts[quant] ? quant : widened;
  const layout = layouts[kept]!;
  const { paddedColumns } = shapeOf(kept, columns);
  const bytesOf = (count: number) => layout.planes.map((plane) => align(planeBytes(plane, kept, paddedColumns, count)));
  const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
  const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
  const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
  const perPart = Math.max(1, Math.min(rows, Math.floor((most - 64) / (sum(bytesOf(1024)) / 1024))));
  const parts: MatrixPart[] = [];
  for (let firstRow = 0; firstRow < rows; firstRow += perPart) {
    const count = Math.min(perPart, rows - firstRow);
    const sizes = bytesOf(count);
    const starts = [0, 1, 2, 3].map((i) => sum(sizes.slice(0, i)) / 16);
    parts.push({
      buffer: memory.take(name, sum(sizes)),
      firstRow,
      rows: count,
      planes: starts as unknown as MatrixPart["planes"],
    });
  }
  return { rows, columns, layout, groups: paddedColumns / layout.group, parts };
}

/** Rows of a weight that lie in one tensor. */
interface Run {
  readonly tensor: Tensor;
  /** Row of the tensor, and of the whole weight. */
  readonly from: number;
  readonly row: number;
  readonly rows: number;
}

/** Sends weights to the device, a few chunks at a time. */
export class Uploader {
  readonly #device: Device;
  readonly #told: (bytes: number) => void;
  #inFlight = 0;

  constructor(device: Device, told: (bytes: number) => void = () => {}) {
    this.#device = device;
    this.#told = told;
  }

  /** Throws DeviceLost; Aborted is the caller's to throw from `told`. */
  async send(matrix: Matrix, tensors: readonly Tensor[]): Promise<void> {
    const { quant } = tensors[0]!;
    const kept = layouts[quant] ? quant : widened;
    const file = shapeOf(quant, matrix.columns);
    const perTensor = matrix.rows / tensors.length;
    for (const part of matrix.parts) {
      const step = Math.max(1, Math.floor(chunkBytes / (matrix.columns * (quantOf(kept).bytes / quantOf(kept).block))));
      for (let row = part.firstRow; row < part.firstRow + part.rows; ) {
        const index = Math.floor(row / perTensor);
        const end = Math.min(part.firstRow + part.rows, (index + 1) * perTensor, row + evenRows(step, kept));
        const run = {
          tensor: tensors[index]!,
          from: row - index * perTensor,
          row: row - part.firstRow,
          rows: end - row,
        };
        if (kept === quant) this.#sendPlanes(matrix, part, run, file);
        else this.#sendWidened(matrix, part, run, file);
        await this.#pace(run.rows * file.rowBytes);
        row = end;
      }
    }
  }

  /** Resolves when the device has everything. */
  async finish(): Promise<void> {
    this.#device.device.queue.submit([]);
    await this.#device.device.queue.onSubmittedWorkDone();
    this.#device.check();
  }

  #sendPlanes(matrix: Matrix, part: MatrixPart, run: Run, file: Shape): void {
    const { block, bytes } = quantOf(file.quant);
    const fileBlocks = file.rowBytes / bytes;
    const blocks = Math.ceil(file.paddedColumns / block);
    matrix.layout.planes.forEach((plane, p) => {
      const size = plane[1] - plane[0];
      const data = new Uint8Array(run.rows * blocks * size);
      const offset = run.tensor.offset + run.from * file.rowBytes + plane[0];
      const gather = native().fileGather;
      const { handle } = run.tensor.file;
      if (size === bytes) {
        gather(handle, offset, run.rows, file.rowBytes, file.rowBytes, data, blocks * size);
      } else if (blocks === fileBlocks) {
        gather(handle, offset, run.rows * blocks, size, bytes, data, size);
      } else {
        throw new DeadliftError("Internal", `${file.quant} has blocks that do not fill rows`);
      }
      this.#write(part, part.planes[p]! * 16 + run.row * blocks * size, data);
    });
  }

  #sendWidened(_matrix: Matrix, part: MatrixPart, run: Run, file: Shape): void {
    const { columns } = _matrix;
    const data = new Float32Array(run.rows * Math.ceil(columns / 32) * 32);
    const padded = data.length / run.rows;
    const { decode } = codecOf(file.quant, run.tensor.name);
    const { block } = quantOf(file.quant);
    const row = new Float32Array(Math.ceil(columns / block) * block);
    for (let r = 0; r < run.rows; r++) {
      const bytes = run.tensor.file.bytes(run.tensor.offset + (run.from + r) * file.rowBytes, file.rowBytes);
      decode(bytes, row);
      data.set(row.subarray(0, columns), r * padded);
    }
    this.#write(part, part.planes[0] * 16 + run.row * padded * 4, new Uint8Array(data.buffer));
  }

  /** Sizes must be multiples of four: only the last rows of a plane may have others, and what follows them is filling. */
  #write(part: MatrixPart, at: number, data: Uint8Array<ArrayBuffer>): void {
    const rest = data.length % 4;
    const whole = rest === 0 ? data : new Uint8Array(Buffer.concat([data, new Uint8Array(4 - rest)]));
    this.#device.device.queue.writeBuffer(part.buffer, at, whole);
  }

  async #pace(bytes: number): Promise<void> {
    this.#told(bytes);
    this.#inFlight += bytes;
    if (this.#inFlight < chunksInFlight * chunkBytes) return;
    this.#inFlight = 0;
    await this.finish();
  }
}

/** So many rows that every plane ends at a whole word: planes have an even number of bytes for each block at least. */
function evenRows(step: number, _quant: QuantName): number {
  return Math.max(4, step - (step % 4));
}

/** Values of a small weight, decoded. */
export function plainValues(tensors: readonly Tensor[], count: number): Float32Array {
  const values = new Float32Array(count);
  const each = count / tensors.length;
  tensors.forEach(({ quant, name, file, offset, byteLength }, i) => {
    const { block } = quantOf(quant);
    const whole = new Float32Array(Math.ceil(each / block) * block);
    codecOf(quant, name).decode(file.bytes(offset, byteLength), whole);
    values.set(whole.subarray(0, each), i * each);
  });
  return values;
}
