// Which model of a repository to look at: the one a load would take, or of several GGUF models a popular one.

import { DeadliftError } from "../error.js";
import { type GgufModel, ggufModels, popularGguf, type RepoFile } from "../hub/gguf_files.js";
import { findWeights, type Selection, type Wanted } from "../hub/select.js";

export interface Choice {
  readonly selection: Selection;
  /** All GGUF models when there are several and none was named. */
  readonly choices: readonly GgufModel[];
}

export type ReadText = (path: string) => Promise<string>;

/** `isHere` says which models are preferred. Throws as findWeights does, but not for several GGUF models. */
export async function chooseModel(
  files: readonly RepoFile[],
  wanted: Wanted,
  read: ReadText,
  repo: string,
  isHere: (model: GgufModel) => Promise<boolean> = async () => true,
): Promise<Choice> {
  try {
    return { selection: await findWeights(files, wanted, read, repo), choices: [] };
  } catch (error) {
    const choices = ggufModels(filesIn(files, wanted.file));
    const isOpen = error instanceof DeadliftError && error.code === "AmbiguousModel" && wanted.quant === undefined;
    if (!isOpen || choices.length === 0) throw error;
    const here = await Promise.all(choices.map(isHere));
    const shown = popularGguf(choices.filter((_, i) => here[i])) ?? popularGguf(choices);
    if (!shown) throw error;
    return { selection: await findWeights(files, { file: shown.file }, read, repo), choices };
  }
}

/** For an index that may not be read: it is taken to name every safetensors file beside it. */
export function guessedIndex(files: readonly RepoFile[], index: string): string {
  const folder = index.slice(0, index.lastIndexOf("/") + 1);
  const names = files
    .map(({ path }) => path)
    .filter(
      (path) =>
        path.startsWith(folder) && /^(?!adapter_|consolidated\.)[^/]+\.safetensors$/.test(path.slice(folder.length)),
    )
    .map((path) => path.slice(folder.length));
  return JSON.stringify({ weight_map: Object.fromEntries(names.map((name) => [name, name])) });
}

function filesIn(files: readonly RepoFile[], folder: string | undefined): readonly RepoFile[] {
  return folder === undefined ? files : files.filter(({ path }) => path.startsWith(`${folder.replace(/\/+$/, "")}/`));
}
