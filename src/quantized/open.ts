// loadModel's `quantize`: opens the copy of a model in another type, which is made when it is not there yet.

import { realpath, rm, stat, utimes } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { convert } from "../convert/convert.js";
import type { ModelSource } from "../convert/source.js";
import type { ThreadOptions } from "../engine.js";
import { DeadliftError } from "../error.js";
import type { GgufEntry } from "../formats/gguf_values.js";
import { text, texts } from "../formats/gguf_values.js";
import { type OpenedModel, openModel } from "../formats/open.js";
import { findModel } from "../formats/place.js";
import { lock } from "../hub/cache/lock.js";
import type { HubSource } from "../locate.js";
import { openSource } from "../quantize.js";
import type { FileType } from "../quants/file_types.js";
import { chooseTypes } from "../quants/mixes.js";
import { copyPath, storeKeys, storeLock } from "./store.js";

export interface OpenQuantizedOptions extends ThreadOptions {
  readonly hub: HubSource | undefined;
  /** The Hub's cache: copies are kept beside it. */
  readonly cacheDir: string;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the copy that are written, of all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * The model at `path` with weights of this type: all else is the original's. Makes the copy at the first time, once, also
 * when several processes ask for it. Throws what openModel and convert throw.
 */
export async function openQuantized(path: string, type: FileType, options: OpenQuantizedOptions): Promise<OpenedModel> {
  const { signal } = options;
  const original = await openModel(path, { signal });
  let keep = false;
  try {
    const source = await openSource(path, options.hub?.repo, signal);
    try {
      keep = isAlready(source, type);
      if (keep) return original;
      const copy = await copyOf(path, original, source, type, options);
      return withWeights(original, copy);
    } finally {
      source.close();
    }
  } finally {
    if (!keep) original.close();
  }
}

/** Nothing would change. */
function isAlready({ tensors, model }: ModelSource, type: FileType): boolean {
  const chosen = chooseTypes(type, model, tensors);
  return tensors.every(({ name, source }) => {
    const quant = chosen.get(name);
    return quant === undefined || source instanceof Float32Array || source.quant === quant;
  });
}

async function copyOf(
  path: string,
  original: OpenedModel,
  source: ModelSource,
  type: FileType,
  options: OpenQuantizedOptions,
): Promise<OpenedModel> {
  const { hub, cacheDir, signal } = options;
  const { weights } = await findModel(path);
  // What an index says decides which of several files a tensor is taken from.
  const index = weights.endsWith(".json") ? [weights] : [];
  const files = [...index, ...original.files.map((file) => file.path)];
  const config = original.metadata ? undefined : join(dirname(resolve(files[0]!)), "config.json");
  const copy = await copyPath({ path, hub, files, config, cacheDir }, type);
  if (await exists(copy)) {
    const opened = await openExisting(copy, signal);
    if (opened) return opened;
  }
  const held = await lockCopy(copy, signal);
  try {
    // Somebody else may have made it meanwhile.
    if (!(await exists(copy))) await makeCopy(copy, source, type, await labels(path, files, hub, type), options);
  } finally {
    held?.release();
  }
  return openModel(copy, { signal });
}

/** Makes the folders, too. */
async function lockCopy(copy: string, signal: AbortSignal | undefined) {
  try {
    return await lock(storeLock(copy), signal ? { signal } : {});
  } catch (cause) {
    if (cause instanceof DeadliftError) throw cause;
    const reason = (cause as Error).message;
    throw new DeadliftError("FileUnwritable", `cannot keep a quantised copy at ${copy}: ${reason}`, { cause });
  }
}

/** A copy that was damaged since is made again. */
async function openExisting(copy: string, signal: AbortSignal | undefined): Promise<OpenedModel | undefined> {
  try {
    const opened = await openModel(copy, { signal });
    // File systems seldom note when a file is read; lists and people want to know.
    await stat(copy)
      .then(({ mtime }) => utimes(copy, new Date(), mtime))
      .catch(() => {});
    return opened;
  } catch (error) {
    const { code } = error as DeadliftError;
    if (code !== "InvalidGguf" && code !== "Truncated" && code !== "NotAModel") throw error;
    await rm(copy, { force: true });
    return undefined;
  }
}

async function makeCopy(
  copy: string,
  source: ModelSource,
  type: FileType,
  extra: readonly GgufEntry[],
  { threads, priority, signal, onProgress }: OpenQuantizedOptions,
): Promise<void> {
  await convert(source, copy, { fileType: type, texts: false, extra, threads, priority, signal, onProgress });
}

async function labels(
  path: string,
  files: readonly string[],
  hub: HubSource | undefined,
  type: FileType,
): Promise<GgufEntry[]> {
  const sources: string[] = [];
  for (const file of files) sources.push(await realpath(file));
  return [
    text(storeKeys.model, hub?.repo ?? resolve(path)),
    text(storeKeys.type, type.name),
    texts(storeKeys.sources, sources),
  ];
}

/** Tokenizer, templates, defaults and special tokens are in the original only; what it packs, the copy does not. */
function withWeights(original: OpenedModel, copy: OpenedModel): OpenedModel {
  const { format, files, tensors, unused, method } = copy;
  const config = { ...copy.config, tokens: original.config.tokens };
  return { ...original, format, files, config, tensors, unused, method, close: () => copy.close() };
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
