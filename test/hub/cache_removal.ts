// Removing from a cache in tests: what a dry run foretells must be what happens then.

import { join } from "node:path";
import { expect } from "vitest";
import { type FileLock, lock } from "../../src/hub/cache/lock.js";
import { pruneCache } from "../../src/hub/cache/prune.js";
import { removeFromCache } from "../../src/hub/cache/remove.js";
import { listCache } from "../../src/hub/cache/scan.js";
import { CacheCase, commitA, commitB, commitC } from "./cache_case.js";

export async function remove(cache: CacheCase, ...targets: string[]) {
  const before = cache.all();
  const foretold = await removeFromCache(targets, { cacheDir: cache.path, dryRun: true });
  expect(cache.all()).toEqual(before);
  const done = await removeFromCache(targets, { cacheDir: cache.path });
  expect({ ...done, dryRun: true }).toEqual(foretold);
  return done;
}

export async function prune(cache: CacheCase, options: object = {}) {
  const before = cache.all();
  const foretold = await pruneCache({ cacheDir: cache.path, dryRun: true, ...options });
  expect(cache.all()).toEqual(before);
  const done = await pruneCache({ cacheDir: cache.path, ...options });
  expect({ ...done, dryRun: true }).toEqual(foretold);
  return done;
}

export async function warnings(cache: CacheCase): Promise<readonly string[]> {
  return (await listCache({ cacheDir: cache.path })).warnings;
}

export async function holding<T>(path: string, work: () => Promise<T>): Promise<T> {
  const held: FileLock | undefined = await lock(path);
  try {
    return await work();
  } finally {
    held!.release();
  }
}

export function twoRevisions(): CacheCase {
  const cache = new CacheCase();
  cache.add("org/model", commitA, { "a.bin": "12345", "old.json": "123" }, { refs: ["v1", "refs/pr/1"], tree: true });
  cache.add("org/model", commitB, { "a.bin": "12345", "new.json": "1234567" }, { tree: true });
  cache.add("org/other", commitC, { "a.bin": "12345" });
  cache.write(join(cache.repo("org/model"), ".no_exist", commitA, "none.json"), "");
  return cache;
}
