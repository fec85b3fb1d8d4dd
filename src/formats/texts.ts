// What a model's files say about text, without its weights: tokenizer, chat templates, tokens that end a turn.

import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DeadliftError } from "../error.js";
import { type ChatTemplateSource, folderTemplates, ggufTemplates } from "./about.js";
import { type JsonObject, readJson, readText, WeightFiles } from "./file.js";
import type { Metadata } from "./gguf_metadata.js";
import { maxConfigBytes } from "./headers.js";
import { findModel } from "./place.js";
import { openGguf } from "./shards.js";

/** Published ones have up to 35 MB. */
const maxTokenizerBytes = 256 * 2 ** 20;

export interface Texts {
  /** What was opened: the path as given. */
  readonly path: string;
  /** Of GGUF. */
  readonly metadata: Metadata | undefined;
  readonly tokenizerJson: string | undefined;
  readonly tokenizerConfig: JsonObject | undefined;
  readonly specialTokensMap: JsonObject | undefined;
  /** `model_type` of config.json. */
  readonly modelType: string | undefined;
  readonly chatTemplates: readonly ChatTemplateSource[];
}

/** The texts of a folder in Hub layout; `config` is its config.json. */
export async function folderTexts(folder: string, config: JsonObject | undefined): Promise<Omit<Texts, "path">> {
  const [tokenizerJson, tokenizerConfig, specialTokensMap] = await Promise.all([
    readText(join(folder, "tokenizer.json"), maxTokenizerBytes),
    readJson(join(folder, "tokenizer_config.json"), maxConfigBytes),
    readJson(join(folder, "special_tokens_map.json"), maxConfigBytes),
  ]);
  return {
    metadata: undefined,
    tokenizerJson,
    tokenizerConfig,
    specialTokensMap,
    modelType: typeof config?.model_type === "string" ? config.model_type : undefined,
    chatTemplates: await folderTemplates(folder, tokenizerConfig),
  };
}

export function ggufTexts(metadata: Metadata): Omit<Texts, "path"> {
  return {
    metadata,
    tokenizerJson: undefined,
    tokenizerConfig: undefined,
    specialTokensMap: undefined,
    modelType: undefined,
    chatTemplates: ggufTemplates(metadata),
  };
}

/**
 * Opens only what is needed for text: also for architectures that cannot run, and for folders and GGUF files that hold
 * no weights at all. `generation` is the content of generation_config.json or, without it, of config.json.
 */
export async function openTexts(path: string): Promise<Texts & { readonly generation: JsonObject | undefined }> {
  const folder = await folderOfTokenizer(path);
  if (folder !== undefined) {
    const config = await readJson(join(folder, "config.json"), maxConfigBytes);
    const generation = await readJson(join(folder, "generation_config.json"), maxConfigBytes);
    return { path, ...(await folderTexts(folder, config)), generation: generation ?? config };
  }
  const { weights, format } = await findModel(path);
  if (format !== "gguf")
    throw new DeadliftError("InvalidTokenizer", `expected tokenizer.json beside ${weights}, found none`);
  const files = new WeightFiles(undefined);
  try {
    return { path, ...ggufTexts((await openGguf(weights, files)).metadata), generation: undefined };
  } finally {
    files.close();
  }
}

/** The folder whose tokenizer.json counts for this path, if there is one. */
async function folderOfTokenizer(path: string): Promise<string | undefined> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory();
  const folder = isFolder ? path : dirname(path);
  const isText = /tokenizer\.json$/.test(path) || isFolder || /\.safetensors(\.index\.json)?$/.test(path);
  const exists = (await stat(join(folder, "tokenizer.json")).catch(() => undefined))?.isFile();
  return isText && exists ? folder : undefined;
}
