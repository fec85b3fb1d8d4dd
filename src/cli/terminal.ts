// A line editor that stays out of the way while an answer is printed: history, continued lines, Ctrl-C and Ctrl-D.

import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import { readHistory, remember } from "./history.js";
import { colors } from "./output.js";

const PROMPT = colors.bold(colors.cyan("› "));
const CONTINUED = colors.dim("… ");
const MAX_HISTORY = 1000;

export class Terminal implements Disposable {
  /** Called when Ctrl-C or Ctrl-D should stop the running answer. */
  onStop: () => void = () => {};
  readonly #lines: Interface;
  readonly #screen: Screen;
  readonly #typed: string[] = []; // lines entered while an answer was printed
  #entered: ((line: string | undefined) => void) | undefined;
  #pending = ""; // earlier lines of a message that goes on
  #armed = false; // the next Ctrl-C at an empty prompt leaves
  #closed = false;

  constructor(interruption: AbortSignal) {
    this.#screen = new Screen(process.stdout.isTTY ? process.stdout : process.stderr);
    this.#lines = createInterface({
      input: process.stdin,
      output: this.#screen,
      terminal: true,
      history: readHistory(MAX_HISTORY),
      historySize: MAX_HISTORY,
      removeHistoryDuplicates: true,
    });
    this.#lines.on("line", (line) => this.#onLine(line));
    this.#lines.on("SIGINT", () => this.#onControlC());
    this.#lines.on("close", () => this.#onClose());
    interruption.addEventListener("abort", () => this.#lines.close(), { once: true });
  }

  /** The next message; undefined when its writer leaves. */
  async read(): Promise<string | undefined> {
    for (;;) {
      const line = await this.#readLine();
      if (line === undefined) return undefined;
      if (line !== "") remember(line);
      if (!line.endsWith("\\")) {
        const text = this.#pending + line;
        this.#pending = "";
        return text;
      }
      this.#pending += `${line.slice(0, -1)}\n`;
    }
  }

  [Symbol.dispose](): void {
    this.#lines.close();
    process.stdin.unref();
  }

  #readLine(): Promise<string | undefined> {
    this.onStop = () => {};
    if (this.#closed) return Promise.resolve(undefined);
    this.#screen.muted = false;
    this.#lines.setPrompt(this.#pending ? CONTINUED : PROMPT);
    const typed = this.#typed.shift();
    if (typed !== undefined) {
      this.#screen.write(`${this.#lines.getPrompt()}${typed}\n`);
      this.#screen.muted = true;
      return Promise.resolve(typed);
    }
    this.#lines.prompt(true); // keeps what was typed ahead
    return new Promise((resolve) => {
      this.#entered = resolve;
    });
  }

  #onLine(line: string): void {
    this.#armed = false;
    if (this.#entered) this.#enter(line);
    else this.#typed.push(line);
  }

  #enter(line: string | undefined): void {
    const entered = this.#entered;
    this.#entered = undefined;
    this.#screen.muted = true;
    entered?.(line);
  }

  #onControlC(): void {
    if (!this.#entered) {
      this.#typed.length = 0;
      if (this.#armed) this.#closed = true; // it takes its time to stop, and this is the second time
      this.#armed = true;
      this.onStop();
    } else if (this.#lines.line !== "" || this.#pending !== "") {
      this.#armed = false;
      this.#pending = "";
      this.#clearLine();
    } else if (this.#armed) {
      this.#screen.write("\n");
      this.#enter(undefined);
    } else {
      this.#armed = true;
      this.#screen.write(`\n${colors.dim("To leave, press Ctrl-C again or Ctrl-D, or type /exit.")}\n`);
      this.#lines.prompt();
    }
  }

  #clearLine(): void {
    this.#screen.write("^C\n");
    this.#screen.muted = true;
    this.#lines.write(null, { ctrl: true, name: "e" });
    this.#lines.write(null, { ctrl: true, name: "u" });
    this.#screen.muted = false;
    this.#lines.setPrompt(PROMPT);
    this.#lines.prompt();
  }

  #onClose(): void {
    this.#closed = true;
    if (this.#entered) this.#screen.write("\n");
    else this.onStop();
    this.#enter(undefined);
  }
}

/** The terminal, as the line editor sees it: silent while an answer is printed. */
class Screen extends Writable {
  muted = true;
  readonly #target: NodeJS.WriteStream;

  constructor(target: NodeJS.WriteStream) {
    super({ decodeStrings: false });
    this.#target = target;
    target.on("resize", () => this.emit("resize"));
  }

  get columns(): number {
    return this.#target.columns || 80;
  }

  override _write(chunk: string | Buffer, _: BufferEncoding, done: () => void): void {
    if (!this.muted) this.#target.write(chunk);
    done();
  }
}
