// A question that is answered with yes or no at the terminal.

import { createInterface } from "node:readline/promises";
import { UsageError } from "./failure.js";
import { interruption } from "./interruption.js";

/** @throws UsageError where nobody can be asked */
export function checkCanConfirm(): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return;
  throw new UsageError("this has to be confirmed, and there is no terminal to ask at", "Give --yes to do it anyway.");
}

/** False unless the answer is "y" or "yes": Enter and Ctrl-D mean no. */
export async function confirm(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const closed = new Promise<string>((done) => lines.once("close", () => done("")));
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `, { signal: interruption }), closed]);
    return /^\s*y(es)?\s*$/i.test(answer);
  } finally {
    lines.close();
  }
}
