// What comes after a step's last kernel: rows of logits come back, and ids are sampled.

import { native } from "../../native.js";
import type { Batch, OutputResult } from "../backend.js";
import type { Memory } from "./buffers.js";
import type { Device } from "./device.js";
import { type Lowering, stride } from "./lowering.js";

export class Sampling {
  readonly #lowering: Lowering;
  readonly #width: number;
  readonly #back: ReadBack;

  constructor(device: Device, memory: Memory, lowering: Lowering, width: number) {
    this.#lowering = lowering;
    this.#width = width;
    this.#back = new ReadBack(device, memory);
  }

  async finish(encoder: GPUCommandEncoder, { tokens, outputs }: Batch): Promise<OutputResult[]> {
    const rowBytes = 4 * stride(this.#width);
    const { buffer } = this.#lowering.slot(this.#lowering.program.output);
    const data = new Float32Array(await this.#back.read(encoder, buffer, outputs.length * rowBytes));
    let last: number | undefined;
    return outputs.map(({ token, sampler, guess, logits, target, base }, i) => {
      const at = (i * rowBytes) / 4;
      const row = data.subarray(at, at + this.#width);
      // After a wrong guess there is no id that the next one could agree with, either.
      const wanted = sampler && !(guess && last !== tokens[token]);
      const sampled = wanted ? native().samplerSample(sampler, row) : undefined;
      last = sampled?.id;
      return {
        sampled,
        logits: logits ? row.slice() : undefined,
        score: target === undefined || target < 0 ? undefined : native().scoreRow(row, target, base ?? null),
      };
    });
  }
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

  /** Ends the encoder with a copy, submits, and waits. */
  async read(encoder: GPUCommandEncoder, from: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const { queue } = this.#device.device;
    if (bytes === 0) {
      queue.submit([encoder.finish()]);
      await queue.onSubmittedWorkDone();
      this.#device.check();
      return new ArrayBuffer(0);
    }
    if (!this.#buffer || this.#buffer.size < bytes) {
      if (this.#buffer) this.#memory.give(this.#buffer);
      this.#buffer = this.#memory.take("read back", bytes, "readable");
    }
    encoder.copyBufferToBuffer(from, 0, this.#buffer, 0, bytes);
    queue.submit([encoder.finish()]);
    await this.#buffer.mapAsync(1, 0, bytes);
    const copy = this.#buffer.getMappedRange(0, bytes).slice(0);
    this.#buffer.unmap();
    return copy;
  }
}
