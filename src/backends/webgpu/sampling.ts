// What comes after a step's last kernel: ids are sampled, from the largest logits of a row where these are enough, and what
// else is wanted of the rows comes back.

import { native, type Sampled } from "../../native.js";
import type { Batch, Output, OutputResult } from "../backend.js";
import type { Bound, Memory } from "./buffers.js";
import type { Device } from "./device.js";
import { type Lowering, stride } from "./lowering.js";

/** A row of which only the largest logits come back, as kernels/webgpu/top_k.wgsl writes them. */
interface Top {
  /** How many must be among them. */
  readonly wanted: number;
  readonly room: number;
  /** The first of its words in the results. */
  readonly at: number;
}

/** Logits of which a row's largest are enough: what samplerNeeds says at most. */
const mostWanted = 1024;
/** More than wanted come where some are equal, or stand in one column: rarely as many again. */
const roomFor = (wanted: number) => 2 * wanted + 64;
const mostRoom = roomFor(mostWanted);
/** More of them are more to choose from, fewer are more to read beside what is looked for. */
const leastColumns = 4096;
const mostLines = 32;

export class Sampling {
  readonly #device: Device;
  readonly #width: number;
  readonly #logits: Bound;
  /** undefined for texts: nobody samples from them, and their outputs may be very many. */
  readonly #results: Bound | undefined;
  readonly #back: ReadBack;
  /** Of the step that is planned: by output; undefined: its row comes back, or nothing. */
  #tops: readonly (Top | undefined)[] = [];
  #topCount = 0;

  constructor(device: Device, memory: Memory, lowering: Lowering, width: number) {
    this.#device = device;
    this.#width = width;
    this.#logits = lowering.slot(lowering.program.output);
    this.#back = new ReadBack(device, memory);
    if (!lowering.options.texts) this.#results = this.#emit(lowering);
  }

