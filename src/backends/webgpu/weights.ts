// Weights on the device: how a matrix is cut into buffers that may be bound, and its way there in chunks.

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
  const perPart = Math.max(1, Math.min(rows, Math.floor((device.maxPart - 64) / (sum(bytesOf(1024)) / 1024))));
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

/** Neighbouring rows of a weight that are sent together. */
interface Chunk {
  readonly matrix: Matrix;
  readonly part: MatrixPart;
  /** Of the whole weight. */
  readonly firstRow: number;
  readonly rows: number;
  readonly tensors: readonly Tensor[];
  readonly file: Shape;
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

  /** Throws DeviceLost, and what `told` throws. */
  async send(matrix: Matrix, tensors: readonly Tensor[]): Promise<void> {
    const file = shapeOf(tensors[0]!.quant, matrix.columns);
    for (const part of matrix.parts) {
      const step = rowsAtOnce(file.rowBytes);
      for (let row = 0; row < part.rows; row += step) {
        const rows = Math.min(step, part.rows - row);
        const chunk = { matrix, part, firstRow: part.firstRow + row, rows, tensors, file };
        if (layouts[file.quant]) this.#sendPlanes(chunk);
        else this.#sendWidened(chunk);
        await this.#pace(rows * file.rowBytes);
      }
    }
  }

  /** Resolves when the device has everything. */
  async finish(): Promise<void> {
    this.#device.device.queue.submit([]);
    await this.#device.device.queue.onSubmittedWorkDone();
    this.#device.check();
  }

  #sendPlanes(chunk: Chunk): void {
    const { matrix, part, file } = chunk;
    const { block, bytes } = quantOf(file.quant);
    const blocks = file.paddedColumns / block;
    matrix.layout.planes.forEach(([from, to], p) => {
      const size = to - from;
      const data = new Uint8Array(align4(chunk.rows * blocks * size));
      eachRun(chunk, ({ tensor, offset, rows, at }) => {
        const out = data.subarray(at * blocks * size);
        const { handle } = tensor.file;
        // Only types of one value have rows to be filled up, and those have one plane.
        if (size === bytes) {
          native().fileGather(handle, offset, rows, file.rowBytes, file.rowBytes, out, blocks * size);
        } else {
          native().fileGather(handle, offset + from, rows * blocks, size, bytes, out, size);
        }
      });
      const start = part.planes[p]! * 16 + (chunk.firstRow - part.firstRow) * blocks * size;
      this.#device.device.queue.writeBuffer(part.buffer, start, data);
    });
  }

  #sendWidened(chunk: Chunk): void {
    const { columns } = chunk.matrix;
    const padded = chunk.file.paddedColumns;
    const data = new Float32Array(chunk.rows * padded);
    eachRun(chunk, ({ tensor, offset, rows, at }) => {
      const { decode } = codecOf(tensor.quant, tensor.name);
      for (let r = 0; r < rows; r++) {
        const start = (at + r) * padded;
        const bytes = tensor.file.bytes(offset + r * chunk.file.rowBytes, chunk.file.rowBytes);
        decode(bytes, data.subarray(start, start + columns));
      }
    });
    const start = chunk.part.planes[0] * 16 + (chunk.firstRow - chunk.part.firstRow) * padded * 4;
    this.#device.device.queue.writeBuffer(chunk.part.buffer, start, data);
  }

  async #pace(bytes: number): Promise<void> {
    this.#told(bytes);
    this.#inFlight += bytes;
    if (this.#inFlight < chunksInFlight * chunkBytes) return;
    this.#inFlight = 0;
    await this.finish();
  }
}

interface Run {
  readonly tensor: Tensor;
  /** In its file. */
  readonly offset: number;
  readonly rows: number;
  /** Its first row, of the chunk. */
  readonly at: number;
}

/** The chunk's rows, tensor by tensor: matrices of a stack may lie apart. */
function eachRun({ matrix, tensors, firstRow, rows, file }: Chunk, visit: (run: Run) => void): void {
  const perTensor = matrix.rows / tensors.length;
  for (let row = firstRow; row < firstRow + rows; ) {
    const tensor = tensors[Math.floor(row / perTensor)]!;
    const inTensor = row % perTensor;
    const count = Math.min(firstRow + rows - row, perTensor - inTensor);
    visit({ tensor, offset: tensor.offset + inTensor * file.rowBytes, rows: count, at: row - firstRow });
    row += count;
  }
}

/** A multiple of four: then every chunk of every plane begins at a whole word. */
function rowsAtOnce(rowBytes: number): number {
  return Math.max(4, Math.floor(chunkBytes / rowBytes / 4) * 4);
}

const align4 = (bytes: number) => Math.ceil(bytes / 4) * 4;

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
