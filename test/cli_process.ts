// Runs the built command line as people and programs do: through pipes, and at a pseudo-terminal.

import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect } from "vitest";

export const root = resolve(import.meta.dirname, "..");
export const main = join(root, "dist/cli/main.js");
export const tiny = join(root, "models/tiny");
export const folder = mkdtempSync(join(tmpdir(), "deadlift-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const environment = { ...process.env, XDG_STATE_HOME: folder, NO_COLOR: undefined, FORCE_COLOR: undefined };

export interface Ended {
  status: number | null;
  out: string;
  err: string;
}

export function start(args: string[], env: object = {}): ChildProcess {
  return spawn(process.execPath, [main, ...args], { cwd: root, env: { ...environment, ...env } });
}

export function ended(child: ChildProcess): Promise<Ended> {
  let out = "";
  let err = "";
  child.stdout!.setEncoding("utf8").on("data", (text) => (out += text));
  child.stderr!.setEncoding("utf8").on("data", (text) => (err += text));
  return new Promise((done) => child.on("close", (status) => done({ status, out, err })));
}

export function deadlift(args: string[], input = "", env: object = {}): Promise<Ended> {
  const child = start(args, env);
  child.stdin!.on("error", () => {}).end(input);
  return ended(child);
}

/** The one document that a successful --json call prints. */
export async function json(args: string[], input = "") {
  const { status, out, err } = await deadlift([...args, "--json"], input);
  expect({ status, err }).toEqual({ status: 0, err: "" });
  return JSON.parse(out);
}

/** The embedded model without its chat template. */
export function bare(): string {
  const path = join(folder, "bare");
  if (existsSync(path)) return path;
  cpSync(tiny, path, { recursive: true });
  const file = join(path, "tokenizer_config.json");
  const { chat_template: _, ...config } = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(file, JSON.stringify(config));
  return path;
}

/** Somebody at a terminal, played through the pseudo-terminal of util-linux's `script`. */
export class Person {
  screen = "";
  readonly #child: ChildProcess;
  readonly #end: Promise<number | null>;

  constructor(command: string, env: object = {}) {
    this.#child = spawn("script", ["-qec", command, "/dev/null"], {
      cwd: root,
      env: { ...environment, TERM: "xterm", ...env },
    });
    this.#child.stdout!.setEncoding("utf8").on("data", (text) => (this.screen += text));
    this.#end = new Promise((done) => this.#child.on("close", done));
  }

  type(keys: string): void {
    this.#child.stdin!.write(keys);
  }

  /** Waits until the screen shows something new, and returns what came up to the end of it. */
  async sees(expected: RegExp): Promise<string> {
    for (let waited = 0; waited < 20_000; waited += 20) {
      const found = expected.exec(this.screen);
      if (found) {
        const seen = this.screen.slice(0, found.index + found[0].length);
        this.screen = this.screen.slice(seen.length);
        return seen;
      }
      if (this.#child.exitCode !== null) break;
      await new Promise((done) => setTimeout(done, 20));
    }
    throw new Error(`never saw ${expected} on ${JSON.stringify(this.screen)}`);
  }

  leaves(): Promise<number | null> {
    return this.#end;
  }
}
