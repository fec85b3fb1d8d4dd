// A file that is there as a whole or not at all: written under another name beside its place, then renamed.

import { randomBytes } from "node:crypto";
import { type FileHandle, open, realpath, rename, rm, stat, statfs } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { DeadliftError, expected } from "../error.js";

export interface AtomicOptions {
  /** Bytes the file will have: refused at once where the disk has no room for them. */
  readonly size?: number | undefined;
  /** Files it is made from, which it must not replace. */
  readonly inputs?: readonly string[] | undefined;
}

/**
 * Runs `work` on a new file and gives it its name when that has ended well and all bytes are on the disk; a file of that
 * name is replaced. Throws InvalidArgument (a folder, an input), NoSpace, FileUnwritable, and what `work` throws; then
 * nothing is left behind.
 */
export async function writeAtomically(
  path: string,
  { size = 0, inputs = [] }: AtomicOptions,
  work: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const folder = dirname(resolve(path));
  await refuseTarget(path, inputs);
  await checkRoom(folder, size, path);
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString("hex")}.incomplete`);
  try {
    await writeWhole(temporary, work);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw diskError(error, path);
  }
  await syncFolder(folder);
}

async function writeWhole(path: string, work: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, "wx");
  try {
    await work(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** By identity, since one file may have several names. */
async function refuseTarget(path: string, inputs: readonly string[]): Promise<void> {
  const target = await stat(path).catch(() => undefined);
  if (!target) return;
  if (!target.isFile()) throw new DeadliftError("InvalidArgument", expected("the name of a file", "the output", path));
  const real = await realpath(path);
  for (const input of inputs) {
    const { dev, ino } = await stat(input);
    const same = (ino !== 0 && dev === target.dev && ino === target.ino) || (await realpath(input)) === real;
    if (same) throw new DeadliftError("InvalidArgument", `${path} is what it would be made from; choose another name`);
  }
}

async function checkRoom(folder: string, size: number, path: string): Promise<void> {
  // Not all file systems say; then the first write that fails does.
  const system = await statfs(folder).catch(() => undefined);
  const room = system ? system.bavail * system.bsize : 0;
  if (!system || system.blocks === 0 || room >= size) return;
  throw new DeadliftError("NoSpace", `expected ${size} bytes of free space for ${path}, the disk has ${room} left`);
}

/** So that the new name survives a crash, too; not every system can. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

function diskError(error: unknown, path: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof DeadliftError || typeof code !== "string" || !(error instanceof Error)) return error;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new DeadliftError("NoSpace", `cannot write ${path}: ${message}; free some space`, { cause: error });
  }
  return new DeadliftError("FileUnwritable", `cannot write ${path}: ${message}`, { cause: error });
}
