// The files of a repository as far as their headers go: weights by ranges from the Hub, texts from the cache if it has them.

import { sep } from "node:path";
import { DeadliftError, expected } from "../error.js";
import { type HeaderFile, type ModelFiles, readText } from "../formats/file.js";
import type { TensorInfo } from "../formats/sizes.js";
import { cachedFile } from "../hub/cache/cached.js";
import type { RepoFolder } from "../hub/cache/layout.js";
import { RemoteFile, type Traffic } from "../hub/remote_file.js";
import type { HubSettings } from "../hub/settings.js";

export interface RemoteRepo {
  /** "org/name". */
  readonly repo: string;
  readonly commit: string;
  /** Bytes by path. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly folder: RepoFolder;
  readonly settings: HubSettings;
  readonly traffic: Traffic;
  readonly signal: AbortSignal | undefined;
}

/** The header of most published files fits: some 300 tensors of about 100 bytes. */
const firstBytes = 64 * 2 ** 10;
/** What an entry of a safetensors header takes besides its name, generously. */
const entryBytes = 112;
/** Vocabularies make the headers of GGUF long: pieces start with so much and double. */
const ggufPieceBytes = 256 * 2 ** 10;
/** The longest published headers have some 20 MB; nobody wants to look at more over a network. */
const maxHeaderBytes = 64 * 2 ** 20;
const maxFirstBytes = 4 * 2 ** 20;

/** As for local ones. */
export const maxIndexBytes = 64 * 2 ** 20;

/** Paths are "org/name/path/in/it", so that every message says where a file is. */
export class RemoteFiles implements ModelFiles<TensorInfo> {
  readonly parallel = 8;

  readonly #texts = new Map<string, Promise<string>>();

  constructor(private readonly remote: RemoteRepo) {}

  async open(
    path: string,
    tensors?: readonly string[],
  ): Promise<HeaderFile & { tensor(info: TensorInfo): TensorInfo }> {
    const name = this.#nameIn(path);
    const size = this.#size(name);
    const isGguf = name.endsWith(".gguf");
    const file = this.#file(name, isGguf ? 0 : headerGuess(tensors));
    const read = (offset: number, length: number) => {
      if (offset + length <= maxHeaderBytes) return file.read(offset, length);
      const what = `at most ${maxHeaderBytes} bytes`;
      throw new DeadliftError("LimitExceeded", expected(what, `the header of ${path}`, offset + length));
    };
    return { path: this.path(name), size, piece: isGguf ? ggufPieceBytes : size, read, tensor: (info) => info };
  }

  /** Each text is fetched once. */
  async text(path: string, maxBytes: number): Promise<string | undefined> {
    const name = this.#nameIn(path);
    if (!this.remote.sizes.has(name)) return undefined;
    const size = this.#size(name);
    if (size > maxBytes) {
      throw new DeadliftError("LimitExceeded", expected(`at most ${maxBytes} bytes`, path, size));
    }
    const text = this.#texts.get(name) ?? this.#read(name, maxBytes);
    this.#texts.set(name, text);
    return text;
  }

  async #read(name: string, maxBytes: number): Promise<string> {
    const { folder, commit } = this.remote;
    const cached = await cachedFile(folder, commit, name);
    const text = cached && (await readText(cached.path, maxBytes));
    return text ?? Buffer.from(await this.#file(name).read(0, this.#size(name))).toString("utf8");
  }

  async exists(path: string): Promise<boolean> {
    return this.remote.sizes.has(this.#nameIn(path));
  }

  /** The start of a text that may be missing; undefined then, and for whatever goes wrong. */
  async glance(name: string, bytes: number): Promise<string | undefined> {
    const size = this.remote.sizes.get(name);
    if (size === undefined) return undefined;
    try {
      const file = new RemoteFile({ ...this.remote, path: name, size, route: "raw", retry: { retries: 1 } });
      return Buffer.from(await file.read(0, Math.min(size, bytes))).toString("utf8");
    } catch {
      return undefined;
    }
  }

  /** How a file of the repository is called here. */
  path(name: string): string {
    return `${this.remote.repo}/${name}`;
  }

  #nameIn(path: string): string {
    return path.replaceAll(sep, "/").slice(this.remote.repo.length + 1);
  }

  #size(name: string): number {
    const size = this.remote.sizes.get(name);
    if (size !== undefined) return size;
    throw new DeadliftError("EntryNotFound", `${this.remote.repo} has no file "${name}"`);
  }

  #file(name: string, firstBytes?: number): RemoteFile {
    return new RemoteFile({ ...this.remote, path: name, size: this.#size(name), firstBytes });
  }
}

function headerGuess(tensors: readonly string[] | undefined): number {
  if (!tensors) return firstBytes;
  const entries = tensors.reduce((sum, name) => sum + name.length + entryBytes, 512);
  return Math.min(entries, maxFirstBytes);
}
