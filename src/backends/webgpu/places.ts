// Where everything of a program lies on the device: slots of activations, weights, KV pages, states, tables.

import { DeadliftError } from "../../error.js";
import type { BufferId, Program, RopeId, WeightId } from "../../program/ops.js";
import { place } from "../../program/place.js";
import type { StateId } from "../../program/recurrent_ops.js";
import type { Tensor } from "../../tensor.js";
import type { Batch, CompileOptions } from "../backend.js";
import { type Bound, Growing, type Memory } from "./buffers.js";
import type { Device } from "./device.js";
import { gridWords } from "./grids.js";
import { joinsLast } from "./lower/index.js";
import { kvShape } from "./lower/kv.js";
import { type Places, stride } from "./lowering.js";
import { ropeValues } from "./rope_table.js";
import type { StepSize } from "./step.js";
import { type Matrix, placeMatrix, plainValues } from "./weights.js";

export type Weights = readonly (Tensor | readonly Tensor[])[];

/** Rows that buffers have room for at first; longer steps and contexts make them larger. */
const firstRows = 32;
const firstPages = 4;
const firstStates = 2;
const firstPositions = 256;
const firstWords = 1024;

type Rows = "tokens" | "outputs";

interface RowBuffer {
  readonly buffer: Growing;
  readonly rows: Rows;
}

/** A buffer, the rows it is to have, and the most it may ever have. */
type Lack = readonly [buffer: Growing, rows: number, most: number];

export class ProgramPlaces implements Places {
  readonly nothing: Bound;
  readonly step: Growing;
  /** Weights that have been given places, and where they come from. */
  readonly matrices: { readonly matrix: Matrix; readonly tensors: readonly Tensor[] }[] = [];
  readonly #device: Device;
  readonly #memory: Memory;
  readonly #program: Program;
  readonly #weights: Weights;
  readonly #options: CompileOptions;
  readonly #slotOf: readonly number[];
  readonly #slots: readonly RowBuffer[];
  readonly #scratch = new Map<string, { width: number; rows: Rows; made: RowBuffer | undefined }>();
  readonly #matrixOf = new Map<WeightId, Matrix>();
  readonly #vectorOf = new Map<WeightId, number>();
  readonly #numbersAt = new WeakMap<ArrayLike<number>, number>();
  readonly #vectorValues: ArrayLike<number>[] = [];
  #vectorCount = 0;
  #vectors: GPUBuffer | undefined;
  readonly #ropes: readonly Growing[];
  readonly #kv: readonly Growing[];
  readonly #states: readonly Growing[];
  readonly #constants = new Map<string, Bound>();
  #pages: number;
  #grids: GPUBuffer | undefined;
  #page: GPUBuffer | undefined;

