// Checks the options of the Hub's public functions: an unknown or impossible one is an error, never ignored.

import { DeadliftError, expected } from "../error.js";
import { hubOptionKeys } from "./settings.js";

/** Throws UnknownOption for a key that is neither in `known` nor one of HubOptions. */
export function checkHubKeys(options: object, known: readonly string[], of: string): void {
  if (options === null || typeof options !== "object") {
    throw new DeadliftError("InvalidArgument", expected("an object", `the options of ${of}`, options));
  }
  const all = [...known, ...hubOptionKeys];
  const wrong = Object.keys(options).find((key) => !all.includes(key));
  if (wrong === undefined) return;
  const plain = (text: string) => text.toLowerCase().replaceAll(/[-_]/g, "");
  const near = all.find((key) => plain(key) === plain(wrong));
  const advice = near ? `did you mean "${near}"?` : `known: ${all.join(", ")}`;
  throw new DeadliftError("UnknownOption", `${of} has no option "${wrong}"; ${advice}`);
}

/** Throws InvalidArgument unless `value` is undefined or a text that is not empty. */
export function checkText(name: string, value: unknown): void {
  if (value === undefined || (typeof value === "string" && value !== "")) return;
  throw new DeadliftError("InvalidArgument", expected("a text", name, value));
}

/** Throws InvalidArgument unless `value` is undefined or an integer in [least, most]. */
export function checkCount(name: string, value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (value === undefined) return;
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
  const limit = most === Number.MAX_SAFE_INTEGER ? "" : ` and at most ${most}`;
  throw new DeadliftError("InvalidArgument", expected(`an integer of at least ${least}${limit}`, name, value));
}

/** Throws InvalidArgument unless `value` is undefined or one of `choices`. */
export function checkOneOf(name: string, value: unknown, choices: readonly unknown[]): void {
  if (value === undefined || choices.includes(value)) return;
  throw new DeadliftError("InvalidArgument", expected(`one of ${choices.join(", ")}`, name, value));
}

/** Throws InvalidArgument unless `value` is undefined or an AbortSignal. */
export function checkSignal(value: unknown): void {
  if (value === undefined || value instanceof AbortSignal) return;
  throw new DeadliftError("InvalidArgument", expected("an AbortSignal", "signal", value));
}
