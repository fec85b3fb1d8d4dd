// What people see of a conversion on standard error: a bar with the time left at a terminal, a line now and then elsewhere.

import type { ConversionProgress } from "../index.js";
import { Bars } from "./bars.js";
import { bytes, bytesOf, clock, notice } from "./output.js";
import { Rate } from "./rate.js";

const LINE_INTERVAL = 10_000; // ms

/** `name`: what is being written. `quiet`: nothing but bars, for those who read JSON and expect nothing beside it. */
export class ConversionDisplay {
  readonly #rate = new Rate();
  #progress: ConversionProgress = { stage: "quantize", bytes: 0, totalBytes: 0 };
  #bars: Bars | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly name: string,
    readonly quiet: boolean,
  ) {}

  show(progress: ConversionProgress): void {
    this.#progress = progress;
    this.#rate.add(progress.bytes, performance.now());
    if (this.#bars || this.#timer) return;
    if (process.stderr.isTTY && process.env.TERM !== "dumb") {
      this.#bars = new Bars(() => ({ total: this.#facts(), files: [] }));
    } else if (!this.quiet) {
      this.#timer = setInterval(() => this.#sayState(), LINE_INTERVAL).unref();
    }
  }

  /** Takes it off the screen. */
  stop(): void {
    this.#bars?.stop();
    clearInterval(this.#timer);
  }

  #facts() {
    const { bytes: done, totalBytes: total } = this.#progress;
    return { name: this.name, done, total, bytesPerSecond: this.#rate.perSecond(performance.now()) };
  }

  /** "model-Q4_K_M.gguf: 240/812 MB (29 %), 61.5 MB/s, 0:09 left". */
  #sayState(): void {
    const { done, total, bytesPerSecond } = this.#facts();
    const share = total > 0 ? Math.floor((100 * done) / total) : 100;
    const facts = [`${bytesOf(done, total)} (${share} %)`];
    if (bytesPerSecond > 0) {
      facts.push(`${bytes(Math.round(bytesPerSecond))}/s`, `${clock((1000 * (total - done)) / bytesPerSecond)} left`);
    }
    notice(`${this.name}: ${facts.join(", ")}`);
  }
}
