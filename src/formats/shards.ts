// Models in several files: safetensors by an index, GGUF by names that count.

import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DeadliftError, expected } from "../error.js";
import type { Tensor } from "../tensor.js";
import { isObject, readJson, type WeightFile, type WeightFiles } from "./file.js";
import { readGguf } from "./gguf.js";
import type { Metadata } from "./gguf_metadata.js";
import { readSafetensors } from "./safetensors.js";

/** Names and places of every tensor cost about 100 bytes; as for the header of one file. */
const maxIndexBytes = 100_000_000;
/** The largest published models have some 200 files. */
const maxShards = 10_000;

export interface StoredTensors {
  readonly tensors: readonly Tensor[];
  /** Names of shared tensors that were not stored, to those that were. */
  readonly ties: ReadonlyMap<string, string>;
}

/** One safetensors file. */
export async function openSafetensors(path: string, files: WeightFiles): Promise<StoredTensors> {
  const opened = await files.open(path);
  const { tensors, metadata } = readSafetensors(opened);
  return { tensors: attach(tensors, opened), ties: metadata };
}

/** All files that an index names. Throws FileNotFound naming missing ones, MissingTensor, InvalidSafetensors. */
export async function openIndexed(indexPath: string, files: WeightFiles): Promise<StoredTensors> {
  const places = await readIndex(indexPath);
  const folder = dirname(indexPath);
  const shards = [...new Set(places.values())].sort();
  if (shards.length > maxShards) {
    throw new DeadliftError(
      "LimitExceeded",
      `expected at most ${maxShards} files in ${indexPath}, received ${shards.length}`,
    );
  }
  await refuseMissing(shards, folder, indexPath);
  const tensors = new Map<string, Tensor>();
  const ties = new Map<string, string>();
  for (const shard of shards) {
    const stored = await openSafetensors(join(folder, shard), files);
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
      `${join(folder, shard)} lacks tensor "${name}" that ${indexPath} places there; download both again`,
    );
  }
  return { tensors: [...tensors.values()], ties };
}

/** Tensor name to file name, both as the index states them; file names are plain. */
async function readIndex(path: string): Promise<Map<string, string>> {
  const index = await readJson(path, maxIndexBytes);
  const map = index?.weight_map;
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

export interface StoredGguf {
  readonly metadata: Metadata;
  readonly tensors: readonly Tensor[];
}

/** The GGUF file at `path`, and when it is a part of several, all of them. */
export async function openGguf(path: string, files: WeightFiles): Promise<StoredGguf> {
  const parts = splitNames(basename(path));
  const folder = dirname(path);
  await refuseMissing(parts, folder, path);
  let metadata: Metadata | undefined;
  const tensors: Tensor[] = [];
  const names = new Set<string>();
  for (const [no, part] of parts.entries()) {
    const opened = await files.open(join(folder, part));
    const header = await readGguf(opened);
    checkSplit(header.metadata, no, parts.length, opened.path);
    metadata ??= header.metadata;
    for (const tensor of attach(header.tensors, opened)) {
      if (names.has(tensor.name)) throw invalid(opened.path, `tensor "${tensor.name}" is in another part too`);
      names.add(tensor.name);
      tensors.push(tensor);
    }
  }
  const stated = metadata!.get("split.tensors.count");
  if (parts.length > 1 && stated !== undefined && stated !== tensors.length) {
    throw invalid(path, expected(`${tensors.length}, the tensors of its parts,`, "split.tensors.count", stated));
  }
  return { metadata: metadata!, tensors };
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

async function refuseMissing(names: readonly string[], folder: string, whole: string): Promise<void> {
  const present = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        () => true,
        () => false,
      ),
    ),
  );
  const missing = names.filter((_, i) => !present[i]);
  if (missing.length === 0) return;
  const list = missing.slice(0, 5).join(", ") + (missing.length > 5 ? ", ..." : "");
  throw new DeadliftError(
    "FileNotFound",
    `${missing.length} of the ${names.length} files of ${whole} are missing: ${list}; download the model again`,
  );
}

function attach(tensors: readonly Omit<Tensor, "file">[], { file }: WeightFile): Tensor[] {
  return tensors.map((tensor) => ({ ...tensor, file }));
}

function invalid(path: string, reason: string): DeadliftError {
  return new DeadliftError("InvalidGguf", `${path}: ${reason}`);
}
