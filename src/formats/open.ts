// Opens a model as it was published: a folder in Hub layout, or one file. Nothing is copied, nothing converted.

import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DeadliftError } from "../error.js";
import type { Config } from "../program/config.js";
import type { QuantName } from "../quants/index.js";
import type { Tensor } from "../tensor.js";
import { type ChatTemplateSource, folderLicence, folderTemplates, ggufTemplates } from "./about.js";
import { configFromJson } from "./config.js";
import { configFromGguf } from "./config_gguf.js";
import { type JsonObject, readJson, readText, WeightFiles } from "./file.js";
import { type GenerationDefaults, generationFromGguf, generationFromJson } from "./generation.js";
import type { Metadata } from "./gguf_metadata.js";
import { type Format, nameTensors, tieOutput } from "./names.js";
import { openGguf, openIndexed, openSafetensors, splitNames } from "./shards.js";

/** Published ones have some KB; those of large merged vocabularies some 100 KB. */
const maxConfigBytes = 16 * 2 ** 20;
/** Published ones have up to 35 MB. */
const maxTokenizerBytes = 256 * 2 ** 20;

export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface OpenedModel {
  /** What was opened: the path as given. */
  readonly path: string;
  readonly format: Format;
  /** The weight files, in the order they were opened. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly config: Config;
  /** By canonical name (names.ts). A tied output is the same tensor under two names. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Tensors whose names mean nothing to us. */
  readonly unused: readonly Tensor[];
  /** Of GGUF. */
  readonly metadata: Metadata | undefined;
  readonly tokenizerJson: string | undefined;
  readonly tokenizerConfig: JsonObject | undefined;
  readonly specialTokensMap: JsonObject | undefined;
  /** `model_type` of config.json. */
  readonly modelType: string | undefined;
  readonly chatTemplates: readonly ChatTemplateSource[];
  readonly generation: GenerationDefaults;
  readonly licence: string | undefined;
  /** Gives the files back; every tensor's bytes are gone. May be called twice. */
  close(): void;
}

/**
 * Opens a folder or file. Throws FileNotFound, NotAModel, and what the formats throw; then everything that was opened
 * is closed again.
 */
export async function openModel(path: string, options: OpenOptions = {}): Promise<OpenedModel> {
  const files = new WeightFiles(options.signal);
  try {
    const place = await findModel(path);
    const opened = place.format === "gguf" ? await openGgufModel(place, files) : await openHubModel(place, files);
    const { list } = files;
    return {
      ...opened,
      path,
      format: place.format,
      files: list.map((each) => ({ path: each.path, size: each.file.size })),
      close: () => files.close(),
    };
  } catch (error) {
    files.close();
    throw error;
  }
}

/** Values of each quant type: what `inspect` sums up. A tied tensor counts once. */
export function countValues(opened: Pick<OpenedModel, "tensors" | "unused">): Map<QuantName, number> {
  const counts = new Map<QuantName, number>();
  for (const { quant, shape } of new Set([...opened.tensors.values(), ...opened.unused])) {
    counts.set(quant, (counts.get(quant) ?? 0) + shape.reduce((product, size) => product * size, 1));
  }
  return counts;
}

type Opened = Omit<OpenedModel, "path" | "format" | "files" | "close">;

/** Where a model's weights are: one file, or the index of several. */
interface Place {
  readonly format: Format;
  readonly weights: string;
}

