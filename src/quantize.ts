// quantizeModel(): a model in another type, as one GGUF file that llama.cpp opens, too.

import { record } from "./architectures/index.js";
import { type Converted, convert } from "./convert/convert.js";
import { folderSource } from "./convert/from_folder.js";
import { ggufSource } from "./convert/from_gguf.js";
import { readImportance } from "./convert/importance.js";
import type { ModelSource } from "./convert/source.js";
import type { ThreadOptions } from "./engine.js";
import { DeadliftError, expected } from "./error.js";
import { unpackable } from "./formats/checkpoints/index.js";
import { openModel } from "./formats/open.js";
import { findModel } from "./formats/place.js";
import { bindWeights } from "./formats/weights.js";
import type { DownloadProgress } from "./hub/download/progress.js";
import { type HubOptions, hubOptionKeys } from "./hub/settings.js";
import { type LocateOptions, locateModel } from "./locate.js";
import { checkKeys, checkThreads } from "./options.js";
import { fileTypeOf } from "./quants/file_types.js";
import { findQuant, type QuantName } from "./quants/index.js";

/** How far a conversion is: bytes of the file that are written. */
export interface ConversionProgress {
  readonly stage: "quantize";
  readonly bytes: number;
  readonly totalBytes: number;
}

export type QuantizeProgress = DownloadProgress | ConversionProgress;

export interface QuantizeOptions extends ThreadOptions, HubOptions, Pick<LocateOptions, "revision" | "quant"> {
  /** What to make: "Q4_K_M", "Q8_0", "F16" ... in any case; llama.cpp's names and mixes. */
  readonly type: string;
  /** File of an importance matrix, made by llama.cpp's tool: values that matter more lose less. */
  readonly imatrix?: string | undefined;
  /** Types for tensors whose GGUF names match a regular expression, against the mix: `{ "ffn_down": "Q8_0" }`. */
  readonly tensorTypes?: Readonly<Record<string, string>> | undefined;
  /** Also quantise tensors that are quantised already, and lose more by it. Scaled floats of 8 bits count as originals. */
  readonly allowRequantize?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: QuantizeProgress) => void) | undefined;
}

export interface QuantizeResult {
  readonly out: string;
  /** The file type, as llama.cpp spells it. */
  readonly type: string;
  /** Size of the file. */
  readonly bytes: number;
  /** Parameters of each type in it. */
  readonly types: Readonly<Record<string, number>>;
}

const ownKeys = ["type", "imatrix", "tensorTypes", "allowRequantize", "threads", "priority", "signal", "onProgress"];
const keys = [...ownKeys, "revision", "quant", ...hubOptionKeys];

/**
 * Writes a model (a folder, a file, or a name of the Hub) as the GGUF file `out`, whole or not at all. Throws
 * UnsupportedQuant for types that cannot be written yet, and what loadModel throws for models that cannot run.
 */
export async function quantizeModel(name: string, out: string, options: QuantizeOptions): Promise<QuantizeResult> {
  checkOptions(name, out, options);
  const { type, imatrix, allowRequantize, threads, priority, signal, onProgress } = options;
  const fileType = fileTypeOf(type);
  const overrides = readOverrides(options.tensorTypes ?? {});
  const importance = imatrix === undefined ? undefined : await readImportance(imatrix);
  const { path, source: hub } = await locateModel(name, options);
  const source = await openSource(path, hub?.repo, signal);
  try {
    const converted: Converted = await convert(source, out, {
      fileType,
      importance,
      overrides,
      allowRequantise: allowRequantize,
      threads,
      priority,
      signal,
      onProgress: (bytes, totalBytes) => onProgress?.({ stage: "quantize", bytes, totalBytes }),
    });
    return { out, type: fileType.name, ...converted };
  } finally {
    source.close();
  }
}

/** A folder's model must be one that runs here; GGUF files of any kind can be copied. */
export async function openSource(
  path: string,
  id: string | undefined,
  signal: AbortSignal | undefined,
): Promise<ModelSource> {
  const { format, weights } = await findModel(path);
  if (format === "gguf") return ggufSource(weights, signal);
  const opened = await openModel(path, { signal });
  try {
    const program = record(opened.config);
    const weights = unpackable(program, opened);
    bindWeights(program, weights);
    return folderSource(opened, weights, id);
  } catch (error) {
    opened.close();
    throw error;
  }
}

function checkOptions(name: unknown, out: unknown, options: QuantizeOptions): void {
  if (typeof name !== "string" || name === "") {
    throw new DeadliftError("InvalidArgument", expected("a path or the name of a repository", "the model", name));
  }
  if (typeof out !== "string" || out === "") {
    throw new DeadliftError("InvalidArgument", expected("the path of a file", "the output", out));
  }
  if (!out.endsWith(".gguf")) {
    throw new DeadliftError("InvalidArgument", expected('a name that ends with ".gguf"', "the output", out));
  }
  checkKeys(options, keys, "quantizeModel");
  checkThreads(options);
  if (options.imatrix !== undefined && typeof options.imatrix !== "string") {
    throw new DeadliftError("InvalidArgument", expected("the path of a file", "imatrix", options.imatrix));
  }
}

/** Patterns and types, in the order they were given. */
function readOverrides(tensorTypes: Readonly<Record<string, string>>): [RegExp, QuantName][] {
  if (typeof tensorTypes !== "object" || tensorTypes === null || Array.isArray(tensorTypes)) {
    throw new DeadliftError("InvalidArgument", expected("an object of patterns and types", "tensorTypes", tensorTypes));
  }
  return Object.entries(tensorTypes).map(([pattern, name]) => {
    const quant = typeof name === "string" ? findQuant(name.toUpperCase()) : undefined;
    if (quant?.id === undefined) {
      throw new DeadliftError("InvalidArgument", expected("a tensor type of GGUF", `tensorTypes["${pattern}"]`, name));
    }
    try {
      return [new RegExp(pattern), quant.name];
    } catch (cause) {
      const what = expected("a regular expression", "a key of tensorTypes", pattern);
      throw new DeadliftError("InvalidArgument", what, { cause });
    }
  });
}
