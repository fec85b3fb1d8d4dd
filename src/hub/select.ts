// Which files of a repository a load needs: weights in one format, and the texts beside them.

import { DeadliftError, expected } from "../error.js";
import { chooseGguf, complete, type GgufModel, ggufModels, partNames, type RepoFile } from "./gguf_files.js";
import { notAModel } from "./not_a_model.js";

export interface Wanted {
  /** "Q4_K_M": the GGUF of that quant. */
  readonly quant?: string | undefined;
  /** One weight file, an index, or a folder of the repository. */
  readonly file?: string | undefined;
}

export interface Selection {
  readonly format: "safetensors" | "gguf";
  /** What to open: the weight file, its index, or the first part. */
  readonly open: string;
  readonly weights: readonly string[];
  /** Configuration, tokenizer, templates, and the index: those that exist. */
  readonly texts: readonly string[];
  /** Of GGUF, by its name. */
  readonly quant: string | undefined;
}

/** The index of the largest published models has some 15 MB. */
const maxIndexBytes = 64 * 2 ** 20;
/** The largest published models have some 200 files. */
const maxShards = 10_000;

const textNames = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  "chat_template.json",
  "modules.json",
  "sentence_bert_config.json",
  "config_sentence_transformers.json",
];

/** What modules.json of sentence-transformers names; the weights of its dense layers are small. */
const moduleFile = /^\d+_\w+\/(?:config\.json|model\.safetensors)$/;

/**
 * The files that loading needs. `read` gives the text of an index. Throws NotAModel, AmbiguousModel, QuantNotFound,
 * EntryNotFound (files that others name are missing), InvalidSafetensors (an index that makes no sense).
 */
export async function selectFiles(
  files: readonly RepoFile[],
  wanted: Wanted,
  read: (path: string) => Promise<string>,
  repo: string,
): Promise<Selection> {
  const selection = await findWeights(files, wanted, read, repo);
  if (selection.format === "gguf" || selection.texts.includes(join(folderOf(selection.open), "config.json"))) {
    return selection;
  }
  throw new DeadliftError(
    "NotAModel",
    `expected config.json beside ${selection.open} in ${repo}, found none: it is no model of transformers`,
  );
}

/** The same for looking only: without config.json a model cannot run, but its weights can be counted. */
export async function findWeights(
  files: readonly RepoFile[],
  { quant, file }: Wanted,
  read: (path: string) => Promise<string>,
  repo: string,
): Promise<Selection> {
  const folder = file === undefined ? "" : file.replace(/\/+$/, "");
  if (file !== undefined && !files.some(({ path }) => path.startsWith(`${folder}/`))) {
    if (quant === undefined) return namedFile(files, file, read, repo);
    throw new DeadliftError(
      "InvalidArgument",
      `expected a quant or a file of ${repo}, received both: ${quant}, ${file}`,
    );
  }
  const inside = folder === "" ? files : files.filter(({ path }) => path.startsWith(`${folder}/`));
  const models = ggufModels(inside);
  const safetensors = quant === undefined ? mainSafetensors(inside, folder, models.length > 0) : undefined;
  if (safetensors !== undefined) return safetensorsOf(files, safetensors, read, repo);
  if (models.length > 0) return ggufOf(chooseGguf(models, quant, repo));
  throw notAModel(inside, folder, quant, repo);
}

/**
 * What a tokenizer needs beside weights of this choice; empty when they are, or would have to be, in the weights' own
 * file (GGUF). All are of one folder.
 */
export function selectTexts(files: readonly RepoFile[], { quant, file }: Wanted): string[] {
  if (quant !== undefined || file?.endsWith(".gguf")) return [];
  const isFile = file !== undefined && files.some(({ path }) => path === file);
  const texts = textsOf(
    new Set(files.map(({ path }) => path)),
    isFile ? folderOf(file) : (file ?? "").replace(/\/+$/, ""),
  );
  return texts.some((path) => /(^|\/)tokenizer\.json$/.test(path)) ? texts : [];
}

async function namedFile(
  files: readonly RepoFile[],
  file: string,
  read: (path: string) => Promise<string>,
  repo: string,
): Promise<Selection> {
  if (!files.some(({ path }) => path === file)) {
    throw new DeadliftError("EntryNotFound", `${repo} has no file or folder "${file}"; look at its list of files`);
  }
  if (file.endsWith(".gguf")) {
    const parts = new Set(partNames(file));
    const model = ggufModels(files.filter(({ path }) => parts.has(path)))[0];
    return ggufOf(complete(model ?? { quant: undefined, file, parts: 1, present: 1, size: 0 }, repo));
  }
  if (/\.safetensors(\.index\.json)?$/.test(file)) return safetensorsOf(files, file, read, repo);
  throw new DeadliftError(
    "NotAModel",
    `expected a .safetensors, .safetensors.index.json or .gguf file of ${repo}, received "${file}"`,
  );
}

