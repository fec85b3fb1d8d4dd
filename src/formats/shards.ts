// Models in several files: safetensors by an index, GGUF by names that count.

import { basename, dirname, join } from "node:path";
import { DeadliftError, expected } from "../error.js";
import { isObject, type ModelFiles, parseJson } from "./file.js";
import { readGguf } from "./gguf.js";
import type { Metadata } from "./gguf_metadata.js";
import { readSafetensors } from "./safetensors.js";
import type { TensorInfo } from "./sizes.js";

/** Names and places of every tensor cost about 100 bytes; as for the header of one file. */
const maxIndexBytes = 100_000_000;
/** The largest published models have some 200 files. */
const maxShards = 10_000;

export interface StoredTensors<T extends TensorInfo> {
  readonly tensors: readonly T[];
  /** Names of shared tensors that were not stored, to those that were. */
  readonly ties: ReadonlyMap<string, string>;
}

/** One safetensors file; `names` are the tensors that an index places in it. */
export async function openSafetensors<T extends TensorInfo>(
  path: string,
  files: ModelFiles<T>,
  names?: readonly string[],
): Promise<StoredTensors<T>> {
  const opened = await files.open(path, names);
  const { tensors, metadata } = await readSafetensors(opened);
  return { tensors: tensors.map((tensor) => opened.tensor(tensor)), ties: metadata };
}

/** All files that an index names. Throws FileNotFound naming missing ones, MissingTensor, InvalidSafetensors. */
export async function openIndexed<T extends TensorInfo>(
  indexPath: string,
  files: ModelFiles<T>,
): Promise<StoredTensors<T>> {
  const places = await readIndex(indexPath, files);
  const folder = dirname(indexPath);
  const shards = byShard(places);
  if (shards.length > maxShards) {
    throw new DeadliftError(
      "LimitExceeded",
      `expected at most ${maxShards} files in ${indexPath}, received ${shards.length}`,
    );
  }
  const paths = shards.map(([shard]) => join(folder, shard));
  await refuseMissing(paths, indexPath, files);
  const stored = await inParallel(shards, files, ([shard, names]) =>
    openSafetensors(join(folder, shard), files, names),
  );
  return joinShards(
    shards.map(([shard], i) => [shard, stored[i]!]),
    places,
    indexPath,
  );
}

/** The tensors that the index places in each file, and those that it does not know. */
function joinShards<T extends TensorInfo>(
  shards: readonly (readonly [name: string, stored: StoredTensors<T>])[],
  places: ReadonlyMap<string, string>,
  indexPath: string,
): StoredTensors<T> {
  const tensors = new Map<string, T>();
  const ties = new Map<string, string>();
  for (const [shard, stored] of shards) {
    for (const tie of stored.ties) ties.set(...tie);
    for (const tensor of stored.tensors) {
      const place = places.get(tensor.name);
      if (place !== undefined && place !== shard) continue;
      if (tensors.has(tensor.name)) {
        throw new DeadliftError(
          "InvalidSafetensors",
          `${indexPath}: tensor "${tensor.name}" is in two files and not in the index`,
        );
      }
      tensors.set(tensor.name, tensor);
    }
  }
  for (const [name, shard] of places) {
    if (tensors.has(name)) continue;
    throw new DeadliftError(
      "MissingTensor",
      `${join(dirname(indexPath), shard)} lacks tensor "${name}" that ${indexPath} places there; download both again`,
    );
  }
  return { tensors: [...tensors.values()], ties };
}

