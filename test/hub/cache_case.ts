// A cache folder made by hand, in the layout that Python writes, for the tests of what looks after caches.

import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { tempFolder } from "../reference/temp.js";

export const commitA = "a".repeat(40);
export const commitB = "b".repeat(40);
export const commitC = "c".repeat(40);
export const xetHash = "7".repeat(64);

export function sha256(data: string): string {
  return createHash("sha256").update(data).digest("hex");
}

export function gitSha1(data: string): string {
  return createHash("sha1")
    .update(`blob ${Buffer.byteLength(data)}\0${data}`)
    .digest("hex");
}

/** Names end in ".bin" for contents that have their SHA-256 for a name, as LFS files do. */
export function etagOf(name: string, data: string): string {
  return name.endsWith(".bin") ? sha256(data) : gitSha1(data);
}

export interface RevisionOptions {
  /** Branches and tags; default: "main". */
  refs?: readonly string[];
  /** Files of the commit that are not here; with them a listing is written. */
  absent?: Readonly<Record<string, string>>;
  /** Write the listing of the commit. */
  tree?: boolean;
  /** Files instead of links, as where there are no links. */
  plain?: boolean;
}

export class CacheCase {
  readonly path = realpathSync(tempFolder());

  /** A revision with these files: name to content. */
  add(repo: string, commit: string, files: Readonly<Record<string, string>>, options: RevisionOptions = {}): void {
    const { refs = ["main"], absent = {}, tree = false, plain = false } = options;
    const folder = this.repo(repo);
    mkdirSync(join(folder, "snapshots", commit), { recursive: true });
    for (const [name, data] of Object.entries(files)) {
      const pointer = join(folder, "snapshots", commit, name);
      if (plain) {
        this.write(pointer, data);
        continue;
      }
      const blob = this.blob(repo, name, data);
      mkdirSync(dirname(pointer), { recursive: true });
      symlinkSync(relative(dirname(pointer), blob), pointer);
    }
    for (const ref of refs) this.write(join(folder, "refs", ref), commit);
    if (tree || Object.keys(absent).length > 0) this.tree(repo, commit, { ...files, ...absent });
  }

  /** Path of the repository's folder; `repo` may start with "dataset/". */
  repo(repo: string): string {
    const [type, id] = repo.startsWith("dataset/") ? ["datasets", repo.slice(8)] : ["models", repo];
    return join(this.path, `${type}--${id.replaceAll("/", "--")}`);
  }

  /** The blob of a file, written if it is not there. */
  blob(repo: string, name: string, data: string): string {
    const path = join(this.repo(repo), "blobs", etagOf(name, data));
    if (!existsSync(path)) this.write(path, data);
    return path;
  }

  /** As Python keeps what repositories share. */
  share(repo: string, name: string, data: string, xetHash: string): string {
    const store = join(this.path, "blobs");
    const entry = join(store, xetHash.slice(0, 2), xetHash);
    this.write(join(store, ".huggingface-shared-blobs"), "1\n");
    if (!existsSync(entry)) this.write(entry, data);
    const blob = join(this.repo(repo), "blobs", etagOf(name, data));
    mkdirSync(dirname(blob), { recursive: true });
    symlinkSync(relative(dirname(blob), entry), blob);
    writeFileSync(`${entry}.refs`, `${relative(this.path, blob)}\n`, { flag: "a" });
    return entry;
  }

  tree(repo: string, commit: string, files: Readonly<Record<string, string>>): void {
    const entries = Object.entries(files).map(([name, data]) => {
      const size = Buffer.byteLength(data);
      const lfs = name.endsWith(".bin") ? { lfs_sha256: sha256(data), lfs_size: size } : {};
      return [name, { size, blob_id: gitSha1(data), ...lfs }];
    });
    const text = JSON.stringify({ format_version: 1, files: Object.fromEntries(entries) });
    this.write(join(this.repo(repo), "trees", `${commit}.json`), text);
  }

  write(path: string, data: string): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
  }

  lockOf(repo: string, etag: string): string {
    return join(this.path, ".locks", relative(this.path, this.repo(repo)), `${etag}.lock`);
  }

  /** Every file, link and empty folder below `folder`, but for locks. */
  all(folder = this.path): string[] {
    return readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => !name.startsWith(".locks"))
      .filter((name) => !lstatSync(join(folder, name)).isDirectory() || readdirSync(join(folder, name)).length === 0)
      .sort();
  }
}