  #emit(lowering: Lowering): Bound {
    const results = lowering.places.scratch("top_k results", wordsOf(Math.min(mostRoom, this.#width)), "outputs");
    const width = this.#width;
    const columns = Math.min(width, Math.max(leastColumns, Math.ceil(width / mostLines)));
    const maxima = lowering.places.scratch("top_k maxima", columns, "outputs");
    lowering.emit({
      kernel: "column_max",
      params: { width, columns },
      bind: { x: this.#logits, out: maxima },
      grid: () => (this.#topCount > 0 ? [Math.ceil(columns / 64), this.#topCount, 1] : undefined),
    });
    lowering.emit({
      kernel: "top_k",
      params: { width, columns },
      bind: { x: this.#logits, maxima, out: results },
      grid: () => (this.#topCount > 0 ? [this.#topCount, 1, 1] : undefined),
    });
    return results;
  }

  /** Decides how the next step is answered; what its kernels have to know of it (step.ts). */
  plan({ outputs }: Batch): number[] {
    const words: number[] = [];
    let at = 0;
    let ahead = 0;
    this.#tops = outputs.map((output, i) => {
      ahead = output.guess ? ahead + 1 : 0;
      const reduced = this.#results && output.sampler && !wantsRow(output);
      const wanted = reduced ? native().samplerNeeds(output.sampler!, ahead) : 0;
      if (wanted === 0) return undefined;
      const top = { wanted, room: Math.min(roomFor(wanted), this.#width), at };
      words.push(i, wanted, top.room, at);
      at += wordsOf(top.room);
      return top;
    });
    this.#topCount = words.length / 4;
    return words;
  }

  /** Submits what `encoder` has; answers the step that was planned. */
  async finish(encoder: GPUCommandEncoder, { tokens, outputs }: Batch): Promise<OutputResult[]> {
    const parts = outputs.map((output, i) => this.#partFor(output, i));
    const read = await this.#back.read(
      encoder,
      parts.filter((part) => part !== undefined),
    );
    const results: OutputResult[] = [];
    let last: number | undefined;
    for (const [i, { token, sampler, guess, logits, target, base }] of outputs.entries()) {
      const data = parts[i] && read.shift()!;
      // After a wrong guess there is no id that the next one could agree with, either.
      const wanted = sampler && !(guess && last !== tokens[token]);
      const sampled = wanted ? await this.#sample(i, sampler, data!) : undefined;
      last = sampled?.id;
      results.push({
        sampled,
        logits: logits ? data!.slice() : undefined,
        score: target === undefined || target < 0 ? undefined : native().scoreRow(data!, target, base ?? null),
      });
    }
    return results;
  }

  async #sample(output: number, sampler: NonNullable<Output["sampler"]>, data: Float32Array): Promise<Sampled> {
    const top = this.#tops[output];
    if (!top) return native().samplerSample(sampler, data);
    const [count] = new Uint32Array(data.buffer, data.byteOffset, 1);
    const needs = native().samplerNeeds(sampler, 0);
    if (count! <= top.room && needs > 0 && needs <= top.wanted) {
      const ids = new Int32Array(data.buffer, data.byteOffset + 4, count!);
      return native().samplerSampleTop(sampler, ids, data.subarray(1 + top.room, 1 + top.room + count!));
    }
    // Too many equal logits, or an output before this one has sampled with the same sampler and was no guess.
    const [row] = await this.#back.read(this.#device.device.createCommandEncoder(), [this.#rowPart(output)]);
    return native().samplerSample(sampler, row!);
  }

  /** What has to come back for an output. */
  #partFor(output: Output, i: number): Part | undefined {
    const top = this.#tops[i];
    if (top) return { from: this.#results!.buffer, at: 4 * top.at, bytes: 4 * wordsOf(top.room) };
    return output.sampler || wantsRow(output) ? this.#rowPart(i) : undefined;
  }

  #rowPart(output: number): Part {
    return { from: this.#logits.buffer, at: 4 * stride(this.#width) * output, bytes: 4 * this.#width };
  }
}

/** Whatever its sampler needs. */
function wantsRow({ logits, target }: Output): boolean {
  return logits === true || (target !== undefined && target >= 0);
}

function wordsOf(room: number): number {
  return 1 + 2 * room;
}

/** Bytes that are wanted from a buffer of the device. */
interface Part {
  readonly from: GPUBuffer;
  readonly at: number;
  readonly bytes: number;
}

/** Brings bytes back from the device. */
class ReadBack {
  readonly #device: Device;
  readonly #memory: Memory;
  #buffer: GPUBuffer | undefined;

  constructor(device: Device, memory: Memory) {
    this.#device = device;
    this.#memory = memory;
  }

  /** Ends the encoder with copies, submits, and waits. */
  async read(encoder: GPUCommandEncoder, parts: readonly Part[]): Promise<Float32Array[]> {
    const { queue } = this.#device.device;
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    if (bytes === 0) {
      queue.submit([encoder.finish()]);
      await queue.onSubmittedWorkDone();
      this.#device.check();
      return [];
    }
    const to = await this.#roomFor(bytes);
    let end = 0;
    const ends = parts.map((part) => {
      encoder.copyBufferToBuffer(part.from, part.at, to, end, part.bytes);
      end += part.bytes;
      return end;
    });
    queue.submit([encoder.finish()]);
    await to.mapAsync(1, 0, bytes);
    const copy = to.getMappedRange(0, bytes).slice(0);
    to.unmap();
    this.#device.check();
    return parts.map((part, i) => new Float32Array(copy, ends[i]! - part.bytes, part.bytes / 4));
  }

  async #roomFor(bytes: number): Promise<GPUBuffer> {
    if (this.#buffer && this.#buffer.size >= bytes) return this.#buffer;
    if (this.#buffer) this.#memory.give(this.#buffer);
    this.#buffer = undefined;
    this.#buffer = await this.#memory.takeChecked("a step's results", "read back", bytes, "readable");
    return this.#buffer;
  }
}
