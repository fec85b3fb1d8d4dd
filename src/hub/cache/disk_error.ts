// What the disk refuses, as the errors people can act on.

import { DeadliftError } from "../../error.js";

const readOnly = new Set(["EROFS", "EACCES", "EPERM"]);
const full = new Set(["ENOSPC", "EDQUOT"]);

/** The system's error code, such as "ENOENT"; undefined for what is no error of the system. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof DeadliftError || !(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? code : undefined;
}

/** `error` as ReadOnlyCache or NoSpace where it is one, else `error` itself. `what` completes "cannot ...". */
export function diskError(error: unknown, what: string): unknown {
  const errno = errnoOf(error) ?? "";
  const reason = error instanceof Error ? error.message : String(error);
  if (readOnly.has(errno)) {
    return new DeadliftError(
      "ReadOnlyCache",
      `cannot ${what}: ${reason}; make the cache folder writable, or choose another with the option cacheDir or HF_HUB_CACHE`,
      { cause: error },
    );
  }
  if (full.has(errno)) {
    return new DeadliftError(
      "NoSpace",
      `cannot ${what}: ${reason}; free some space (\`deadlift cache prune\` removes leftovers), or choose another cache folder`,
      { cause: error },
    );
  }
  return error;
}
