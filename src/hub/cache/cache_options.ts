// Checks the options of what looks after the cache: an unknown one is an error, never ignored.

import { DeadliftError, expected } from "../../error.js";
import { type HubOptions, hubSettings } from "../settings.js";

export type CacheOptions = Pick<HubOptions, "cacheDir">;

/** The cache folder. No token is read, since nobody is asked. Throws InvalidArgument. */
export function cacheDirOf({ cacheDir }: CacheOptions): string {
  return hubSettings({ ...(cacheDir !== undefined && { cacheDir }), token: false }).cacheDir;
}

/** Throws UnknownOption for a key that is neither "cacheDir" nor one of `others`. */
export function checkCacheOptions(of: string, options: object, others: readonly string[]): void {
  const known = ["cacheDir", ...others];
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new DeadliftError("UnknownOption", `${of} has no option "${key}"; known: ${known.join(", ")}`);
  }
}

/** Throws InvalidArgument unless `value` is true, false or undefined. */
export function checkFlag(name: string, value: unknown): void {
  if (value === undefined || typeof value === "boolean") return;
  throw new DeadliftError("InvalidArgument", expected("true or false", name, value));
}
