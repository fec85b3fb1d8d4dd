// The GPU backend as the rest of deadlift sees it: every call goes to the thread that has the device.

import { Worker } from "node:worker_threads";
import { DeadliftError, type ErrorCode } from "../../error.js";
import { native } from "../../native.js";
import type { Program } from "../../program/ops.js";
import { packageRoot } from "../../root.js";
import type { Tensor } from "../../tensor.js";
import type { Backend, Batch, CompileOptions, Executable, OutputResult } from "../backend.js";
import type { AdapterFacts, DeviceOptions } from "./device.js";
import type { Abort, Answer, Call, Calls, Question, SentBatch, SentFile, SentTensor } from "./messages.js";

/** Compiled: a thread takes no TypeScript. */
const threadProgram = `${packageRoot}dist/backends/webgpu/thread.js`;

/** A step may take its time, and ends before the device does. */
const closeMs = 60_000;

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
  readonly uploaded: ((bytes: number) => void) | undefined;
}

/** A device of its own, in a thread of its own: when it is lost, other models go on. */
export class WebGpuBackend implements Backend {
  readonly name = "webgpu";
  readonly threads = 1;
  readonly facts: AdapterFacts;
  readonly #thread: DeviceThread;

  private constructor(thread: DeviceThread, facts: AdapterFacts) {
    this.#thread = thread;
    this.facts = facts;
  }

  /** `program`: what the thread runs (tests). Throws GpuUnavailable. */
  static async open(options: DeviceOptions = {}, program = threadProgram): Promise<WebGpuBackend> {
    const thread = new DeviceThread(program);
    try {
      return new WebGpuBackend(thread, await thread.ask("open", options));
    } catch (error) {
      await thread.close();
      throw error;
    }
  }

  get isa(): string {
    return this.facts.name;
  }

  /** Streaming read of the device right now: GB/s (10^9 bytes). */
  async bandwidth(): Promise<number> {
    return (await this.#thread.ask("measure", undefined)).bandwidthGbs;
  }

  /** Multiply-adds of the device in f32 right now: TFLOP/s. */
  async peak(): Promise<number> {
    return (await this.#thread.ask("measure", undefined)).tflops;
  }

  /** The files of weights may be closed when it resolves. Throws OutOfMemory, Aborted, DeviceLost, Internal. */
  async compile(
    program: Program,
    weights: readonly (Tensor | readonly Tensor[])[],
    options: CompileOptions,
  ): Promise<Executable> {
    const { onUpload, signal, ...rest } = options;
    const asking = { program, ...sentWeights(weights), options: rest };
    const { executable, options: fitted } = await this.#thread.ask("compile", asking, onUpload, signal);
    return new RemoteExecutable(this.#thread, executable, fitted);
  }

  dispose(): Promise<void> {
    return this.#thread.close();
  }
}

class RemoteExecutable implements Executable {
  constructor(
    readonly thread: DeviceThread,
    readonly number: number,
    public options: CompileOptions,
  ) {}

  async run(batch: Batch): Promise<OutputResult[]> {
    return [...(await this.#fitted(this.thread.ask("run", { executable: this.number, batch: sentBatch(batch) })))];
  }

  copyPage(from: number, to: number): Promise<void> {
    return this.#fitted(this.thread.ask("copyPage", { executable: this.number, from, to }));
  }

  /** Where there was no room, there may be fewer pages than there seemed to be. */
  async #fitted<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if ((error as DeadliftError).code === "OutOfMemory") {
        this.options = await this.thread.ask("options", { executable: this.number });
      }
      throw error;
    }
  }

  dispose(): Promise<void> {
    return this.thread.ask("dispose", { executable: this.number }).catch((error) => {
      // With the device its memory is gone, too.
      if (error.code !== "DeviceLost") throw error;
    });
  }
}

class DeviceThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #ended: DeadliftError | undefined;
  #closing: Promise<void> | undefined;

  constructor(program: string) {
    this.#worker = new Worker(program, { execArgv: [] });
    this.#worker.unref();
    this.#worker.on("message", (answer: Answer) => this.#answered(answer));
    this.#worker.on("error", (error) => this.#fail(error.message));
    this.#worker.on("exit", () => this.#fail("its thread has ended"));
  }

  ask<C extends Call>(
    call: C,
    ask: Calls[C]["ask"],
    uploaded?: (bytes: number) => void,
    signal?: AbortSignal,
  ): Promise<Calls[C]["answer"]> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#next++;
    const abort = () => this.#worker.postMessage({ abort: id } as Abort);
    const answer = new Promise<Calls[C]["answer"]>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, uploaded });
      // The process lives while somebody waits, and no longer.
      if (this.#waiting.size === 1) this.#worker.ref();
      this.#worker.postMessage({ id, call, ask } as Question);
      if (signal?.aborted) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    });
    return answer.finally(() => signal?.removeEventListener("abort", abort));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const exit = new Promise<void>((resolve) => {
      if (this.#ended) resolve();
      else this.#worker.once("exit", () => resolve());
    });
    // A driver that hangs answers nobody.
    const limit = setTimeout(() => this.#worker.terminate(), closeMs);
    await this.ask("close", undefined).catch(() => {});
    this.#worker.ref();
    await exit;
    clearTimeout(limit);
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (!waiting) return;
    if ("uploaded" in answer) {
      this.#uploaded(answer, waiting);
      return;
    }
    this.#forget(answer.id);
    if ("answer" in answer) waiting.resolve(answer.answer as never);
    else waiting.reject(new DeadliftError(answer.error.code as ErrorCode, answer.error.message));
  }

  /** What a listener throws ends the work it listens to. */
  #uploaded({ id, uploaded }: { readonly id: number; readonly uploaded: number }, waiting: Waiting): void {
    try {
      waiting.uploaded?.(uploaded);
    } catch (error) {
      this.#worker.postMessage({ abort: id } as Abort);
      this.#forget(id);
      waiting.reject(error);
    }
  }

  #forget(id: number): void {
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
  }

  #fail(why: string): void {
    this.#ended ??= new DeadliftError("DeviceLost", `the GPU cannot be used any more: ${why}; load the model again`);
    for (const [id, { reject }] of this.#waiting) {
      this.#forget(id);
      reject(this.#ended);
    }
  }
}

function sentWeights(weights: readonly (Tensor | readonly Tensor[])[]): {
  files: SentFile[];
  weights: SentTensor[][];
} {
  const files: SentFile[] = [];
  const places = new Map<Tensor["file"], number>();
  const placeOf = (file: Tensor["file"]) => {
    let place = places.get(file);
    if (place === undefined) {
      place = files.push({ path: file.path, ticket: native().fileShare(file.handle) }) - 1;
      places.set(file, place);
    }
    return place;
  };
  const sent = weights.map((weight) =>
    ([weight].flat() as readonly Tensor[]).map(({ name, quant, shape, file, offset, byteLength }) => ({
      name,
      quant,
      shape,
      file: placeOf(file),
      offset,
      byteLength,
    })),
  );
  return { files, weights: sent };
}

function sentBatch({ tokens, segments, spans, outputs }: Batch): SentBatch {
  return {
    tokens,
    segments,
    spans,
    outputs: outputs.map(({ token, sampler, guess, logits, target, base }) => ({
      token,
      sampler: sampler && native().samplerShare(sampler),
      guess,
      logits,
      target,
      base,
    })),
  };
}
