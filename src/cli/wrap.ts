// Breaks streamed text between words at the edge of the terminal, which by itself would break inside them.

import { cells, WIDE } from "./width.js";

/** A word is held back until its end is seen, but not longer than this. */
const MAX_HELD = 24;

export class Wrap {
  #column = 0;
  #held = "";

  constructor(private readonly columns: () => number) {}

  /** What of the text can be shown now, with line breaks put in. */
  push(text: string): string {
    const parts = (this.#held + text).split(/(\s)/);
    this.#held = parts.pop() ?? "";
    const shown = parts.map((part) => this.#place(part)).join("");
    return this.#held.length > MAX_HELD || WIDE.test(this.#held) ? shown + this.flush() : shown;
  }

  /** The word that was held back. */
  flush(): string {
    const word = this.#held;
    this.#held = "";
    return this.#place(word);
  }

  #place(part: string): string {
    const edge = this.columns() - 1;
    if (part === "\n") {
      this.#column = 0;
      return part;
    }
    if (/^\s/.test(part)) {
      if (this.#column >= edge) return ""; // the break takes its place
      this.#column += part === "\t" ? 8 - (this.#column % 8) : 1;
      return part;
    }
    const width = cells(part);
    const fits = this.#column + width <= edge || this.#column === 0;
    this.#column = ((fits ? this.#column : 0) + width) % (edge + 1);
    return fits ? part : `\n${part}`;
  }
}
