// Opens a model as it was published: a folder in Hub layout, or one file. Nothing is copied, nothing converted.

import { dirname, join } from "node:path";
import type { Config } from "../program/config.js";
import type { Tensor } from "../tensor.js";
import { folderLicence } from "./about.js";
import { type Method, methodOf } from "./checkpoints/index.js";
import { type JsonObject, readJson, WeightFiles } from "./file.js";
import { type GenerationDefaults, generationFromGguf, generationFromJson } from "./generation.js";
import type { Metadata } from "./gguf_metadata.js";
import { configOf, type Headers, maxConfigBytes, readHeaders } from "./headers.js";
import type { Format } from "./names.js";
import { findModel } from "./place.js";
import type { SentenceModules } from "./sentence_modules.js";
import { folderTexts, ggufTexts, type Texts } from "./texts.js";

export { countValues } from "./headers.js";

export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface OpenedModel extends Texts {
  readonly format: Format;
  /** The model type, as config.json or GGUF says it, where we know it. */
  readonly type: string | undefined;
  /** The weight files, in the order they were opened. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly config: Config;
  /** By canonical name (names.ts). A tied output is the same tensor under two names. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Tensors whose names mean nothing to us. */
  readonly unused: readonly Tensor[];
  /** config.json beside safetensors. */
  readonly json: JsonObject | undefined;
  /** What makes vectors of its states, as sentence-transformers stores it. */
  readonly modules: SentenceModules<Tensor> | undefined;
  /** How packed weights are to be read (checkpoints/). */
  readonly method: Method | undefined;
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
    const headers = await readHeaders(place, files);
    const config = configOf(headers);
    const about = await (headers.metadata
      ? aboutGguf(headers.metadata, config, place.weights)
      : aboutFolder(headers, config));
    const { list } = files;
    return {
      ...about,
      path,
      format: place.format,
      type: headers.type,
      config,
      tensors: headers.tensors,
      unused: headers.unused,
      json: headers.json,
      modules: headers.modules,
      method: methodOf(headers.json, headers.source),
      files: list.map((each) => ({ path: each.path, size: each.file.size })),
      close: () => files.close(),
    };
  } catch (error) {
    files.close();
    throw error;
  }
}

type About = Omit<Texts, "path"> & Pick<OpenedModel, "generation" | "licence">;

async function aboutFolder({ json, source }: Headers<Tensor>, config: Config): Promise<About> {
  const folder = dirname(source);
  const generationPath = join(folder, "generation_config.json");
  const [texts, generationJson, licence] = await Promise.all([
    folderTexts(folder, json),
    readJson(generationPath, maxConfigBytes),
    folderLicence(folder),
  ]);
  return { ...texts, generation: generationFromJson(generationJson, config.vocab, generationPath), licence };
}

function aboutGguf(metadata: Metadata, config: Config, source: string): About {
  const licence = metadata.get("general.license");
  return {
    ...ggufTexts(metadata),
    generation: generationFromGguf(metadata, config.tokens.eos, source),
    licence: typeof licence === "string" ? licence : undefined,
  };
}
