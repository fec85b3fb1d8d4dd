// Checks the names and ranges of options: an unknown or impossible option is an error, never ignored.

import { DeadliftError, expected } from "./error.js";

/** Throws UnknownOption for a key that is not one of `known`. */
export function checkKeys(options: object, known: readonly string[], of: string): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    const advice = near ? `did you mean "${near}"?` : `known: ${known.join(", ")}`;
    throw new DeadliftError("UnknownOption", `${of} has no option "${key}"; ${advice}`);
  }
}

/** Throws InvalidArgument unless `value` is an integer in [least, most] or undefined. */
export function checkInteger(name: string, value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (value === undefined) return;
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return;
  const range =
    most === Number.MAX_SAFE_INTEGER ? `an integer of at least ${least}` : `an integer from ${least} to ${most}`;
  throw new DeadliftError("InvalidArgument", expected(range, name, value));
}

/** Throws InvalidArgument unless `value` is one of `choices` or undefined. */
export function checkChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (value === undefined || choices.includes(value as string)) return;
  throw new DeadliftError("InvalidArgument", expected(`one of ${choices.join(", ")}`, name, value));
}

/** Throws InvalidArgument unless `threads` and `priority` can be those of an engine. */
export function checkThreads({ threads, priority }: { readonly threads?: unknown; readonly priority?: unknown }): void {
  checkInteger("threads", threads, 1, 1024);
  checkChoice("priority", priority, ["normal", "low"]);
}

/** The known key that differs least, if it is near: same letters but case, or one edit away. */
function nearest(key: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[-_]/g, "");
  return known.find((one) => plain(one) === plain(key)) ?? known.find((one) => isOneEditAway(plain(one), plain(key)));
}

function isOneEditAway(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start++;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  return restA.slice(1) === restB.slice(1) || restA.slice(1) === restB || restA === restB.slice(1);
}
