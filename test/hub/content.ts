// Contents of repository files: their bytes by range without holding them, and their real git and SHA-256 hashes, made once and kept.

import { createHash, type Hash } from "node:crypto";
import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import type { Content } from "./contract.js";

export const blockBytes = 1 << 20;
const markEvery = 4096;

/** A content ready to be served. */
export interface Blob {
  readonly size: number;
  readonly lfs: boolean;
  /** Bytes [start, end) as chunks of at most 1 MiB. */
  chunks(start: number, end: number): AsyncGenerator<Buffer>;
  hashes(): Promise<Hashes>;
}

export interface Hashes {
  /** git's blob id of the content itself. */
  gitSha1: string;
  sha256: string;
  /** git's blob id of the LFS pointer file, and its size. */
  pointerSha1: string;
  pointerSize: number;
  /** Stands for the Xet hash; made from the SHA-256, not by Xet's rules. */
  xet: string;
}

type Source = (start: number, end: number) => AsyncGenerator<Buffer>;

let noise: Buffer | undefined;

/** 1 MiB of pseudo-random bytes, the same in every process (xorshift32). */
function noiseBlock(): Buffer {
  if (noise) return noise;
  const words = new Uint32Array(blockBytes / 4);
  let state = 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  noise = Buffer.from(words.buffer);
  return noise;
}

/** Block `index` of the content with this seed: the noise, with a mark of seed, index and place in every 4 KiB. */
export function seededBlock(seed: number, index: number): Buffer {
  const block = Buffer.from(noiseBlock());
  const turn = Math.imul(seed ^ 0x5bd1e995, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
  for (let at = 0; at < blockBytes; at += markEvery) {
    block.writeInt32LE(Math.imul(turn ^ at, 0x27d4eb2f) | 0, at);
    block.writeInt32LE(turn, at + 4);
  }
  return block;
}

async function* seeded(seed: number, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; ) {
    const index = Math.floor(at / blockBytes);
    const from = index * blockBytes;
    const stop = Math.min(end, from + blockBytes);
    yield seededBlock(seed, index).subarray(at - from, stop - from);
    at = stop;
  }
}

const zeros = Buffer.alloc(blockBytes);

async function* sparse(start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; at += blockBytes) yield zeros.subarray(0, Math.min(blockBytes, end - at));
}

async function* fromMemory(data: Buffer, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; at += blockBytes) yield data.subarray(at, Math.min(end, at + blockBytes));
}

async function* fromFile(path: string, start: number, end: number): AsyncGenerator<Buffer> {
  const file = await open(path, "r");
  try {
    for (let at = start; at < end; ) {
      const chunk = Buffer.allocUnsafe(Math.min(blockBytes, end - at));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) throw new Error(`expected ${end} bytes in ${path}, found ${at}`);
      yield chunk.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}

function hex(hash: Hash): string {
  return hash.digest("hex");
}

export function sha256(data: string | Uint8Array): string {
  return hex(createHash("sha256").update(data));
}

export function gitBlobSha1(data: Uint8Array): string {
  return hex(createHash("sha1").update(`blob ${data.length}\0`).update(data));
}

/** Known beforehand because zeros by the gigabyte take seconds to hash. */
const knownZeros = new Map([
  [
    5 * 2 ** 30,
    {
      gitSha1: "0be2be10a4c8764f32c4bf372a98edc731a4b204",
      sha256: "7f06c62352aebd8125b2a1841e2b9e1ffcbed602f381c3dcb3200200e383d1d5",
    },
  ],
]);

async function digest(source: Source, size: number): Promise<{ gitSha1: string; sha256: string }> {
  const git = createHash("sha1").update(`blob ${size}\0`);
  const sha = createHash("sha256");
  for await (const chunk of source(0, size)) {
    git.update(chunk);
    sha.update(chunk);
    // Other requests are answered while a big file is hashed.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { gitSha1: hex(git), sha256: hex(sha) };
}

const digests = new Map<string, Promise<{ gitSha1: string; sha256: string }>>();

async function hash(key: string | undefined, source: Source, size: number): Promise<Hashes> {
  const known = key === `sparse ${size}` ? knownZeros.get(size) : undefined;
  let found = known ? Promise.resolve(known) : key !== undefined ? digests.get(key) : undefined;
  if (!found) {
    found = digest(source, size);
    if (key !== undefined) digests.set(key, found);
  }
  const { gitSha1, sha256: linked } = await found;
  const pointer = Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${linked}\nsize ${size}\n`);
  return {
    gitSha1,
    sha256: linked,
    pointerSha1: gitBlobSha1(pointer),
    pointerSize: pointer.length,
    xet: sha256(`xet ${linked}`),
  };
}

function makeBlob(path: string, size: number, source: Source, lfs: boolean | undefined, key?: string): Blob {
  let hashes: Promise<Hashes> | undefined;
  return {
    size,
    lfs: lfs ?? (size > 1 << 20 || /\.(safetensors|gguf|bin)$/.test(path)),
    chunks: source,
    hashes() {
      hashes ??= hash(key, source, size);
      return hashes;
    },
  };
}

/** The blob of a content below this path in a repository (the path decides whether it is LFS, unless the content says so). */
export function toBlob(path: string, content: Content): Blob {
  if (typeof content === "string" || content instanceof Uint8Array) return toBlob(path, { data: content } as Content);
  if ("data" in content) {
    const data = Buffer.from(content.data as string);
    return makeBlob(path, data.length, (start, end) => fromMemory(data, start, end), content.lfs);
  }
  if ("seed" in content) {
    const { seed, size } = content;
    const key = `seed ${seed} ${size}`;
    return makeBlob(path, size, (start, end) => seeded(seed, start, end), content.lfs, key);
  }
  if ("sparse" in content) return makeBlob(path, content.sparse, sparse, content.lfs, `sparse ${content.sparse}`);
  const { file } = content;
  return makeBlob(path, statSync(file).size, (start, end) => fromFile(file, start, end), content.lfs);
}

/** The bytes [start, end) of a content, for tests that compare. */
export async function readContent(content: Content, start = 0, end?: number): Promise<Buffer> {
  const blob = toBlob("", content);
  const chunks: Buffer[] = [];
  for await (const chunk of blob.chunks(start, end ?? blob.size)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The hashes of a content, for tests that compare: `etag` is what the Hub calls it when it lies at this path. */
export async function hashContent(content: Content, path = ""): Promise<Hashes & { etag: string; size: number }> {
  const blob = toBlob(path, content);
  const hashes = await blob.hashes();
  return { ...hashes, size: blob.size, etag: blob.lfs ? hashes.sha256 : hashes.gitSha1 };
}
