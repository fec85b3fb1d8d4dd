// A program on the device: its dispatches, its memory, and one step of it.

import { DeadliftError } from "../../error.js";
import type { Program } from "../../program/ops.js";
import type { Batch, CompileOptions, Executable, OutputResult } from "../backend.js";
import { Memory } from "./buffers.js";
import type { Device } from "./device.js";
import { fitOptions } from "./fit.js";
import type { Kernel, Kernels } from "./kernels.js";
import { lower } from "./lower/index.js";
import { type Emission, Lowering } from "./lowering.js";
import { packParams } from "./params.js";
import { ProgramPlaces, type Weights } from "./places.js";
import { type KernelTime, profile } from "./profile.js";
import { Sampling } from "./sampling.js";
import { type StepSize, stepSize, stepWords } from "./step.js";
import { Uploader } from "./weights.js";

/** Systems take a GPU for hung that has not ended what it was given at once for seconds: of steps of more tokens that is cut. */
const tokensAtOnce = 64;
const dispatchesAtOnce = 32;

interface Prepared {
  readonly kernel: Kernel;
  readonly emission: Emission;
  readonly params: GPUBufferBinding;
  group: GPUBindGroup | undefined;
}

export class GpuExecutable implements Executable {
  options: CompileOptions;
  readonly #device: Device;
  readonly #memory: Memory;
  readonly #program: Program;
  readonly #places: ProgramPlaces;
  #prepared: Prepared[] = [];
  #sampling: Sampling | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #disposed = false;

  private constructor(device: Device, memory: Memory, program: Program, weights: Weights, options: CompileOptions) {
    this.#device = device;
    this.#memory = memory;
    this.#program = program;
    this.options = fitOptions(program, options, device);
    this.#places = new ProgramPlaces(device, this.#memory, program, weights, this.options);
  }

  /**
   * Takes memory, sends the weights and makes the pipelines. `told`: bytes of weights that have been sent, as they are.
   * Throws OutOfMemory, ContextOverflow, DeviceLost, Internal; what `told` throws.
   */
  static async make(
    device: Device,
    kernels: Kernels,
    program: Program,
    weights: Weights,
    options: CompileOptions,
    told?: (bytes: number) => void,
  ): Promise<GpuExecutable> {
    const memory = new Memory(device);
    const create = () => new GpuExecutable(device, memory, program, weights, options);
    try {
      const made = await memory.checked("the model's buffers", create);
      await made.#prepare(kernels, told);
      return made;
    } catch (error) {
      memory.giveAll();
      await device.checkAfter(error);
      throw error;
    }
  }

