// From an error to one sentence on standard error and an exit status: 1 failed, 2 wrong usage.

import { CommanderError } from "commander";
import { DeadliftError, type ErrorCode } from "../index.js";
import { interruptionStatus, lastWords } from "./interruption.js";
import { errorColors, notice, oneLine, visible } from "./output.js";

/** Wrong usage that only the command itself can see; `hint` says what to do. */
export class UsageError extends Error {
  constructor(
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

/** Says what went wrong and returns the exit status. */
export function report(error: unknown, debug: boolean): number {
  const interrupted = interruptionStatus();
  if (interrupted !== undefined && isConsequence(error)) {
    const words = lastWords();
    if (words !== undefined) notice(`deadlift: ${words}`);
    else if (process.stderr.isTTY) notice(""); // below what was on its way, and the terminal's ^C
    return interrupted;
  }
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has said it already
  const failure = error instanceof Error ? error : new Error(String(error));
  complain(failure.message, hintFor(error));
  if (debug) notice(errorColors.dim(visible(details(failure))));
  return isWrongUsage(error) ? 2 : 1;
}

/** Where to look, for mistakes that have a command against them. */
const HINTS: Partial<Record<ErrorCode, string>> = {
  RepoNotFound:
    '"deadlift search WORDS" finds models by parts of their names, "deadlift cache ls" lists the downloaded ones.',
  RevisionNotFound: '"deadlift info REPO --revisions" lists branches, tags and commits.',
  EntryNotFound: '"deadlift info REPO --files" lists the files.',
};

function hintFor(error: unknown): string | undefined {
  if (error instanceof UsageError) return error.hint;
  return error instanceof DeadliftError ? HINTS[error.code] : undefined;
}

/** `deadlift: …`, one line, with an optional line of advice. */
export function complain(message: string, hint?: string): void {
  notice(`${errorColors.red("deadlift:")} ${oneLine(message)}`);
  if (hint) notice(errorColors.dim(hint));
}

function isWrongUsage(error: unknown): boolean {
  if (error instanceof UsageError) return true;
  return error instanceof DeadliftError && (error.code === "InvalidArgument" || error.code === "UnknownOption");
}

/** What an interruption makes of running work. */
function isConsequence(error: unknown): boolean {
  if (error instanceof DeadliftError) return error.code === "Aborted" || error.code === "Disposed";
  return error instanceof Error && (error.name === "AbortError" || error.message === "interrupted");
}

function details(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${details(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}
