// Lists and removes the quantised copies of models that loading has made.

import { readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { DeadliftError } from "../error.js";
import { mapWeights } from "../formats/file.js";
import { readGguf } from "../formats/gguf.js";
import { type CacheOptions, cacheDirOf, checkCacheOptions, checkFlag } from "../hub/cache/cache_options.js";
import { tryLock } from "../hub/cache/lock.js";
import { storeFolder, storeKeys, storeLock } from "./store.js";

export interface QuantizedModel {
  readonly path: string;
  /** What it was made of: "org/name", or a path. */
  readonly model: string;
  /** "Q4_K_M" */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly lastAccessed: number;
  readonly lastModified: number;
  /** The weights it was made of are not there any more. */
  readonly orphaned: boolean;
}

export interface QuantizedListing {
  /** The folder, whether it is there or not. */
  readonly path: string;
  /** By model and type. */
  readonly models: readonly QuantizedModel[];
  readonly sizeOnDisk: number;
  /** What is being written, and what broken-off conversions left. */
  readonly incomplete: readonly { readonly path: string; readonly size: number }[];
}

export interface QuantizedRemoval {
  readonly removed: readonly { readonly name: string; readonly path: string; readonly bytes: number }[];
  readonly kept: readonly { readonly name: string; readonly path: string; readonly reason: string }[];
  readonly freedBytes: number;
  /** Nothing was removed; this is what would be. */
  readonly dryRun: boolean;
}

export interface RemoveQuantizedOptions extends CacheOptions {
  /** Only say what would be removed. */
  readonly dryRun?: boolean;
}

const copyPattern = /\.gguf$/;
const incompletePattern = /^\.(.+\.gguf)\.[0-9a-f]{12}\.incomplete$/;

/** Lists what `loadModel(name, { quantize })` has made. Throws InvalidArgument, UnknownOption. */
export async function listQuantized(options: CacheOptions = {}): Promise<QuantizedListing> {
  checkCacheOptions("listQuantized", options, []);
  const path = storeFolder(cacheDirOf(options));
  const names = await readdir(path).catch((): string[] => []);
  const models: QuantizedModel[] = [];
  const incomplete: { path: string; size: number }[] = [];
  for (const name of names.sort()) {
    const file = join(path, name);
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) continue;
    if (incompletePattern.test(name)) incomplete.push({ path: file, size: found.size });
    else if (copyPattern.test(name) && !name.startsWith(".")) models.push(await describe(file, found));
  }
  models.sort((a, b) => (a.model === b.model ? (a.type < b.type ? -1 : 1) : a.model < b.model ? -1 : 1));
  const sizes = [...models, ...incomplete].map(({ size }) => size);
  return { path, models, sizeOnDisk: sizes.reduce((sum, size) => sum + size, 0), incomplete };
}

/**
 * Removes copies by what they were made of ("org/name"), also with their type ("org/name:Q4_K_M"), or by their path.
 * Throws FileNotFound for a name that none has.
 */
export async function removeQuantized(
  names: readonly string[],
  options: RemoveQuantizedOptions = {},
): Promise<QuantizedRemoval> {
  const { listing, dryRun } = await listFor("removeQuantized", options);
  const chosen = new Set<QuantizedModel>();
  for (const name of names) {
    const matching = listing.models.filter((one) => isMeant(one, name));
    if (matching.length === 0) {
      throw new DeadliftError("FileNotFound", `there is no quantised copy of ${name} in ${listing.path}`);
    }
    for (const one of matching) chosen.add(one);
  }
  return removeAll(
    [...chosen].map(({ path, size }) => ({ path, size })),
    dryRun,
  );
}

/** Removes copies whose originals are gone, and what broken-off conversions left. */
export async function pruneQuantized(options: RemoveQuantizedOptions = {}): Promise<QuantizedRemoval> {
  const { listing, dryRun } = await listFor("pruneQuantized", options);
  return removeAll([...listing.models.filter(({ orphaned }) => orphaned), ...listing.incomplete], dryRun);
}

async function listFor(of: string, options: RemoveQuantizedOptions) {
  checkCacheOptions(of, options, ["dryRun"]);
  checkFlag("dryRun", options.dryRun);
  const { dryRun = false, ...rest } = options;
  return { listing: await listQuantized(rest), dryRun };
}

function isMeant({ model, type, path }: QuantizedModel, name: string): boolean {
  if (resolve(name) === path || basename(path) === name) return true;
  const [, repo, quant] = /^(.+):([^:/\\]+)$/.exec(name) ?? [];
  const same = (one: string) => one === model || resolve(one) === model;
  return same(name) || (repo !== undefined && same(repo) && quant!.toUpperCase() === type);
}

/** Whoever writes one now keeps it. A process that has one open goes on with it where the system allows that. */
async function removeAll(
  files: readonly { readonly path: string; readonly size: number }[],
  dryRun: boolean,
): Promise<QuantizedRemoval> {
  const removed: { name: string; path: string; bytes: number }[] = [];
  const kept: { name: string; path: string; reason: string }[] = [];
  for (const { path, size } of files) {
    const name = basename(path);
    const copy = join(dirname(path), incompletePattern.exec(name)?.[1] ?? name);
    const held = await tryLock(storeLock(copy));
    if (held === "busy") {
      kept.push({ name, path, reason: "another process is writing it" });
      continue;
    }
    try {
      if (!dryRun) await rm(path, { force: true });
      removed.push({ name, path, bytes: size });
    } catch (error) {
      kept.push({ name, path, reason: (error as Error).message });
    } finally {
      held?.release();
    }
  }
  return { removed, kept, freedBytes: removed.reduce((sum, { bytes }) => sum + bytes, 0), dryRun };
}

interface Found {
  readonly size: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
}

/** A copy that cannot be read is one without an original. */
async function describe(path: string, { size, atimeMs, mtimeMs }: Found): Promise<QuantizedModel> {
  const labels = await readLabels(path).catch(() => undefined);
  const gone = async (source: string) => !(await stat(source).catch(() => undefined));
  let orphaned = labels === undefined;
  for (const source of labels?.sources ?? []) orphaned ||= await gone(source);
  const { model = basename(path), type = "" } = labels ?? {};
  return { path, model, type, size, lastAccessed: atimeMs, lastModified: mtimeMs, orphaned };
}

async function readLabels(path: string) {
  const file = await mapWeights(path);
  try {
    const { metadata } = await readGguf(file);
    const [model, type] = [metadata.get(storeKeys.model), metadata.get(storeKeys.type)];
    const sources = metadata.get(storeKeys.sources);
    if (typeof model !== "string" || typeof type !== "string" || !Array.isArray(sources)) return undefined;
    return { model, type, sources: sources.filter((source) => typeof source === "string") };
  } finally {
    file.file.close();
  }
}
