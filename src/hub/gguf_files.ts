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
  /** Parts, as its names count them. */
  readonly parts: number;
  /** Parts that are there. */
  readonly present: number;
  /** Bytes of those. */
  readonly size: number;
}

const part = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s;
/** The largest published models have some 200 files. */
const maxParts = 10_000;
/** Models that a message lists. */
const maxListed = 40;
const maxListedName = 200;

/** All models, smallest first. */
export function ggufModels(files: readonly RepoFile[]): GgufModel[] {
  const models = new Map<string, { file: string; parts: number; present: number; size: number }>();
  for (const { path, size } of files.filter(({ path }) => isModel(path))) {
    const split = splitOf(path);
    const file = split ? partName(split, 1) : path;
    const model = models.get(file) ?? { file, parts: split?.parts ?? 1, present: 0, size: 0 };
    models.set(file, { ...model, present: model.present + 1, size: model.size + size });
  }
  return [...models.values()]
    .map((model) => ({ quant: quantLabel(model.file), ...model }))
    .sort((a, b) => a.size - b.size || (a.file < b.file ? -1 : 1));
}

/** What most people take: near four and a half bits, else the next finer. */
const popular = ["Q4_K_M", "UD-Q4_K_XL", "Q4_K_S", "Q4_0", "MXFP4_MOE", "MXFP4", "IQ4_XS", "Q5_K_M", "Q6_K", "Q8_0"];

/** The model to show of several, for whoever named none: the most popular quant, else the smallest whole model. */
export function popularGguf(models: readonly GgufModel[]): GgufModel | undefined {
  const whole = models.filter(isComplete);
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

export function isComplete({ parts, present }: GgufModel): boolean {
  return present === parts;
}

/** Throws EntryNotFound when parts are missing. */
export function complete(model: GgufModel, repo: string): GgufModel {
  if (isComplete(model)) return model;
  throw new DeadliftError(
    "EntryNotFound",
    `${repo} lacks ${model.parts - model.present} of the ${model.parts} parts of ${model.file}; ` +
      "take another quant or revision, or tell its author",
  );
}

/** The names of all parts of the model that a file belongs to, in order; of an undivided one, its own. */
export function partNames(path: string): string[] {
  const split = splitOf(path);
  if (!split) return [path];
  return Array.from({ length: split.parts }, (_, i) => partName(split, i + 1));
}

interface Split {
  readonly stem: string;
  readonly parts: number;
}

/** undefined: a file for itself. Nothing is made as often as a name claims. */
function splitOf(path: string): Split | undefined {
  const [, stem, number, count] = part.exec(path) ?? [];
  const parts = Number(count);
  const isPart = parts >= 1 && parts <= maxParts && Number(number) >= 1 && Number(number) <= parts;
  return isPart ? { stem: stem!, parts } : undefined;
}

function partName({ stem, parts }: Split, number: number): string {
  const digits = (value: number) => String(value).padStart(5, "0");
  return `${stem}-${digits(number)}-of-${digits(parts)}.gguf`;
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
    const name = file.length > maxListedName ? `${file.slice(0, maxListedName)}...` : file;
    return `${quant ?? "unnamed"} (${readableBytes(size)}, ${name})`;
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
