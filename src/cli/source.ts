// Where a command's model and text come from: loading with progress, files and standard input read strictly.

import { readFile } from "node:fs/promises";
import { DeadliftError, type LoadProgress, loadModel, type Model } from "../index.js";
import { type LoadFlags, loadOptions } from "./flags.js";
import { interruption } from "./interruption.js";
import { Progress } from "./progress.js";

const STAGES: Record<LoadProgress["stage"], string> = {
  files: "opening the files",
  tokenizer: "reading the tokenizer",
  program: "preparing the model",
  ready: "ready",
};

/** Opens a model while a spinner turns. */
export async function load(name: string, flags: LoadFlags): Promise<Model> {
  const progress = new Progress(`loading ${name}`);
  const onProgress = ({ stage }: LoadProgress) => progress.update(`loading ${name}: ${STAGES[stage]}`);
  try {
    return await loadModel(name, { ...loadOptions(flags), signal: interruption, onProgress });
  } finally {
    progress.stop();
  }
}

/** The text of a file, which must be UTF-8. */
export async function readText(path: string): Promise<string> {
  try {
    return decode(await readFile(path), path);
  } catch (cause) {
    if (cause instanceof DeadliftError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const reason = missing ? "there is no such file" : (cause as Error).message;
    throw new DeadliftError(missing ? "FileNotFound" : "FileUnreadable", `cannot read ${path}: ${reason}`, { cause });
  }
}

/** All of standard input, or undefined when that is somebody at a keyboard. */
export async function readStandardInput(): Promise<string | undefined> {
  if (process.stdin.isTTY) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return decode(Buffer.concat(chunks), "standard input");
}

function decode(data: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch (cause) {
    throw new DeadliftError("FileUnreadable", `${name} is not UTF-8 text`, { cause });
  }
}