  async #prepare(kernels: Kernels, told?: (bytes: number) => void): Promise<void> {
    const lowering = new Lowering(this.#program, this.options, this.#device, kernels, this.#places);
    const outputWidth = this.#program.buffers[this.#program.output]!.width;
    const uploader = new Uploader(this.#device, told);
    await this.#memory.checked("the model's weights", async () => {
      lower(lowering);
      this.#sampling = new Sampling(this.#device, this.#memory, lowering, outputWidth);
      for (const { matrix, tensors } of this.#places.matrices) await uploader.send(matrix, tensors);
      this.#places.sendVectors();
      await uploader.finish();
    });
    await this.#memory.checked("the model's buffers", async () => {
      this.#places.makeScratch();
      const once = await this.#bindAll(lowering.once);
      this.#prepared = await this.#bindAll(lowering.emitted);
      this.#runOnce(once);
    });
  }

  async #bindAll(emitted: Lowering["emitted"]): Promise<Prepared[]> {
    const kernels = await Promise.all(emitted.map(({ kernel }) => kernel));
    const packed = emitted.map(({ emission }, i) => packParams(kernels[i]!, emission.params ?? {}));
    // Bindings of uniforms begin at multiples of 256.
    const sizes = packed.map((words) => Math.max(256, Math.ceil((words.length * 4) / 256) * 256));
    const total = sizes.reduce((a, b) => a + b, 0);
    const buffer = this.#memory.take("parameters", Math.max(256, total), "uniform");
    const all = new Uint32Array(total / 4);
    let at = 0;
    const prepared = emitted.map(({ emission }, i) => {
      all.set(packed[i]!, at / 4);
      const params = { buffer, offset: at, size: sizes[i]! };
      at += sizes[i]!;
      return { kernel: kernels[i]!, emission, params, group: undefined };
    });
    this.#device.device.queue.writeBuffer(buffer, 0, all);
    return prepared;
  }

  #runOnce(once: Prepared[]): void {
    if (once.length === 0) return;
    const size: StepSize = { tokens: 0, outputs: 0, spans: 0, longest: 0, shortest: 0, context: 0 };
    this.#device.device.queue.submit([this.#encode(once, size).finish()]);
  }

  /** The last dispatches of a step: of long ones the others are on their way. */
  #encode(prepared: readonly Prepared[], size: StepSize): GPUCommandEncoder {
    const { device } = this.#device;
    let encoder = device.createCommandEncoder();
    let pass = encoder.beginComputePass();
    let last: GPUComputePipeline | undefined;
    let count = 0;
    for (const one of prepared) {
      const grid = one.emission.grid(size);
      if (!grid || grid.includes(0)) continue;
      if (size.tokens > tokensAtOnce && ++count % dispatchesAtOnce === 0) {
        pass.end();
        device.queue.submit([encoder.finish()]);
        encoder = device.createCommandEncoder();
        pass = encoder.beginComputePass();
        last = undefined;
      }
      const { pipeline } = one.kernel;
      if (pipeline !== last) pass.setPipeline(pipeline);
      last = pipeline;
      one.group ??= this.#groupOf(one);
      pass.setBindGroup(0, one.group);
      pass.dispatchWorkgroups(...grid);
    }
    pass.end();
    return encoder;
  }

  /** Runs a step to see where its time goes; its results are not read. Throws as `run`, and GpuUnavailable. */
  profile(batch: Batch): Promise<KernelTime[]> {
    return this.#queued(async () => {
      const size = await this.#send(batch);
      const dispatches = this.#prepared.flatMap((one) => {
        const grid = one.emission.grid(size);
        if (!grid || grid.includes(0)) return [];
        one.group ??= this.#groupOf(one);
        return [{ name: one.kernel.name, pipeline: one.kernel.pipeline, group: one.group, grid }];
      });
      return profile(this.#device, dispatches);
    });
  }

  #groupOf({ kernel, emission, params }: Prepared): GPUBindGroup {
    const entries = kernel.bindings.map(({ name, binding }) => {
      if (name === "params") return { binding, resource: params };
      const resource = emission.bind[name] ?? this.#places.shared(name);
      if (!resource) throw new DeadliftError("Internal", `kernel ${kernel.name} is given nothing for ${name}`);
      return { binding, resource: { buffer: resource.buffer } };
    });
    return this.#device.device.createBindGroup({ label: kernel.name, layout: kernel.layout, entries });
  }

  /** One step at a time, in the order asked for. Throws DeviceLost, OutOfMemory, Internal. */
  run(batch: Batch): Promise<OutputResult[]> {
    return this.#queued(() => this.#step(batch));
  }

  async #step(batch: Batch): Promise<OutputResult[]> {
    const size = await this.#send(batch);
    const encoder = this.#encode(this.#prepared, size);
    return this.#sampling!.finish(encoder, batch);
  }

  /** What the step's kernels read of it, and room for what they write. */
  async #send(batch: Batch): Promise<StepSize> {
    const size = stepSize(batch);
    const words = stepWords(batch, this.#sampling!.plan(batch));
    await this.#makeRoom(this.#places.lacking(batch, size, words.length));
    this.#device.device.queue.writeBuffer(this.#places.step.buffer, 0, words);
    return size;
  }

  async #makeRoom(lacking: ReturnType<ProgramPlaces["lacking"]>): Promise<void> {
    if (lacking.length === 0) return;
    try {
      await this.#places.makeRoom(lacking);
    } catch (error) {
      this.options = { ...this.options, pages: this.#places.pages };
      throw error;
    } finally {
      for (const one of this.#prepared) one.group = undefined;
    }
  }

  /** Dispatches of a step that goes on with so many sequences, one token each. */
  dispatchesOf(sequences: number): number {
    const size = { tokens: sequences, outputs: sequences, spans: sequences, longest: 1, shortest: 1, context: 1 };
    return this.#prepared.filter(({ emission }) => emission.grid(size) !== undefined).length;
  }

  copyPage(from: number, to: number): Promise<void> {
    return this.#queued(async () => {
      await this.#makeRoom(this.#places.lackingPages(Math.max(from, to) + 1));
      await this.#memory.checked("the copy of a page", () => {
        const encoder = this.#device.device.createCommandEncoder();
        this.#places.copyPage(encoder, from, to);
        this.#device.device.queue.submit([encoder.finish()]);
      });
    });
  }

  dispose(): Promise<void> {
    return this.#queued(async () => {
      this.#disposed = true;
      this.#memory.giveAll();
    }, true);
  }

  #queued<T>(work: () => Promise<T>, last = false): Promise<T> {
    const run = async () => {
      if (this.#disposed) {
        if (last) return undefined as T;
        throw new DeadliftError("Disposed", "the model has been disposed");
      }
      if (!last) this.#device.check();
      try {
        return await work();
      } catch (error) {
        await this.#device.checkAfter(error);
        throw error;
      }
    };
    const result = this.#running.then(run, run);
    this.#running = result.catch(() => {});
    return result;
  }
}
