// Locks between processes, ours and Python's: waits without holding up anything, and a crash frees them.

import { mkdir } from "node:fs/promises";
import { dirname, toNamespacedPath } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DeadliftError } from "../../error.js";
import { native } from "../../native.js";
import { diskError } from "./disk_error.js";

const firstWaitMs = 50;
const longestWaitMs = 250;
/** Shorter waits are not worth telling. */
const tellAfterMs = 1000;
/** Others of a group may lock, too, as Python lets them. */
const groupMode = 0o664;
/** The shared store belongs to everybody who may use the cache. */
export const everybodyMode = 0o666;

/** A lock that is held, until `release` or the end of the process. */
export interface FileLock {
  /** May be called twice. */
  release(): void;
}

export interface LockOptions {
  readonly signal?: AbortSignal;
  /** Called once when the wait has lasted a second. */
  readonly onWait?: () => void;
  /** Mode of the file when it must be made; default 0664. */
  readonly mode?: number;
}

/**
 * Waits for the exclusive lock of the file at `path`, made with its folders when absent and never removed. Others in this
 * process wait as those in other processes do. undefined: this file system cannot lock. Throws Aborted, ReadOnlyCache, NoSpace.
 */
export async function lock(path: string, options: LockOptions = {}): Promise<FileLock | undefined> {
  const { signal, onWait } = options;
  const startedAt = performance.now();
  let told = false;
  await makeLockFolder(dirname(path));
  for (let wait = firstWaitMs; ; wait = Math.min(wait * 1.5, longestWaitMs)) {
    if (signal?.aborted) throw aborted(path, signal);
    const outcome = attempt(path, options.mode);
    if (outcome !== "busy") return outcome;
    if (!told && performance.now() - startedAt >= tellAfterMs) {
      told = true;
      onWait?.();
    }
    await pause(wait, path, signal);
  }
}

/** One attempt: the lock, "busy" when somebody else has it, undefined where the file system cannot lock. */
export async function tryLock(path: string, options: LockOptions = {}): Promise<FileLock | "busy" | undefined> {
  await makeLockFolder(dirname(path));
  return attempt(path, options.mode);
}

function attempt(path: string, mode = groupMode): FileLock | "busy" | undefined {
  try {
    const handle = native().fileLockTry(toNamespacedPath(path), mode);
    if (handle === "unsupported") return undefined;
    return handle === "busy" ? "busy" : { release: () => native().fileUnlock(handle) };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (error instanceof DeadliftError || !code) throw error;
    throw new DeadliftError(code as "ReadOnlyCache" | "NoSpace" | "FileUnreadable", message, { cause: error });
  }
}

async function makeLockFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw diskError(error, `make the folder ${folder} for locks`);
  }
}

async function pause(ms: number, path: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal ? { signal } : {});
  } catch {
    throw aborted(path, signal);
  }
}

function aborted(path: string, signal: AbortSignal | undefined): DeadliftError {
  return new DeadliftError("Aborted", `stopped while waiting for the lock ${path}`, { cause: signal?.reason });
}
