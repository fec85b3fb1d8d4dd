// What was, or would be, removed from the cache, and what stays although it was asked for.

import { expectedBytes, sweepEntry } from "./shared_sweep.js";

export interface RemovedItem {
  readonly kind: "repo" | "revision" | "blob" | "incomplete" | "shared" | "leftover";
  /** "model/org/name", "model/org/name@commit", or the path for what belongs to nobody. */
  readonly name: string;
  readonly path: string;
  /** Bytes of weights and other files this freed; folders and links are not counted. */
  readonly bytes: number;
}

export interface KeptItem {
  readonly name: string;
  readonly path: string;
  /** Why it stays, for people. */
  readonly reason: string;
}

export interface CacheRemoval {
  readonly removed: readonly RemovedItem[];
  readonly kept: readonly KeptItem[];
  readonly freedBytes: number;
  /** Nothing was removed; this is what would be. */
  readonly dryRun: boolean;
}

/** Notes what goes. What is shared goes last, when all that links to it is gone. */
export class Removal {
  readonly #removed = new Map<string, RemovedItem>();
  readonly kept: KeptItem[] = [];
  /** Entries of the shared store that links led to, and the links. */
  readonly #unlinked = new Map<string, Set<string>>();

  constructor(
    /** The cache folder, all links resolved. */
    readonly root: string,
    readonly dryRun: boolean,
  ) {}

  add(item: RemovedItem): void {
    this.#removed.set(item.path, item);
  }

  /** More bytes of what was added under this path. */
  addBytes(path: string, bytes: number): void {
    const item = this.#removed.get(path)!;
    this.#removed.set(path, { ...item, bytes: item.bytes + bytes });
  }

  has(path: string): boolean {
    return this.#removed.has(path);
  }

  /** A blob that linked to an entry of the store is gone. */
  unlink(entry: string, blob: string): void {
    const blobs = this.#unlinked.get(entry) ?? new Set();
    this.#unlinked.set(entry, blobs.add(blob));
  }

  /** An entry of the store that nothing links to. */
  sweep(entry: string): void {
    if (!this.#unlinked.has(entry)) this.#unlinked.set(entry, new Set());
  }

  /** Frees what of the shared store nobody uses any more, and reports all. */
  async finish(): Promise<CacheRemoval> {
    for (const [entry, blobs] of this.#unlinked) {
      const bytes = this.dryRun ? await expectedBytes(this.root, entry, blobs) : await sweepEntry(this.root, entry);
      if (bytes > 0) this.add({ kind: "shared", name: entry, path: entry, bytes });
    }
    const removed = [...this.#removed.values()];
    const freedBytes = removed.reduce((total, { bytes }) => total + bytes, 0);
    return { removed, kept: this.kept, freedBytes, dryRun: this.dryRun };
  }
}
