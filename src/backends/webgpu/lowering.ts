// From ops to dispatches: what each op's file in lower/ is given to say which kernels it means.

import type { BufferId, Program, RopeId, WeightId } from "../../program/ops.js";
import type { StateId } from "../../program/recurrent_ops.js";
import type { CompileOptions } from "../backend.js";
import type { Bound } from "./buffers.js";
import type { Device } from "./device.js";
import type { Kernel, Kernels, Parts } from "./kernels.js";
import type { StepSize } from "./step.js";
import type { Matrix } from "./weights.js";

export type Grid = readonly [x: number, y: number, z: number];
export type ParamValue = number | readonly [number, number, number, number];

/** One dispatch of a step, in terms of names: of `struct Params` and of bindings. */
export interface Emission {
  readonly kernel: string;
  readonly parts?: Parts;
  readonly params?: Readonly<Record<string, ParamValue>>;
  readonly bind: Readonly<Record<string, Bound>>;
  /** Workgroups; undefined: not in this step. */
  readonly grid: (size: StepSize) => Grid | undefined;
}

export interface Dispatch extends Omit<Emission, "kernel" | "parts"> {
  readonly kernel: Kernel;
}

/** Stands for a weight or a bias that there is none of. */
export const NONE = 0xffff_ffff;

/** Places of what a program reads and writes; the executable makes it. */
export interface Places {
  slot(id: BufferId): Bound;
  matrix(id: WeightId): Matrix;
  /** Where the values of a small weight begin in `vectors`. */
  vector(id: WeightId): number;
  /** Other numbers for `vectors`; the same array lies there once. */
  numbers(values: ArrayLike<number>): number;
  readonly vectors: Bound;
  /** Cosines and sines: (positions, pairs) of two floats. */
  rope(id: RopeId): Bound;
  /** Keys and values of a layer: attention.ts knows how they lie. */
  kv(layer: number): Bound;
  /** (slots, values) floats. */
  state(id: StateId): Bound;
  /** Rows that nobody keeps: of one name there is one, wide enough for all who ask. */
  scratch(name: string, width: number, rows: "tokens" | "outputs"): Bound;
  /** Of a fixed size, kept: what is computed once from weights. */
  constant(name: string, bytes: number): Bound;
  /** Bound where a kernel has no use for it. */
  readonly nothing: Bound;
}

export class Lowering {
  readonly emitted: { readonly emission: Emission; readonly kernel: Promise<Kernel> }[] = [];
  /** Run once, before the first step. */
  readonly once: { readonly emission: Emission; readonly kernel: Promise<Kernel> }[] = [];

  constructor(
    readonly program: Program,
    readonly options: CompileOptions,
    readonly device: Device,
    readonly kernels: Kernels,
    readonly places: Places,
  ) {}

  emit(emission: Emission): void {
    this.emitted.push({ emission, kernel: this.kernels.get(emission.kernel, emission.parts) });
  }

  /** What depends on weights only: its step has no tokens. */
  emitOnce(emission: Emission): void {
    this.once.push({ emission, kernel: this.kernels.get(emission.kernel, emission.parts) });
  }

  width(id: BufferId): number {
    return this.program.buffers[id]!.width;
  }

  /** As kernels say it: 0, as many rows as tokens; 1, as outputs. */
  rowsOf(id: BufferId): 0 | 1 {
    return this.program.buffers[id]!.rows === "tokens" ? 0 : 1;
  }

  rowCount(id: BufferId, size: StepSize): number {
    return this.program.buffers[id]!.rows === "tokens" ? size.tokens : size.outputs;
  }

  slot(id: BufferId): Bound {
    return this.places.slot(id);
  }

  /** Where an optional small weight begins. */
  vector(id: WeightId | undefined): number {
    return id === undefined ? NONE : this.places.vector(id);
  }

  /** A thread for each float of each row of a buffer, those that fill it up included. */
  perValue(id: BufferId, threads = 64): (size: StepSize) => Grid {
    const across = Math.ceil(stride(this.width(id)) / threads);
    return (size) => [across, this.rowCount(id, size), 1];
  }

  /** A workgroup for each of `groups` of each row. */
  perGroup(id: BufferId, groups = 1): (size: StepSize) => Grid {
    return (size) => [groups, this.rowCount(id, size), 1];
  }
}

/** Floats from one row of activations to the next (kernels/webgpu/lib/rows.wgsl). */
export function stride(width: number): number {
  return Math.ceil(width / 32) * 32;
}
