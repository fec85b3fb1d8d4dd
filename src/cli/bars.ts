// Progress bars of a download at a terminal: one for all of it, below it one for each file on its way (eight at most).

import { MultiBar, type SingleBar } from "cli-progress";
import { type BarFacts, barLayout, barLine } from "./bar_line.js";
import { errorColors } from "./output.js";
import { cells } from "./width.js";

/** What the bars show; asked for before each frame. */
export interface BarState {
  readonly total: BarFacts;
  readonly files: readonly BarFacts[];
}

const MAX_FILES = 8;
const FRAMES = 10; // per second

export class Bars implements Disposable {
  readonly #bars: MultiBar;
  readonly #lines: SingleBar[] = [];
  readonly #stop = () => this.stop();
  #running = true;
  /** Of all names so far, so that columns stay where they are. */
  #longest = 0;

  constructor(private readonly state: () => BarState) {
    this.#bars = new MultiBar({
      stream: process.stderr,
      fps: FRAMES,
      format: (_, __, { text }: { text: string }) => text,
      clearOnComplete: true,
      hideCursor: true,
      linewrap: false,
      forceRedraw: true, // what else came onto the screen, `^C` for one, is drawn over
      gracefulExit: false, // interruption.ts ends the command
    });
    this.#addLine();
    this.#bars.on("update-pre", () => this.#draw());
    process.on("exit", this.#stop); // a second Ctrl-C leaves at once, and the cursor must come back
  }

  /** Takes them off the screen. */
  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    process.off("exit", this.#stop);
    this.#bars.stop();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  #addLine(): void {
    this.#lines.push(this.#bars.create(1, 0, { text: "" }));
  }

  #draw(): void {
    const { columns = 80, rows = 24 } = process.stderr;
    const { total, files } = this.state();
    const shown = files.slice(0, Math.max(0, Math.min(MAX_FILES, rows - 3)));
    while (this.#lines.length <= shown.length) this.#addLine();
    const facts = [total, ...shown.map((file) => ({ ...file, name: `  ${file.name}` }))];
    this.#longest = Math.max(this.#longest, ...facts.map(({ name, count = "" }) => cells(name + count)));
    const layout = barLayout(columns - 1, this.#longest);
    this.#lines.forEach((line, i) => {
      const fact = facts[i];
      const text = fact ? barLine(fact, layout) : "";
      line.update({ text: i === 0 ? errorColors.bold(text) : text });
    });
  }
}
