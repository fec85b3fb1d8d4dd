// The spinner on standard error that people see while something takes its time; nothing at all when it is no terminal.

import { errorColors } from "./output.js";

const FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const INTERVAL = 80; // ms
/** Nothing flashes up for what is done at once. */
const PATIENCE = 250; // ms

export class Progress {
  #text: string;
  #shown = false;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(text: string) {
    this.#text = text;
    if (process.stderr.isTTY && process.env.TERM !== "dumb") this.#timer = setInterval(() => this.#draw(), INTERVAL);
    this.#timer?.unref();
  }

  update(text: string): void {
    this.#text = text;
    this.#draw();
  }

  /** Takes it off the screen. */
  stop(): void {
    clearInterval(this.#timer);
    if (this.#shown) process.stderr.write("\r\x1b[K");
    this.#shown = false;
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  #draw(): void {
    const elapsed = performance.now() - this.#startedAt;
    if (!this.#timer || elapsed < PATIENCE) return;
    this.#shown = true;
    const frame = FRAMES[Math.floor(elapsed / INTERVAL) % FRAMES.length]!;
    const seconds = elapsed >= 1000 ? errorColors.dim(` ${(elapsed / 1000).toFixed(0)} s`) : "";
    const text = this.#text.slice(0, Math.max(10, (process.stderr.columns || 80) - 12));
    process.stderr.write(`\r${errorColors.cyan(frame)} ${text}${seconds}\x1b[K`);
  }
}
