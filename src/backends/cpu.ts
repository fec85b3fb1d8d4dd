// The CPU backend: hands a program to the native engine once, then makes one native call per step.

import { chooseIsa, told } from "../engine.js";
import {
  type EngineHandle,
  type ExecutableHandle,
  type MappedFile,
  type NativeBatch,
  type NativePart,
  type NativeProgram,
  type NativeWeight,
  native,
} from "../native.js";
import type { PackedWeight } from "../packed.js";
import type { Program } from "../program/ops.js";
import { place } from "../program/place.js";
import type { Tensor } from "../tensor.js";
import type { Backend, Batch, CompileOptions, Executable, OutputResult } from "./backend.js";

export interface CpuOptions {
  /** Threads that compute; default: the cores this process may use. */
  readonly threads?: number | undefined;
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
    const info = native().cpuInfo();
    this.threads = options.threads ?? info.cores;
    this.isa = chooseIsa(options.isa, info.isas);
    this.#engine = native().engineCreate({ threads: this.threads, isa: this.isa });
  }

  async compile(program: Program, weights: readonly Tensor[], options: CompileOptions): Promise<Executable> {
    const handle = await told(native().engineCompile(this.#engine, nativeProgram(program, weights), options));
    return new CpuExecutable(handle, options, program.buffers[program.output]!.width);
  }

  /** Writes a weight of a quantised checkpoint into `memory`, as its `quant`. Throws OutOfMemory, Internal. */
  async repack(weight: PackedWeight<Tensor>, memory: MappedFile): Promise<void> {
    const { codes, levels, scales, zeros, zero, zeroAdd, group, groups, quant, shape, byteLength } = weight;
    const nested = scales.nested && { ...scales.nested, blocks: nativePart(scales.nested.blocks) };
    const [rows, columns] = shape as [number, number];
    const job = {
      codes: { ...codes, part: nativePart(codes.part) },
      scales: { ...scales, part: nativePart(scales.part), nested },
      zeros: zeros && { ...zeros, part: nativePart(zeros.part) },
      out: { file: memory.handle, offset: 0, byteLength },
      to: quant,
    };
    await told(native().engineRepack(this.#engine, { ...job, levels, zero, zeroAdd, group, groups, rows, columns }));
  }

  /** Streaming read speed of the machine right now, with this backend's threads: GB/s (10^9 bytes). */
  bandwidth(bytes = 1 << 30): Promise<number> {
    return native().engineBandwidth(this.#engine, bytes);
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

function nativeProgram(program: Program, weights: readonly Tensor[]): NativeProgram {
  const { slots, slotOf } = place(program);
  return {
    ops: program.ops,
    buffers: program.buffers.map((buffer, id) => ({ ...buffer, slot: slotOf[id]! })),
    slots,
    weights: weights.map(nativeWeight),
    ropes: program.ropes,
    layers: program.layers,
    output: program.output,
  };
}

function nativePart({ file, offset, byteLength }: Tensor): NativePart {
  return { file: file.handle, offset, byteLength };
}

function nativeWeight({ file, offset, byteLength, quant, shape }: Tensor): NativeWeight {
  const columns = shape.at(-1)!;
  const rows = shape.length === 1 ? 1 : shape[0]!;
  return { file: file.handle, offset, byteLength, quant, rows, columns };
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
    spanCount: Int32Array.from(batch.spans, (span) => span.count),
    spanPosition: Int32Array.from(batch.spans, (span) => span.position),
    spanPageStart,
    spanPages,
    outputs: Int32Array.from(batch.outputs, (output) => output.token),
    samplers: batch.outputs.map((output) => output.sampler ?? null),
    guesses: Int32Array.from(batch.outputs, (output) => Number(output.guess ?? false)),
    logits: batch.outputs.map((output) => (output.logits ? new Float32Array(vocab) : null)),
    targets: Int32Array.from(batch.outputs, (output) => output.target ?? -1),
    bases: batch.outputs.map((output) => output.base ?? null),
  };
}