  constructor(device: Device, memory: Memory, program: Program, weights: Weights, options: CompileOptions) {
    this.#device = device;
    this.#memory = memory;
    this.#program = program;
    this.#weights = weights;
    this.#options = options;
    this.#pages = options.pages;
    const growing = (label: string, rowBytes: number, rows: number, keep = false) =>
      new Growing(memory, device, label, rowBytes, rows, keep);
    const { slots, slotOf } = place(program, (index) => joinsLast(program, index));
    this.#slotOf = slotOf;
    this.#slots = slots.map(({ width, rows }, i) => ({
      rows,
      buffer: growing(`slot ${i}`, 4 * stride(width), this.#firstRows(rows)),
    }));
    this.#ropes = program.ropes.map(({ frequencies }, i) => growing(`rope ${i}`, 8 * frequencies.length, 0));
    this.#kv = program.layers.map((layer, i) => {
      const { pageWords } = kvShape(layer, options);
      return growing(`kv ${i}`, 4 * pageWords, Math.min(options.pages, firstPages), true);
    });
    this.#states = program.states.map(({ values }, i) =>
      growing(`state ${i}`, 4 * values, Math.min(options.states ?? 0, firstStates), true),
    );
    this.nothing = { buffer: memory.take("nothing", 16) };
    this.step = growing("step", 4, firstWords);
  }

  slot(id: BufferId): Bound {
    return this.#slots[this.#slotOf[id]!]!.buffer;
  }

  matrix(id: WeightId): Matrix {
    const known = this.#matrixOf.get(id);
    if (known) return known;
    const { name, shape } = this.#program.weights[id]!;
    const tensors = this.#tensors(id);
    const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const columns = shape.at(-1)!;
    // A tied output is the same tensor under two names.
    const same = this.matrices.find(({ matrix, tensors: others }) => {
      return matrix.rows === rows && matrix.columns === columns && areSame(tensors, others);
    });
    const matrix = same?.matrix ?? placeMatrix(this.#device, this.#memory, name, tensors[0]!.quant, rows, columns);
    this.#matrixOf.set(id, matrix);
    if (!same) this.matrices.push({ matrix, tensors });
    return matrix;
  }

  vector(id: WeightId): number {
    const known = this.#vectorOf.get(id);
    if (known !== undefined) return known;
    const count = this.#program.weights[id]!.shape.reduce((product, size) => product * size, 1);
    const at = this.numbers(plainValues(this.#tensors(id), count));
    this.#vectorOf.set(id, at);
    return at;
  }

  numbers(values: ArrayLike<number>): number {
    const known = this.#numbersAt.get(values);
    if (known !== undefined) return known;
    const at = this.#vectorCount;
    this.#numbersAt.set(values, at);
    this.#vectorValues.push(values);
    this.#vectorCount += values.length;
    return at;
  }

  get vectors(): Bound {
    if (!this.#vectors) throw new DeadliftError("Internal", "vectors are bound before they are sent");
    return { buffer: this.#vectors };
  }

  sendVectors(): void {
    const all = new Float32Array(Math.max(4, this.#vectorCount));
    let at = 0;
    for (const values of this.#vectorValues) {
      all.set(values, at);
      at += values.length;
    }
    this.#vectorValues.length = 0;
    this.#vectors = this.#memory.take("vectors", all.byteLength);
    this.#device.device.queue.writeBuffer(this.#vectors, 0, all);
  }

  rope(id: RopeId): Bound {
    return this.#ropes[id]!;
  }

  kv(layer: number): Bound {
    return this.#kv[layer]!;
  }

  state(id: StateId): Bound {
    return this.#states[id]!;
  }

  scratch(name: string, width: number, rows: Rows): Bound {
    const key = `${name} ${rows}`;
    const one = this.#scratch.get(key) ?? { width: 0, rows, made: undefined };
    if (one.made) throw new DeadliftError("Internal", `scratch ${name} is asked for after it was made`);
    one.width = Math.max(one.width, stride(width));
    this.#scratch.set(key, one);
    return {
      get buffer() {
        return one.made!.buffer.buffer;
      },
    };
  }

  constant(name: string, bytes: number): Bound {
    const known = this.#constants.get(name) ?? { buffer: this.#memory.take(name, bytes) };
    this.#constants.set(name, known);
    return known;
  }

  /** What kernels bind by names of their own, whoever emits them. */
  shared(name: string): Bound | undefined {
    if (name === "step") return this.step;
    if (name === "vectors") return this.vectors;
    if (name === "grids") return { buffer: this.#gridBuffer() };
    return undefined;
  }

  #gridBuffer(): GPUBuffer {
    if (!this.#grids) {
      const words = gridWords();
      this.#grids = this.#memory.take("grids", words.byteLength);
      this.#device.device.queue.writeBuffer(this.#grids, 0, words);
    }
    return this.#grids;
  }

  /** What a step of so many words needs more room in than there is. */
  lacking(batch: Batch, size: StepSize, words: number): Lack[] {
    const { maxTokens, maxOutputs } = this.#options;
    const ofRows = { tokens: [size.tokens, maxTokens], outputs: [size.outputs, maxOutputs] } as const;
    const wanted: Lack[] = this.#rowBuffers().map(({ buffer, rows }) => [buffer, ...ofRows[rows]]);
    wanted.push([this.step, words, Number.POSITIVE_INFINITY]);
    const positions = Math.max(size.context, firstPositions);
    wanted.push(...this.#ropes.map((one): Lack => [one, positions, Number.POSITIVE_INFINITY]));
    const slots = 1 + Math.max(-1, ...batch.spans.map(({ state }) => state?.to ?? -1));
    wanted.push(...this.#states.map((one): Lack => [one, slots, this.#options.states ?? 0]));
    const pages = 1 + Math.max(-1, ...batch.spans.map((span) => largest(span.pages)));
    return [...wanted, ...this.#pagesLacking(pages)].filter(([buffer, rows]) => rows > buffer.rows);
  }

  /** As many as were asked for, until there was no room for more in some layer. */
  get pages(): number {
    return this.#pages;
  }

  lackingPages(pages: number): Lack[] {
    return this.#pagesLacking(pages).filter(([buffer, rows]) => rows > buffer.rows);
  }

  /** Puts larger buffers in the place of these: who has bound them must do it again. Throws OutOfMemory: after some of them. */
  async makeRoom(lacking: readonly Lack[]): Promise<void> {
    for (const [buffer, rows, most] of lacking) {
      await this.#grow(buffer, rows, most);
      const rope = this.#ropes.indexOf(buffer);
      if (rope < 0) continue;
      this.#device.device.queue.writeBuffer(buffer.buffer, 0, ropeValues(this.#program.ropes[rope]!, buffer.rows));
    }
  }

  async #grow(buffer: Growing, rows: number, most: number): Promise<void> {
    try {
      await buffer.grow(rows, most);
    } catch (error) {
      if (this.#kv.includes(buffer)) this.#pages = Math.min(...this.#kv.map((one) => one.rows));
      throw error;
    }
  }

  #pagesLacking(pages: number): Lack[] {
    return this.#kv.map((one): Lack => [one, pages, this.#options.pages]);
  }

  /** All layers, through a page of its own: no buffer is copied into itself. */
  copyPage(encoder: GPUCommandEncoder, from: number, to: number): void {
    const largestPage = Math.max(0, ...this.#kv.map(({ rowBytes }) => rowBytes));
    this.#page ??= this.#memory.take("page", largestPage);
    for (const { buffer, rowBytes } of this.#kv) {
      encoder.copyBufferToBuffer(buffer, from * rowBytes, this.#page, 0, rowBytes);
      encoder.copyBufferToBuffer(this.#page, 0, buffer, to * rowBytes, rowBytes);
    }
  }

  /** After all have asked for what they want. */
  makeScratch(): void {
    for (const [name, one] of this.#scratch) {
      one.made ??= {
        rows: one.rows,
        buffer: new Growing(this.#memory, this.#device, name, 4 * one.width, this.#firstRows(one.rows)),
      };
    }
  }

  #rowBuffers(): readonly RowBuffer[] {
    return [...this.#slots, ...[...this.#scratch.values()].map(({ made }) => made!)];
  }

  #firstRows(rows: Rows): number {
    return Math.min(firstRows, rows === "tokens" ? this.#options.maxTokens : this.#options.maxOutputs);
  }

  #tensors(id: WeightId): readonly Tensor[] {
    return [this.#weights[id]!].flat() as readonly Tensor[];
  }
}

function areSame(some: readonly Tensor[], others: readonly Tensor[]): boolean {
  if (some.length !== others.length) return false;
  return some.every(({ file, offset, quant }, i) => {
    const other = others[i]!;
    return file === other.file && offset === other.offset && quant === other.quant;
  });
}

function largest(values: ArrayLike<number>): number {
  let most = -1;
  for (let i = 0; i < values.length; i++) most = Math.max(most, values[i]!);
  return most;
}
