// Finds a model's weights in what the user named: a file, or a folder in Hub layout.

import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { DeadliftError } from "../error.js";
import type { Format } from "./names.js";
import { splitNames } from "./shards.js";

/** Where a model's weights are: one file, or the index of several. */
export interface Place {
  readonly format: Format;
  readonly weights: string;
}

/** Throws FileNotFound, FileUnreadable, NotAModel. */
export async function findModel(path: string): Promise<Place> {
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
