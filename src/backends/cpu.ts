// The CPU backend: hands a program to the native engine once, then makes one native call per step.

import { engineOptions, type ThreadOptions, told } from "../engine.js";
import {
  type EngineHandle,
  type ExecutableHandle,
  type NativeBatch,
  type NativeProgram,
  type NativeWeight,
  native,
} from "../native.js";
import type { MadeWeight, RoundedWeight } from "../packed.js";
import type { Program, Weight } from "../program/ops.js";
import { place } from "../program/place.js";
import { repack } from "../repack.js";
import type { Tensor } from "../tensor.js";
import type { Backend, Batch, CompileOptions, Executable, OutputResult } from "./backend.js";

export interface CpuOptions extends ThreadOptions {
  /** Instruction set: "scalar", "avx2", "avx512", ...; default: DEADLIFT_ISA, else the best of this machine. */
  readonly isa?: string | undefined;
}

/** An engine thread and its pool. Throws InvalidArgument for an instruction set this machine lacks. */
export class CpuBackend implements Backend {
  readonly name = "cpu";
  readonly threads: number;
  readonly isa: string;
  readonly #engine: EngineHandle;

  constructor(options: CpuOptions = {}) {
    const given = engineOptions(options);
    this.threads = given.threads;
    this.isa = given.isa;
    this.#engine = native().engineCreate(given);
  }

  async compile(
    program: Program,
    weights: readonly (Tensor | readonly Tensor[])[],
    options: CompileOptions,
  ): Promise<Executable> {
    const { precision = "exact", readAhead = false, states = 0, texts = false } = options;
    const given = { ...options, precision, readAhead, states, texts };
    const handle = await told(native().engineCompile(this.#engine, nativeProgram(program, weights), given));
    return new CpuExecutable(handle, options, program.buffers[program.output]!.width);
  }

  /** A weight that a checkpoint holds otherwise in memory, as its `quant`. Throws OutOfMemory, Internal. */
  repack(weight: MadeWeight<Tensor> | RoundedWeight<Tensor>): Promise<Tensor> {
    return repack(this.#engine, weight);
  }

  /** Streaming read speed of the machine right now, with this backend's threads: GB/s (10^9 bytes). */
  bandwidth(bytes = 1 << 30): Promise<number> {
    return native().engineBandwidth(this.#engine, bytes);
  }

  /** The most that this instruction set multiplies and adds right now, in f32 with this backend's threads: TFLOP/s. */
  peak(): Promise<number> {
    return native().enginePeak(this.#engine);
  }

  dispose(): Promise<void> {
    return native().engineClose(this.#engine);
  }
}

class CpuExecutable implements Executable {
  constructor(
    readonly handle: ExecutableHandle,
    readonly options: CompileOptions,
    readonly vocab: number,
  ) {}

  async run(batch: Batch): Promise<OutputResult[]> {
    const flat = flatten(batch, this.vocab);
    const { sampled, scores } = await told(native().engineRun(this.handle, flat));
    return sampled.map((one, i) => ({
      sampled: one ?? undefined,
      logits: flat.logits[i] ?? undefined,
      score: scores[i] ?? undefined,
    }));
  }

  copyPage(from: number, to: number): Promise<void> {
    return native().engineCopyPage(this.handle, from, to);
  }

  dispose(): Promise<void> {
    return native().executableClose(this.handle);
  }
}

function nativeProgram(program: Program, weights: readonly (Tensor | readonly Tensor[])[]): NativeProgram {
  const { slots, slotOf } = place(program);
  return {
    ops: program.ops,
    buffers: program.buffers.map((buffer, id) => ({ ...buffer, slot: slotOf[id]! })),
    slots,
    weights: weights.map((weight, i) => nativeWeight(weight, program.weights[i]!)),
    ropes: program.ropes,
    distances: program.distances,
    layers: program.layers,
    states: program.states,
    output: program.output,
  };
}

function nativeWeight(weight: Tensor | readonly Tensor[], { shape }: Weight): NativeWeight {
  const tensors = [weight].flat() as readonly Tensor[];
  const isVector = shape.length === 1;
  return {
    parts: tensors.map(({ file, offset, byteLength }) => ({ file: file.handle, offset, byteLength })),
    quant: tensors[0]!.quant,
    // Of all matrices of a stack; a vector is one row, or as many as it has parts.
    rows: shape.slice(0, -1).reduce((product, size) => product * size, isVector ? tensors.length : 1),
    columns: isVector ? shape[0]! / tensors.length : shape.at(-1)!,
  };
}

function flatten(batch: Batch, vocab: number): NativeBatch {
  const spanPageStart = new Int32Array(batch.spans.length + 1);
  batch.spans.forEach((span, i) => {
    spanPageStart[i + 1] = spanPageStart[i]! + span.pages.length;
  });
  const spanPages = new Int32Array(spanPageStart.at(-1)!);
  batch.spans.forEach((span, i) => {
    spanPages.set(span.pages, spanPageStart[i]!);
  });
  return {
    tokens: batch.tokens,
    segments: batch.segments ?? new Int32Array(0),
    spanCount: Int32Array.from(batch.spans, (span) => span.count),
    spanPosition: Int32Array.from(batch.spans, (span) => span.position),
    spanPageStart,
    spanPages,
    spanStateFrom: Int32Array.from(batch.spans, ({ state }) => state?.from ?? -1),
    spanStateTo: Int32Array.from(batch.spans, ({ state }) => state?.to ?? -1),
    outputs: Int32Array.from(batch.outputs, (output) => output.token),
    samplers: batch.outputs.map((output) => output.sampler ?? null),
    guesses: Int32Array.from(batch.outputs, (output) => Number(output.guess ?? false)),
    logits: batch.outputs.map((output) => (output.logits ? new Float32Array(vocab) : null)),
    targets: Int32Array.from(batch.outputs, (output) => output.target ?? -1),
    bases: batch.outputs.map((output) => output.base ?? null),
  };
}
