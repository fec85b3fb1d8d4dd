// Inspects files that are here: a path that somebody named, or a snapshot in the cache.

import { dirname, join } from "node:path";
import { folderLicence } from "../formats/about.js";
import { type ModelFiles, readTextStart, WeightFiles } from "../formats/file.js";
import { readHeaders } from "../formats/headers.js";
import { findModel, type Place } from "../formats/place.js";
import type { TensorInfo } from "../formats/sizes.js";
import { cardBytes, cardSummary } from "./card.js";
import { factsOf } from "./facts.js";
import type { Inspection, InspectOptions, ModelFacts, PlanOptions } from "./inspection.js";

/** What headers tell. */
export interface Looked {
  readonly facts: ModelFacts;
  /** In the metadata of GGUF. */
  readonly licence: string | undefined;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** A folder or file. Throws FileNotFound, NotAModel, and what reading headers throws. */
export async function inspectPath(path: string, options: InspectOptions): Promise<Inspection> {
  const place = await findModel(path);
  const { facts, licence, files } = await lookAt(place, options);
  // A card beside a GGUF file is of its folder, which may hold anything.
  const folder = place.format === "gguf" ? undefined : dirname(place.weights);
  return {
    name: path,
    source: "local",
    path,
    format: place.format,
    repo: undefined,
    revision: undefined,
    commit: undefined,
    quant: undefined,
    choices: [],
    ...facts,
    licence: folder === undefined ? licence : await folderLicence(folder),
    summary: folder === undefined ? undefined : await summaryOf(join(folder, "README.md")),
    gated: undefined,
    private: undefined,
    task: undefined,
    library: undefined,
    tags: [],
    downloads: undefined,
    likes: undefined,
    files,
    totalBytes: files.reduce((sum, { size }) => sum + size, 0),
    traffic: undefined,
  };
}

/** Maps the files, reads their headers, and closes them again. */
export async function lookAt(place: Place, options: InspectOptions): Promise<Looked> {
  const files = new WeightFiles(options.signal);
  try {
    const looked = await look(place, files, options);
    return { ...looked, files: files.list.map(({ path, size }) => ({ path, size })) };
  } finally {
    files.close();
  }
}

/** Reads the headers, wherever the files are. */
export async function look<T extends TensorInfo>(
  place: Place,
  files: ModelFiles<T>,
  plan: PlanOptions,
): Promise<Omit<Looked, "files">> {
  const headers = await readHeaders(place, files);
  const licence = headers.metadata?.get("general.license");
  return { facts: factsOf(headers, plan), licence: typeof licence === "string" ? licence : undefined };
}

/** The summary of a model card; undefined when it cannot be read, too. */
export async function summaryOf(path: string): Promise<string | undefined> {
  const text = await readTextStart(path, cardBytes).catch(() => undefined);
  return text === undefined ? undefined : cardSummary(text);
}