/** The names of files and of the tensors in them, by file name. */
function byShard(places: ReadonlyMap<string, string>): [string, string[]][] {
  const shards = new Map<string, string[]>();
  for (const [name, shard] of places) {
    const names = shards.get(shard);
    if (names) names.push(name);
    else shards.set(shard, [name]);
  }
  return [...shards].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Tensor name to file name, both as the index states them; file names are plain. */
async function readIndex(path: string, files: ModelFiles<TensorInfo>): Promise<Map<string, string>> {
  const text = await files.text(path, maxIndexBytes);
  const map = text === undefined ? undefined : parseJson(text, path).weight_map;
  if (!isObject(map) || Object.keys(map).length === 0) {
    throw new DeadliftError("InvalidSafetensors", expected("an object of file names", `weight_map in ${path}`, map));
  }
  for (const [name, shard] of Object.entries(map)) {
    // A name with a path in it could make us open files outside of the model's folder.
    if (typeof shard === "string" && /^[^/\\:\0]+\.safetensors$/.test(shard)) continue;
    const what = 'a file name that ends with ".safetensors", without a path,';
    throw new DeadliftError("InvalidSafetensors", expected(what, `tensor "${name}" in ${path}`, shard));
  }
  return new Map(Object.entries(map as Record<string, string>));
}

const partName = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s;

export interface StoredGguf<T extends TensorInfo> {
  readonly metadata: Metadata;
  readonly tensors: readonly T[];
}

/** The GGUF file at `path`, and when it is a part of several, all of them. */
export async function openGguf<T extends TensorInfo>(path: string, files: ModelFiles<T>): Promise<StoredGguf<T>> {
  const folder = dirname(path);
  const parts = splitNames(basename(path)).map((name) => join(folder, name));
  await refuseMissing(parts, path, files);
  const headers = await inParallel(parts, files, async (part, no) => {
    const opened = await files.open(part);
    const { metadata, tensors } = await readGguf(opened);
    checkSplit(metadata, no, parts.length, opened.path);
    return { metadata, tensors: tensors.map((tensor) => opened.tensor(tensor)), path: opened.path };
  });
  const names = new Set<string>();
  for (const { tensors, path } of headers) {
    for (const { name } of tensors) {
      if (names.has(name)) throw invalid(path, `tensor "${name}" is in another part too`);
      names.add(name);
    }
  }
  const { metadata } = headers[0]!;
  const stated = metadata.get("split.tensors.count");
  if (parts.length > 1 && stated !== undefined && stated !== names.size) {
    throw invalid(path, expected(`${names.size}, the tensors of its parts,`, "split.tensors.count", stated));
  }
  return { metadata, tensors: headers.flatMap(({ tensors }) => tensors) };
}

/** The names of all parts of a split model, in order; of an undivided one, its own. */
export function splitNames(name: string): string[] {
  const match = partName.exec(name);
  if (!match) return [name];
  const [, stem, , count] = match;
  const parts = Math.min(Number(count), maxShards);
  return Array.from({ length: parts }, (_, i) => `${stem}-${String(i + 1).padStart(5, "0")}-of-${count}.gguf`);
}

function checkSplit(metadata: Metadata, no: number, count: number, path: string): void {
  const stated = metadata.get("split.count") ?? 1;
  if (stated !== count && !(stated === 0 && count === 1)) {
    throw invalid(
      path,
      `it says split.count ${stated}, its name says ${count}; give all parts their names NAME-00001-of-0000N.gguf back`,
    );
  }
  const place = metadata.get("split.no") ?? 0;
  if (place !== no) throw invalid(path, expected(`${no} as its name says`, "split.no", place));
}

async function refuseMissing(paths: readonly string[], whole: string, files: ModelFiles<TensorInfo>): Promise<void> {
  const present = await Promise.all(paths.map((path) => files.exists(path)));
  const missing = paths.filter((_, i) => !present[i]).map((path) => basename(path));
  if (missing.length === 0) return;
  const list = missing.slice(0, 5).join(", ") + (missing.length > 5 ? ", ..." : "");
  throw new DeadliftError(
    "FileNotFound",
    `${missing.length} of the ${paths.length} files of ${whole} are missing: ${list}; download the model again`,
  );
}

/** Work on all of a list, as much at a time as its files bear. After a failure nothing new begins, and nothing goes on. */
async function inParallel<A, B>(
  list: readonly A[],
  { parallel }: ModelFiles<TensorInfo>,
  work: (each: A, index: number) => Promise<B>,
): Promise<B[]> {
  const results = new Array<B>(list.length);
  const failures: unknown[] = [];
  let next = 0;
  const worker = async () => {
    while (next < list.length && failures.length === 0) {
      const index = next++;
      await work(list[index]!, index).then(
        (result) => {
          results[index] = result;
        },
        (error: unknown) => failures.push(error),
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, list.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}

function invalid(path: string, reason: string): DeadliftError {
  return new DeadliftError("InvalidGguf", `${path}: ${reason}`);
}
