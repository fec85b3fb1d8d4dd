// Flags of commands that talk to the Hub. Endpoint and token come from the environment, as in Python.

import { type Command, InvalidArgumentError } from "commander";
import type { HubOptions } from "../index.js";

export interface CacheFlags {
  readonly cacheDir?: string;
}

export interface HubFlags extends CacheFlags {
  readonly revision?: string;
  readonly offline?: boolean;
}

export function addCacheFlag(command: Command): Command {
  return command.option("--cache-dir <folder>", "the cache (default: HF_HUB_CACHE, else the one Python uses)");
}

export function addHubFlags(command: Command): Command {
  command
    .optionsGroup("Hub:")
    .option("--revision <name>", "branch, tag or commit (default: main)")
    .option("--offline", "use what the cache holds, as HF_HUB_OFFLINE=1 does");
  return addCacheFlag(command);
}

/** Only what was given: the environment says the rest. */
export function hubOptions({ revision, offline, cacheDir }: HubFlags): HubOptions & { readonly revision?: string } {
  return {
    ...(revision !== undefined && { revision }),
    ...(offline !== undefined && { offline }),
    ...(cacheDir !== undefined && { cacheDir }),
  };
}

const SCALES: Record<string, number> = { "": 1, K: 1e3, M: 1e6, B: 1e9, T: 1e12 };

/** "7B", "350M", "1.5b" or digits. */
export function parameterCount(text: string): number {
  const [, digits, scale = ""] = /^(\d+(?:\.\d+)?)([KMBT]?)$/i.exec(text) ?? [];
  if (digits !== undefined) return Math.round(Number(digits) * SCALES[scale.toUpperCase()]!);
  throw new InvalidArgumentError('Expected a number of parameters: "7B", "350M" or digits.');
}
