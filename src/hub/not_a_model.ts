// Says what a repository holds instead of weights that can be loaded, and what to do.

import { DeadliftError } from "../error.js";
import type { RepoFile } from "./gguf_files.js";

/** What to say of files whose names match, most telling first. */
const kinds: readonly (readonly [RegExp, string])[] = [
  [
    /(^|\/)adapter_(config\.json|model\.)/,
    "an adapter (LoRA): name the model it was made for, which adapter_config.json states",
  ],
  [/(^|\/)model_index\.json$/, "a pipeline of several models (diffusers), which is not supported"],
  [
    /(^|\/)(pytorch_model[^/]*\.bin|[^/]*\.(pth|pt|ckpt))$/,
    "PyTorch files, which may run code when opened: take a repository with safetensors or GGUF, or save it with transformers' save_pretrained()",
  ],
  [
    /(^|\/)consolidated[^/]*\.safetensors$/,
    "weights under their author's own names: take a repository with model.safetensors",
  ],
  [/\.onnx$/, "ONNX files: take the repository that they were made from"],
  [
    /\.(h5|tflite|msgpack|mlmodel|mlpackage\/.*)$/,
    "weights for other frameworks: take a repository with safetensors or GGUF",
  ],
  [/\.nemo$/, "NeMo archives: take a repository with safetensors or GGUF"],
  [/\.bin$/, "files in a format that is not known here: take a repository with safetensors or GGUF"],
  [/\.gguf$/, "only GGUF files that are parts of models (projectors, vocabularies): name the model's own repository"],
];

/** The error for a folder ("": all) of a repository without weights. `quant` is the GGUF that was asked for. */
export function notAModel(
  files: readonly RepoFile[],
  folder: string,
  quant: string | undefined,
  repo: string,
): DeadliftError {
  const where = folder === "" ? repo : `the folder "${folder}" of ${repo}`;
  const paths = files.map(({ path }) => path);
  const safetensors = paths.filter((path) => /(^|\/)(?!adapter_|consolidated\.)[^/]*\.safetensors$/.test(path));
  if (quant !== undefined) {
    const what = safetensors.length > 0 ? `; it has safetensors: name it "${repo}", without a quant` : "";
    return new DeadliftError("QuantNotFound", `${where} has no GGUF files, so none of quant "${quant}"${what}`);
  }
  const looked = `expected model.safetensors, model.safetensors.index.json or a .gguf file in ${where}`;
  if (files.length === 0) return new DeadliftError("NotAModel", `${looked}, which has no files at all`);
  const kind = kinds.find(([pattern]) => paths.some((path) => pattern.test(path)));
  if (kind?.[1].includes("diffusers") || safetensors.length === 0) {
    return new DeadliftError("NotAModel", `${looked}, found ${kind?.[1] ?? listed(paths)}`);
  }
  const advice = safetensors.some((path) => /-\d{5}-of-\d{5}\.safetensors$/.test(path))
    ? "parts without their model.safetensors.index.json cannot be put together"
    : `name one as "hf://${repo}/${safetensors[0]}"`;
  return new DeadliftError("AmbiguousModel", `${looked}, found ${listed(safetensors)}; ${advice}`);
}

function listed(paths: readonly string[]): string {
  return paths.slice(0, 8).join(", ") + (paths.length > 8 ? `, ... (${paths.length} files)` : "");
}
