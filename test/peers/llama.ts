// llama.cpp for suites: a model opened by it answers questions until the process ends.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, inject, it } from "vitest";
import type {} from "./setup.js";

const { folder, missing } = inject("llama");

/** A suite that needs llama.cpp; skipped, with the reason in its title, where it could not be installed. */
export function describeLlama(title: string, suite: () => void): void {
  if (missing === undefined) describe(title, suite);
  else describe.skip(`${title} (skipped: ${missing})`, () => it("needs llama.cpp", () => {}));
}

export class Llama implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  #said = "";

  constructor(file: string) {
    this.#child = spawn(process.execPath, [join(import.meta.dirname, "llama_process.mjs"), folder!, file]);
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
    });
    this.#child.stdin.on("error", () => {}); // it has died, which the missing answer tells
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The `count` ids that follow a prompt, the most probable each time. */
  async greedy(prompt: ArrayLike<number>, count: number): Promise<number[]> {
    const { ids } = await this.#ask<{ ids: number[] }>({ greedy: { prompt: Array.from(prompt), count } });
    return ids;
  }

  /** Over windows as llama.cpp's tool cuts them: mean negative log-likelihood, and of how many tokens. */
  perplexity(tokens: ArrayLike<number>, window: number): Promise<{ nll: number; tokens: number }> {
    return this.#ask({ perplexity: { tokens: Array.from(tokens), window } });
  }

  async #ask<T>(question: object): Promise<T> {
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`llama.cpp ended without an answer:\n${this.#said}`);
    return JSON.parse(value) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin.end();
    await ended;
  }
}