async function openHubModel({ weights }: Place, files: WeightFiles): Promise<Opened> {
  const folder = dirname(weights);
  const stored = await (weights.endsWith(".json") ? openIndexed(weights, files) : openSafetensors(weights, files));
  const configPath = join(folder, "config.json");
  const json = await readJson(configPath, maxConfigBytes);
  if (!json) {
    throw new DeadliftError(
      "NotAModel",
      `expected config.json beside ${weights}, found none; download it from the model's repository`,
    );
  }
  const config = configFromJson(json, configPath);
  const { tensors, unused } = nameTensors("safetensors", stored.tensors, stored.ties);
  if (config.tiedOutput) tieOutput(tensors);
  const generationPath = join(folder, "generation_config.json");
  const [tokenizerJson, tokenizerConfig, specialTokensMap, generationJson, licence] = await Promise.all([
    readText(join(folder, "tokenizer.json"), maxTokenizerBytes),
    readJson(join(folder, "tokenizer_config.json"), maxConfigBytes),
    readJson(join(folder, "special_tokens_map.json"), maxConfigBytes),
    readJson(generationPath, maxConfigBytes),
    folderLicence(folder),
  ]);
  return {
    config,
    tensors,
    unused,
    metadata: undefined,
    tokenizerJson,
    tokenizerConfig,
    specialTokensMap,
    modelType: typeof json.model_type === "string" ? json.model_type : undefined,
    chatTemplates: await folderTemplates(folder, tokenizerConfig),
    generation: generationFromJson(generationJson, config.vocab, generationPath),
    licence,
  };
}

async function openGgufModel({ weights }: Place, files: WeightFiles): Promise<Opened> {
  const { metadata, tensors: stored } = await openGguf(weights, files);
  const { tensors, unused } = nameTensors("gguf", stored);
  const config = configFromGguf(metadata, tensors, weights);
  if (config.tiedOutput) tieOutput(tensors);
  const licence = metadata.get("general.license");
  return {
    config,
    tensors,
    unused,
    metadata,
    tokenizerJson: undefined,
    tokenizerConfig: undefined,
    specialTokensMap: undefined,
    modelType: undefined,
    chatTemplates: ggufTemplates(metadata),
    generation: generationFromGguf(metadata, config.tokens.eos, weights),
    licence: typeof licence === "string" ? licence : undefined,
  };
}

async function findModel(path: string): Promise<Place> {
  const stats = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") {
      throw new DeadliftError("FileNotFound", `there is no file or folder ${path}`, { cause });
    }
    throw new DeadliftError("FileUnreadable", `${path} cannot be read: ${cause.message}`, { cause });
  });
  if (stats.isDirectory()) return findInFolder(path);
  if (path.endsWith(".gguf")) return { format: "gguf", weights: path };
  if (path.endsWith(".safetensors") || path.endsWith(".safetensors.index.json")) {
    return { format: "safetensors", weights: path };
  }
  throw new DeadliftError("NotAModel", `expected a folder, a .gguf or a .safetensors file, received ${path}`);
}

/** In the order transformers looks: one file, an index, then a file of any name; then GGUF. */
async function findInFolder(folder: string): Promise<Place> {
  const names = (await readdir(folder)).sort();
  const safetensors = names.filter((name) => name.endsWith(".safetensors") && !name.startsWith("adapter_"));
  for (const name of ["model.safetensors", "model.safetensors.index.json"]) {
    if (names.includes(name)) return { format: "safetensors", weights: join(folder, name) };
  }
  if (safetensors.length === 1) return { format: "safetensors", weights: join(folder, safetensors[0]!) };
  const ggufs = names.filter((name) => name.endsWith(".gguf") && !basename(name).startsWith("mmproj"));
  const models = [...new Set(ggufs.map((name) => splitNames(name)[0]!))];
  if (models.length === 1) return { format: "gguf", weights: join(folder, models[0]!) };
  if (models.length > 1) {
    throw new DeadliftError(
      "NotAModel",
      `${folder} holds ${models.length} GGUF models, name one of them: ${models.join(", ")}`,
    );
  }
  throw notAModel(folder, names, safetensors);
}

function notAModel(folder: string, names: readonly string[], safetensors: readonly string[]): DeadliftError {
  const looked = "expected model.safetensors, model.safetensors.index.json or a .gguf file";
  const found = names.length === 0 ? "nothing" : names.slice(0, 8).join(", ") + (names.length > 8 ? ", ..." : "");
  let advice = "";
  if (safetensors.length > 1) advice = "; several safetensors files need model.safetensors.index.json";
  else if (names.some((name) => /\.(bin|pth|pt)$/.test(name)))
    advice = "; PyTorch files must be converted to safetensors";
  else if (names.includes("adapter_config.json")) advice = "; this is an adapter, open the model it was made for";
  return new DeadliftError("NotAModel", `${looked} in ${folder}, found ${found}${advice}`);
}
