// Which contents of the shared store nobody uses any more: by Python's rules, that whatever is doubtful stays.

import { randomBytes } from "node:crypto";
import { lstat, open, readFile, rename, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { isInside } from "./confined.js";
import { everybodyMode } from "./lock.js";
import { hasStore, isPlainFile, linkedEntry, manifestName, manifestOf, storeEntry, withEntry } from "./shared_blobs.js";

/** 100,000 references; a longer manifest counts as unreadable. */
const maxManifestBytes = 16_000_000;
/** Entries are locked for moments only. */
const patienceMs = 10_000;

/** Blobs that link to an entry, as its manifest names them; undefined: that cannot be known for sure. */
export async function referencesOf(cacheDir: string, entry: string): Promise<Set<string> | undefined> {
  const lines = await readManifest(manifestOf(entry));
  if (!lines) return undefined;
  const references = new Set<string>();
  for (const line of lines) {
    const parts = line.split("/").filter((part) => part !== "" && part !== ".");
    const blob = join(cacheDir, ...parts);
    if (line.startsWith("/") || parts.includes("..") || manifestName(cacheDir, blob) === undefined) continue;
    try {
      if ((await linkedEntry(cacheDir, blob)) === entry) references.add(blob);
    } catch {
      return undefined;
    }
  }
  return references;
}

async function readManifest(path: string): Promise<string[] | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isFile() || found.size > maxManifestBytes) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path)).split(/[\r\n]+/);
  } catch {
    return undefined;
  }
}

/** Bytes that removing the blobs `gone` would free of an entry: its size when nobody else links to it, else 0. */
export async function expectedBytes(cacheDir: string, entry: string, gone: ReadonlySet<string>): Promise<number> {
  const references = await referencesOf(cacheDir, entry);
  if (!references || ![...references].every((blob) => gone.has(blob))) return 0;
  const found = await lstat(entry).catch(() => undefined);
  return found?.isFile() ? found.size : 0;
}

/** Removes an entry that nobody links to any more; gives the bytes freed, 0 when it stays. */
export async function sweepEntry(cacheDir: string, entry: string): Promise<number> {
  const name = entry.slice(-64);
  if (entry !== storeEntry(cacheDir, name) || !(await hasStore(cacheDir)) || !(await isInside(cacheDir, entry)))
    return 0;
  try {
    return (await withEntry(entry, () => sweep(cacheDir, entry), AbortSignal.timeout(patienceMs))) ?? 0;
  } catch {
    return 0;
  }
}

async function sweep(cacheDir: string, entry: string): Promise<number> {
  const references = await referencesOf(cacheDir, entry);
  if (!references) return 0;
  if (references.size > 0) {
    await rewriteManifest(cacheDir, entry, references);
    return 0;
  }
  if (!(await isPlainFile(entry))) return 0;
  const { size } = await lstat(entry);
  await unlink(entry);
  await rm(manifestOf(entry), { force: true });
  return size;
}

async function rewriteManifest(cacheDir: string, entry: string, references: ReadonlySet<string>): Promise<void> {
  const temporary = `${manifestOf(entry)}.${randomBytes(4).toString("hex")}.tmp`;
  const names = [...references].map((blob) => manifestName(cacheDir, blob)!).sort();
  const file = await open(temporary, "wx", everybodyMode);
  try {
    await file.writeFile(names.map((name) => `${name}\n`).join(""));
    await file.chmod(everybodyMode);
    await file.sync();
    await file.close();
    await rename(temporary, manifestOf(entry));
  } finally {
    await file.close().catch(() => undefined);
    await rm(temporary, { force: true });
  }
}
