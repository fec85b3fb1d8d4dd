// The models among a repository's GGUF files: parts of split ones together, projectors and statistics left out.

import { DeadliftError } from "../error.js";
import { labelMatch, quantLabel } from "./quant_label.js";

export interface RepoFile {
  readonly path: string;
  readonly size: number;
}

/** One GGUF model of a repository. */
export interface GgufModel {
  /** "Q4_K_M"; undefined when its name states none. */
  readonly quant: string | undefined;
  /** The file, or the first part. */
  readonly file: string;
  /** All parts, in order. */
  readonly parts: readonly string[];
  /** Bytes, all parts that are there. */
  readonly size: number;
  /** Parts that its names count and the repository lacks. */
  readonly missing: readonly string[];
}

const part = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s;
/** The largest published models have some 200 files. */
const maxParts = 10_000;
/** Models that a message lists. */
const maxListed = 40;

/** All models, smallest first. */
export function ggufModels(files: readonly RepoFile[]): GgufModel[] {
  const sizes = new Map(files.filter(({ path }) => isModel(path)).map(({ path, size }) => [path, size]));
  const first = new Map<string, string[]>();
  for (const path of sizes.keys()) {
    const parts = partNames(path);
    first.set(parts[0]!, parts);
  }
  const models = [...first].map(([file, parts]) => ({
    quant: quantLabel(file),
    file,
    parts,
    size: parts.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0),
    missing: parts.filter((name) => !sizes.has(name)),
  }));
  return models.sort((a, b) => a.size - b.size || (a.file < b.file ? -1 : 1));
}

/** What most people take: near four and a half bits, else the next finer. */
const popular = ["Q4_K_M", "UD-Q4_K_XL", "Q4_K_S", "Q4_0", "MXFP4_MOE", "MXFP4", "IQ4_XS", "Q5_K_M", "Q6_K", "Q8_0"];

/** The model to show of several, for whoever named none: the most popular quant, else the smallest whole model. */
export function popularGguf(models: readonly GgufModel[]): GgufModel | undefined {
  const whole = models.filter(({ missing }) => missing.length === 0);
  const first = popular.find((quant) => whole.some((model) => model.quant === quant));
  return first === undefined ? whole[0] : whole.find(({ quant }) => quant === first);
}

/** The model of a quant, or the only one there is. Throws QuantNotFound, AmbiguousModel, EntryNotFound. */
export function chooseGguf(models: readonly GgufModel[], quant: string | undefined, repo: string): GgufModel {
  const best = quant === undefined ? 0 : Math.max(0, ...models.map((model) => labelMatch(model.quant, quant)));
  const matching =
    quant === undefined ? models : models.filter((model) => best && labelMatch(model.quant, quant) === best);
  if (matching.length === 0) {
    throw new DeadliftError(
      "QuantNotFound",
      `${repo} has no GGUF of quant "${quant}"; it has ${list(models)}; ${howToName(models, repo)}`,
    );
  }
  if (matching.length > 1) {
    const what = quant === undefined ? "GGUF models" : `GGUF models of quant "${quant}"`;
    throw new DeadliftError(
      "AmbiguousModel",
      `${repo} has ${matching.length} ${what}: ${list(matching)}; ${howToName(matching, repo)}`,
    );
  }
  return complete(matching[0]!, repo);
}

/** Throws EntryNotFound when parts are missing. */
export function complete(model: GgufModel, repo: string): GgufModel {
  if (model.missing.length === 0) return model;
  throw new DeadliftError(
    "EntryNotFound",
    `${repo} lacks ${model.missing.length} of the ${model.parts.length} parts of ${model.file} (${model.missing[0]} is the first); ` +
      "take another quant or revision, or tell its author",
  );
}

/** The names of all parts of a split model, in order; of an undivided one, its own. */
export function partNames(path: string): string[] {
  const [, stem, , count] = part.exec(path) ?? [];
  const parts = Number(count);
  if (!(parts >= 1 && parts <= maxParts)) return [path];
  return Array.from({ length: parts }, (_, i) => `${stem}-${String(i + 1).padStart(5, "0")}-of-${count}.gguf`);
}

/** Not vision projectors, vocabularies without weights, or the statistics that a quantisation was steered by. */
function isModel(path: string): boolean {
  if (!path.endsWith(".gguf")) return false;
  const name = path.slice(path.lastIndexOf("/") + 1, -".gguf".length).toLowerCase();
  if (/(?:^|[^a-z0-9])mm-?proj(?![a-z])/.test(name) || name.startsWith("ggml-vocab-")) return false;
  return !/(?:^|[^a-z0-9])imatrix(?![a-z])/.test(name) || quantLabel(name) !== undefined;
}

function list(models: readonly GgufModel[]): string {
  const entries = models.slice(0, maxListed).map(({ quant, size, file }) => {
    return `${quant ?? "unnamed"} (${readableBytes(size)}, ${file})`;
  });
  const more = models.length - entries.length;
  return entries.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** A quant names a model when no other has it. */
function howToName(models: readonly GgufModel[], repo: string): string {
  const counts = new Map<string | undefined, number>();
  for (const { quant } of models) counts.set(quant, (counts.get(quant) ?? 0) + 1);
  const named = models.find(({ quant }) => quant !== undefined && counts.get(quant) === 1);
  return named ? `name one as "${repo}:${named.quant}"` : `name one as "hf://${repo}/${models[0]!.file}"`;
}

function readableBytes(size: number): string {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(size, 1)) / 3));
  const value = size / 1000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}
