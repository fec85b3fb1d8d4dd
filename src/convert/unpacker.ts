// Packed weights as tensors while their rows are encoded: in memory one at a time, each from its first rows to its last.

import type { MadeWeight } from "../packed.js";
import type { Repacker } from "../repack.js";
import type { Tensor } from "../tensor.js";

/** A weight that is unpacked, or will be when the one before it is done with. */
interface Unpacked {
  readonly weight: MadeWeight<Tensor>;
  readonly tensor: Promise<Tensor>;
  /** Rows that nobody has asked for, and rows that somebody still reads or will. */
  unasked: number;
  unread: number;
  end(): void;
}

export class Unpacker {
  #last: Unpacked | undefined;
  /** Resolves when the memory of all weights so far is given back. */
  #free: Promise<void> = Promise.resolve();

  constructor(readonly repacker: Repacker) {}

  /**
   * Runs `work`, which reads the next `rows` rows of a weight. Rows are asked for weight after weight, and may be before
   * the work on earlier ones has ended. Throws what the repacker throws.
   */
  async use<T>(weight: MadeWeight<Tensor>, rows: number, work: (tensor: Tensor) => Promise<T>): Promise<T> {
    const goesOn = this.#last?.weight === weight && this.#last.unasked > 0;
    const one = goesOn ? this.#last! : this.#begin(weight);
    one.unasked -= rows;
    try {
      return await work(await one.tensor);
    } finally {
      one.unread -= rows;
      if (one.unread === 0) one.end();
    }
  }

  /** Gives back the memory of a weight whose last rows nobody will ask for; no work may go on. */
  async close(): Promise<void> {
    this.#last?.end();
    await this.#free;
  }

  #begin(weight: MadeWeight<Tensor>): Unpacked {
    const tensor = this.#free.then(() => this.repacker.repack(weight));
    const rows = weight.shape.slice(0, -1).reduce((product, size) => product * size, 1);
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#free = ended.then(async () => (await tensor).file.close()).catch(() => {}); // `use` has thrown it
    this.#last = { weight, tensor, unasked: rows, unread: rows, end };
    return this.#last;
  }
}
