// Opens a model as it was published: a folder in Hub layout, or one file. Nothing is copied, nothing converted.

import { dirname, join } from "node:path";
import { DeadliftError } from "../error.js";
import type { Config } from "../program/config.js";
import type { QuantName } from "../quants/index.js";
import type { Tensor } from "../tensor.js";
import { folderLicence } from "./about.js";
import { configFromJson } from "./config.js";
import { configFromGguf } from "./config_gguf.js";
import { readJson, WeightFiles } from "./file.js";
import { type GenerationDefaults, generationFromGguf, generationFromJson } from "./generation.js";
import { type Format, nameTensors, tieOutput } from "./names.js";
import { findModel, type Place } from "./place.js";
import { openGguf, openIndexed, openSafetensors } from "./shards.js";
import { folderTexts, ggufTexts, maxConfigBytes, type Texts } from "./texts.js";

export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface OpenedModel extends Texts {
  readonly format: Format;
  /** The weight files, in the order they were opened. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly config: Config;
  /** By canonical name (names.ts). A tied output is the same tensor under two names. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Tensors whose names mean nothing to us. */
  readonly unused: readonly Tensor[];
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
  const [texts, generationJson, licence] = await Promise.all([
    folderTexts(folder, json),
    readJson(generationPath, maxConfigBytes),
    folderLicence(folder),
  ]);
  const generation = generationFromJson(generationJson, config.vocab, generationPath);
  return { ...texts, config, tensors, unused, generation, licence };
}

async function openGgufModel({ weights }: Place, files: WeightFiles): Promise<Opened> {
  const { metadata, tensors: stored } = await openGguf(weights, files);
  const { tensors, unused } = nameTensors("gguf", stored);
  const config = configFromGguf(metadata, tensors, weights);
  if (config.tiedOutput) tieOutput(tensors);
  const licence = metadata.get("general.license");
  return {
    ...ggufTexts(metadata),
    config,
    tensors,
    unused,
    generation: generationFromGguf(metadata, config.tokens.eos, weights),
    licence: typeof licence === "string" ? licence : undefined,
  };
}
