// Which files a commit has: kept for good, since a commit never changes, in the very bytes that Python writes.

import { open } from "node:fs/promises";
import type { TreeFile } from "../api.js";
import { unsafePart } from "../file_names.js";
import { writeWhole } from "./confined.js";
import type { RepoFolder } from "./layout.js";

const formatVersion = 1;
/** 100,000 files, as many as a listing may have, take about 40 MB. */
const maxTreeBytes = 64_000_000;
const maxFiles = 100_000;
const sha1 = /^[0-9a-f]{40}$/;
const sha256 = /^[0-9a-f]{64}$/;

/** The files of a commit as the cache knows them, by name; undefined when it does not, or when what it says cannot be. */
export async function readTree(folder: RepoFolder, commit: string): Promise<TreeFile[] | undefined> {
  return readTreeAt(folder.tree(commit));
}

/** The same of a file of trees/. */
export async function readTreeAt(path: string): Promise<TreeFile[] | undefined> {
  return parseTree(await readLimited(path));
}

/** Keeps the files of a commit. Nothing is written when a Xet hash is none, as in Python. Throws ReadOnlyCache, NoSpace. */
export async function writeTree(folder: RepoFolder, commit: string, files: readonly TreeFile[]): Promise<void> {
  if (files.some(({ xetHash }) => xetHash !== undefined && !sha256.test(xetHash))) return;
  await writeWhole(folder.path, folder.tree(commit), treeText(files));
}

/** What Python's json.dump(indent=1) makes of them. By hand, since JSON.stringify would put names that are numbers first. */
function treeText(files: readonly TreeFile[]): string {
  const entries = [...files].sort((a, b) => byCodePoints(a.path, b.path)).map(entryText);
  const body = entries.length === 0 ? "{}" : `{\n${entries.join(",\n")}\n }`;
  return `{\n "format_version": ${formatVersion},\n "files": ${body}\n}`;
}

function entryText({ path, size, blobId, lfsSha256, lfsSize, xetHash }: TreeFile): string {
  const fields = [`"size": ${size}`, `"blob_id": ${quote(blobId)}`];
  if (lfsSha256 !== undefined) fields.push(`"lfs_sha256": ${quote(lfsSha256)}`, `"lfs_size": ${lfsSize ?? "null"}`);
  if (xetHash !== undefined) fields.push(`"xet_hash": ${quote(xetHash)}`);
  return `  ${quote(path)}: {\n   ${fields.join(",\n   ")}\n  }`;
}

/** A JSON string in ASCII. */
function quote(text: string): string {
  const hex = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, hex);
}

/** Python's order of strings; JavaScript's own puts what is above U+FFFF before what is just below. */
function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function readLimited(path: string): Promise<string | undefined> {
  const file = await open(path, "r").catch(() => undefined);
  if (!file) return undefined;
  try {
    const found = await file.stat();
    if (!found.isFile() || found.size > maxTreeBytes) return undefined;
    return await file.readFile("utf8");
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

function parseTree(text: string | undefined): TreeFile[] | undefined {
  if (text === undefined) return undefined;
  let tree: { format_version?: unknown; files?: unknown } | null;
  try {
    tree = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(tree) || tree.format_version !== formatVersion || !isObject(tree.files)) return undefined;
  const entries = Object.entries(tree.files);
  const files = entries.map(([path, entry]) => parseEntry(path, entry));
  const complete = entries.length <= maxFiles && files.every((file) => file !== undefined);
  return complete ? files.sort((a, b) => byCodePoints(a.path, b.path)) : undefined;
}

function parseEntry(path: string, entry: unknown): TreeFile | undefined {
  if (!isObject(entry) || unsafePart(path) !== undefined) return undefined;
  const { size, blob_id: blobId, lfs_sha256, lfs_size, xet_hash } = entry;
  if (!isSize(size) || !isHash(blobId, sha1)) return undefined;
  const lfsSha256 = lfs_sha256 ?? undefined;
  const lfsSize = lfs_size ?? undefined;
  const xetHash = xet_hash ?? undefined;
  if (lfsSha256 !== undefined && !isHash(lfsSha256, sha256)) return undefined;
  if (lfsSize !== undefined && !isSize(lfsSize)) return undefined;
  if (xetHash !== undefined && !isHash(xetHash, sha256)) return undefined;
  return {
    path,
    size,
    blobId,
    ...(lfsSha256 !== undefined && { lfsSha256 }),
    ...(lfsSize !== undefined && { lfsSize }),
    ...(xetHash !== undefined && { xetHash }),
  };
}

function isHash(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
