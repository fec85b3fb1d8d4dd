// Starts downloads in processes of their own, from one bundle that is made once for each test file.

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import type { ChildOrder } from "./child_download.js";

const root = resolve(import.meta.dirname, "../..");

export interface ChildLine {
  stage?: string;
  bytes?: number;
  downloadedBytes?: number;
  path?: string;
  code?: string;
  message?: string;
}

export interface Child {
  readonly process: ChildProcess;
  /** Resolves with all it said when it has ended; `signal` is what ended it. */
  readonly done: Promise<{ lines: ChildLine[]; status: number | null; signal: NodeJS.Signals | null }>;
}

export interface ChildProgram {
  start(order: ChildOrder): Child;
  remove(): Promise<void>;
}

/** The bundle lies beside the addon's folder, where it finds the addon and the packages as dist/ does. */
export async function makeChild(): Promise<ChildProgram> {
  const outfile = join(root, "build", `test-child-${randomUUID()}.mjs`);
  const entryPoints = [join(import.meta.dirname, "child_download.ts")];
  await build({ entryPoints, outfile, bundle: true, platform: "node", format: "esm", packages: "external" });
  return { start: (order) => start(outfile, order), remove: () => rm(outfile) };
}

function start(file: string, order: ChildOrder): Child {
  const child = spawn(process.execPath, [file, JSON.stringify(order)], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  const done = new Promise<Awaited<Child["done"]>>((settle) => {
    child.on("close", (status, signal) => {
      // A killed process may have been in the middle of a line.
      const whole = text.split("\n").slice(0, -1);
      settle({ lines: whole.map((line) => JSON.parse(line) as ChildLine), status, signal });
    });
  });
  return { process: child, done };
}
