// The one error class of deadlift: a stable code for programs, one clear sentence for people.

/** What went wrong, for programs: stable across releases. */
export type ErrorCode =
  // files
  | "FileNotFound"
  | "FileUnreadable"
  | "FileUnwritable"
  | "NotAModel" // a folder or file without anything that can be loaded
  | "LfsPointer" // a Git LFS pointer where the file itself should be
  | "Truncated" // the file ends before its header says so
  | "InvalidSafetensors"
  | "InvalidGguf"
  | "LimitExceeded" // a named limit of a format was passed
  // the Hub
  | "RepoNotFound" // no such repository, or a private one that this token may not see
  | "Gated" // its terms must be accepted first
  | "RevisionNotFound"
  | "EntryNotFound" // no such file in the repository
  | "Disabled" // the repository was closed by its authors or the Hub
  | "Unauthorized" // the token is not valid
  | "RateLimited"
  | "Offline" // the network may not be used (HF_HUB_OFFLINE), and the cache does not have it
  | "Unreachable" // no connection, or none that lasts
  | "HubFailed" // the Hub answered with an error of its own, or with what makes no sense
  | "IncompleteSnapshot" // files of the model are missing in the cache, and the Hub cannot be asked
  | "IntegrityMismatch" // what came has not the hash the Hub states
  | "NoSpace"
  | "ReadOnlyCache"
  | "UnsafeFileName" // a name that could leave its folder
  | "AmbiguousModel" // several models match: the message lists them
  | "QuantNotFound" // no GGUF of that quant: the message lists those there are
  // meaning
  | "InvalidConfig"
  | "UnsupportedArchitecture"
  | "UnsupportedQuant"
  | "MissingTensor"
  | "WrongShape"
  | "InvalidTokenizer"
  | "InvalidTemplate"
  | "NoChatTemplate"
  | "UnsupportedTask" // a model that does something else: the message says what
  // use
  | "InvalidArgument"
  | "UnknownOption"
  | "ContextOverflow"
  | "OutOfMemory"
  | "OutOfPages" // the KV cache has no free page left
  | "Aborted"
  | "Disposed"
  | "NativeUnavailable"
  | "GpuUnavailable" // no adapter that could be used: the message says what was looked for
  | "DeviceLost" // the GPU or its driver has gone away; load the model again
  | "Internal";

/** An error of deadlift. `code` is stable, `message` says what was expected, what came, and what to do. */
export class DeadliftError extends Error {
  override readonly name = "DeadliftError";

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  // Brand instead of prototype: `instanceof` also holds between the ESM and the CommonJS copy.
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === "DeadliftError" && "code" in value;
  }
}

/** The message for a bad value: "expected X for NAME, received Y". */
export function expected(what: string, name: string, received: unknown): string {
  return `expected ${what} for ${name}, received ${describe(received)}`;
}

function describe(value: unknown): string {
  if (typeof value === "string") return value.length > 80 ? `"${value.slice(0, 77)}..."` : `"${value}"`;
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return value.length > 8 ? `an array of ${value.length}` : JSON.stringify(value);
  if (value !== null && typeof value === "object") return `an object (${Object.keys(value).slice(0, 6).join(", ")})`;
  return String(value);
}
