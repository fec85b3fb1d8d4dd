// Memory of the device: buffers that have their size, and buffers that grow.

import { DeadliftError } from "../../error.js";
import type { Device } from "./device.js";

/** What a kernel reads or writes; growing may put another buffer in its place. */
export interface Bound {
  readonly buffer: GPUBuffer;
}

// GPUBufferUsage, which only exists where Dawn is loaded.
const storage = 0x80 | 0x04 | 0x08; // STORAGE | COPY_SRC | COPY_DST
const uniform = 0x40 | 0x08;
const readable = 0x01 | 0x08; // MAP_READ | COPY_DST

export type Use = "storage" | "uniform" | "readable";
const usages: Readonly<Record<Use, number>> = { storage, uniform, readable };

/** All memory that somebody has taken from a device, given back together. */
export class Memory {
  readonly #device: Device;
  readonly #buffers = new Set<GPUBuffer>();
  #bytes = 0;

  constructor(device: Device) {
    this.#device = device;
  }

  /** A zeroed buffer of at least `bytes`. Whether there is room for it is known where `checked` ends. */
  take(label: string, bytes: number, use: Use = "storage"): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    const buffer = this.#device.device.createBuffer({ label, size, usage: usages[use] });
    this.#buffers.add(buffer);
    this.#bytes += size;
    return buffer;
  }

  /** As `take`, with what `checked` throws: then nothing has been taken. */
  async takeChecked(what: string, label: string, bytes: number, use?: Use): Promise<GPUBuffer> {
    let taken: GPUBuffer | undefined;
    try {
      return await this.checked(what, () => {
        taken = this.take(label, bytes, use);
        return taken;
      });
    } catch (error) {
      if (taken) this.give(taken);
      throw error;
    }
  }

  give(buffer: GPUBuffer): void {
    if (!this.#buffers.delete(buffer)) return;
    this.#bytes -= buffer.size;
    buffer.destroy();
  }

  giveAll(): void {
    for (const buffer of [...this.#buffers]) this.give(buffer);
  }

  /** What says that there is no room. */
  full(what: string, wanted: number, inUse = this.#bytes): DeadliftError {
    return new DeadliftError(
      "OutOfMemory",
      `${this.#device.facts.name} has no room for ${what}: ${megabytes(wanted)} MB wanted beside ` +
        `${megabytes(inUse)} MB in use; choose a smaller quant or contextSize, or device "cpu"`,
    );
  }

  /** Runs `work`, which takes memory. Throws OutOfMemory with the numbers, Internal, DeviceLost. */
  async checked<T>(what: string, work: () => T | Promise<T>): Promise<T> {
    const { device } = this.#device;
    const before = this.#bytes;
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    let result: T;
    let [full, wrong]: (GPUError | null)[] = [null, null];
    try {
      result = await work();
    } finally {
      [full, wrong] = await Promise.all([device.popErrorScope(), device.popErrorScope()]).catch(() => [null, null]);
    }
    this.#device.check();
    if (full) throw this.full(what, this.#bytes - before, before);
    if (wrong) throw new DeadliftError("Internal", `${what}: ${wrong.message}`);
    return result;
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

const what = "a longer step or context";

/** A buffer of rows that has room for as many as were ever wanted, and is bound by what it is at the time. */
export class Growing implements Bound {
  #buffer: GPUBuffer;
  #rows: number;

  /** `keep`: what is in it stays when it grows. */
  constructor(
    readonly memory: Memory,
    readonly device: Device,
    readonly label: string,
    readonly rowBytes: number,
    rows: number,
    readonly keep = false,
  ) {
    this.#rows = rows;
    this.#buffer = memory.take(label, rows * rowBytes);
  }

  get buffer(): GPUBuffer {
    return this.#buffer;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Makes room for `rows`, at least doubling up to `most`. Throws OutOfMemory ...: then all is as it was. */
  async grow(rows: number, most = Number.POSITIVE_INFINITY): Promise<void> {
    const bindable = Math.floor(this.device.maxBinding / this.rowBytes);
    const doubled = Math.max(rows, Math.min(most, bindable, this.#rows * 2));
    if (rows > bindable) throw this.memory.full(this.label, rows * this.rowBytes);
    const take = (wanted: number) => this.memory.takeChecked(what, this.label, wanted * this.rowBytes);
    let wanted = doubled;
    const larger = await take(doubled).catch((error) => {
      if (doubled === rows || error.code !== "OutOfMemory") throw error;
      wanted = rows;
      return take(rows);
    });
    const old = this.#buffer;
    if (this.keep) {
      const encoder = this.device.device.createCommandEncoder();
      encoder.copyBufferToBuffer(old, 0, larger, 0, Math.min(old.size, larger.size));
      this.device.device.queue.submit([encoder.finish()]);
    }
    this.#rows = wanted;
    this.#buffer = larger;
    this.memory.give(old);
  }
}
