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
  #bars: MultiBar | undefined;
  #lines: SingleBar[] = [];
  /** Of all names so far, so that columns stay where they are. */
  #longest = 0;
  readonly #clear = () => this.#close();
  readonly #suspend = () => {
    this.#close();
    process.kill(process.pid, "SIGSTOP");
  };
  readonly #resume = () => this.#open();

  constructor(private readonly state: () => BarState) {
    process.on("exit", this.#clear); // a second Ctrl-C leaves at once, and the cursor must come back
    process.on("SIGTSTP", this.#suspend); // so must it for the shell after Ctrl-Z
    process.on("SIGCONT", this.#resume);
    this.#open();
  }

  /** Takes them off the screen. */
  stop(): void {
    process.off("exit", this.#clear);
    process.off("SIGTSTP", this.#suspend);
    process.off("SIGCONT", this.#resume);
    this.#close();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  #open(): void {
    if (this.#bars) return;
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
    this.#bars.on("update-pre", () => this.#draw());
    this.#lines = [this.#bars.create(1, 0, { text: "" })];
  }

  #close(): void {
    this.#bars?.stop();
    this.#bars = undefined;
  }

  #draw(): void {
    const { columns, rows } = process.stderr;
    const { total, files } = this.state();
    const shown = files.slice(0, Math.max(0, Math.min(MAX_FILES, (rows || 24) - 3)));
    while (this.#lines.length <= shown.length) this.#lines.push(this.#bars!.create(1, 0, { text: "" }));
    const facts = [total, ...shown.map((file) => ({ ...file, name: `  ${file.name}` }))];
    this.#longest = Math.max(this.#longest, ...facts.map(({ name, count = "" }) => cells(name + count)));
    const layout = barLayout((columns || 80) - 1, this.#longest);
    this.#lines.forEach((line, i) => {
      const fact = facts[i];
      const text = fact ? barLine(fact, layout) : "";
      line.update({ text: i === 0 ? errorColors.bold(text) : text });
    });
  }
}