/** In the order transformers looks. GGUF wins over safetensors that no config.json makes a model. */
function mainSafetensors(files: readonly RepoFile[], folder: string, hasGguf: boolean): string | undefined {
  const prefix = folder === "" ? "" : `${folder}/`;
  const names = files
    .filter(({ path }) => path.startsWith(prefix) && !path.slice(prefix.length).includes("/"))
    .map(({ path }) => path.slice(prefix.length));
  if (hasGguf && !names.includes("config.json")) return undefined;
  const main = ["model.safetensors", "model.safetensors.index.json"].find((name) => names.includes(name));
  if (main !== undefined) return prefix + main;
  const others = names.filter((name) => /^(?!adapter_|consolidated\.).*\.safetensors$/s.test(name));
  return others.length === 1 ? prefix + others[0] : undefined;
}

async function safetensorsOf(
  files: readonly RepoFile[],
  open: string,
  read: (path: string) => Promise<string>,
  repo: string,
): Promise<Selection> {
  const present = new Set(files.map(({ path }) => path));
  const indexed = open.endsWith(".json");
  const weights = indexed ? await readIndex(files, open, read, repo) : [open];
  const missing = weights.filter((path) => !present.has(path));
  if (missing.length > 0) {
    throw new DeadliftError(
      "EntryNotFound",
      `${repo} lacks ${missing.length} of the ${weights.length} files that ${open} names (${missing[0]} is the first); ` +
        "take another revision, or tell its author",
    );
  }
  const texts = [...(indexed ? [open] : []), ...textsOf(present, folderOf(open))];
  return { format: "safetensors", open, weights, texts, quant: undefined };
}

function textsOf(present: ReadonlySet<string>, folder: string): string[] {
  const templates = join(folder, "additional_chat_templates/");
  const inside = (path: string) => (folder === "" ? path : path.slice(folder.length + 1));
  const hasModules = present.has(join(folder, "modules.json"));
  return [
    ...textNames.map((name) => join(folder, name)).filter((path) => present.has(path)),
    ...[...present].filter((path) => hasModules && path.startsWith(folder) && moduleFile.test(inside(path))),
    ...[...present].filter((path) => path.startsWith(templates) && /^[^/]+\.jinja$/.test(path.slice(templates.length))),
  ];
}

/** The files that an index names, sorted; a name with a path in it could reach outside of the model's folder. */
async function readIndex(
  files: readonly RepoFile[],
  open: string,
  read: (path: string) => Promise<string>,
  repo: string,
): Promise<string[]> {
  const size = files.find(({ path }) => path === open)?.size ?? 0;
  const text = size > maxIndexBytes ? "" : await read(open);
  if (size > maxIndexBytes || text.length > maxIndexBytes) {
    const received = Math.max(size, text.length);
    throw new DeadliftError(
      "LimitExceeded",
      expected(`at most ${maxIndexBytes} bytes`, `${open} of ${repo}`, received),
    );
  }
  const names = new Set(Object.values(weightMap(text, open, repo)));
  const bad = [...names].find((name) => typeof name !== "string" || !/^[^/\\:\0]+\.safetensors$/.test(name));
  if (bad !== undefined) {
    const what = 'file names that end with ".safetensors", without a path,';
    throw new DeadliftError("InvalidSafetensors", expected(what, `weight_map in ${open} of ${repo}`, bad));
  }
  if (names.size > maxShards) {
    throw new DeadliftError("LimitExceeded", expected(`at most ${maxShards} files`, `${open} of ${repo}`, names.size));
  }
  return ([...names] as string[]).sort().map((name) => join(folderOf(open), name));
}

function weightMap(text: string, open: string, repo: string): object {
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch (cause) {
    throw new DeadliftError("InvalidSafetensors", `${open} of ${repo} is not JSON; tell its author`, { cause });
  }
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map === "object" && map !== null && !Array.isArray(map) && Object.keys(map).length > 0) return map;
  throw new DeadliftError(
    "InvalidSafetensors",
    expected("an object of file names", `weight_map in ${open} of ${repo}`, map),
  );
}

function ggufOf({ file, quant }: GgufModel): Selection {
  return { format: "gguf", open: file, weights: partNames(file), texts: [], quant };
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function join(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}
