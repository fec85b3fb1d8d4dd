// Where quantised copies of models are kept: beside the Hub's cache, under names that say what they were made of.

import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import type { HubSource } from "../locate.js";
import type { FileType } from "../quants/file_types.js";

/** Counts up when the same source would give other bytes. */
const version = 1;
/** Blobs of the Hub's cache are named by the hash of what is in them. */
const blobPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Keys that quantised copies carry, for lists of them. */
export const storeKeys = {
  model: "deadlift.quantized.model",
  type: "deadlift.quantized.type",
  sources: "deadlift.quantized.sources",
} as const;

/** The folder of all copies that go with a cache. */
export function storeFolder(cacheDir: string): string {
  return join(dirname(cacheDir), "deadlift", "quantized");
}

/** The file whose lock is held by whoever writes a copy; it is never removed. */
export function storeLock(copy: string): string {
  return join(dirname(copy), ".locks", `${basename(copy)}.lock`);
}

/** What a copy is made of. */
export interface CopySource {
  readonly path: string;
  readonly hub: HubSource | undefined;
  /** All that the weights are in: their files, and the index of several. */
  readonly files: readonly string[];
  /** config.json, where there is one. */
  readonly config: string | undefined;
  /** The Hub's cache. */
  readonly cacheDir: string;
}

/** The path of the copy of this type, whether it is there or not. */
export async function copyPath({ path, hub, files, config, cacheDir }: CopySource, type: FileType): Promise<string> {
  const cache = await realpath(cacheDir).catch(() => cacheDir);
  const parts: string[] = [];
  for (const file of files) parts.push(await identity(file, cache));
  if (config !== undefined)
    parts.push(
      createHash("sha256")
        .update(await readFile(config))
        .digest("hex"),
    );
  const hash = createHash("sha256")
    .update(JSON.stringify([version, type.name, parts]))
    .digest("hex")
    .slice(0, 16);
  const name = (hub?.repo ?? basename(path))
    .replace(/\.gguf$/, "")
    .replaceAll(/[^\w.-]+/g, "--")
    .slice(0, 80);
  return join(storeFolder(cacheDir), `${name}-${type.name}-${hash}.gguf`);
}

/** By content where the cache knows it, else by what a change would change. */
async function identity(file: string, cache: string): Promise<string> {
  const real = await realpath(file);
  if (real.startsWith(cache + sep) && blobPattern.test(basename(real))) return basename(real);
  const { size, mtimeMs } = await stat(real);
  return `${real} ${size} ${mtimeMs}`;
}
