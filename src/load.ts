// loadModel(): name -> files -> config -> program -> executable.

import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { kvTypes, precisions } from "./backends/backend.js";
import { compile, type RunOptions, type UploadProgress } from "./compile.js";
import { checkDevice } from "./devices.js";
import { DeadliftError, expected } from "./error.js";
import { type OpenedModel, openModel } from "./formats/open.js";
import type { DownloadProgress } from "./hub/download/progress.js";
import { type HubOptions, hubOptionKeys, hubSettings } from "./hub/settings.js";
import { templatesOf, tokenizerOf } from "./language.js";
import { type Located, type LocateOptions, locateModel } from "./locate.js";
import { Model } from "./model.js";
import { checkChoice, checkKeys, checkThreads } from "./options.js";
import { nextHead } from "./program/config.js";
import { type Pooling, poolings } from "./program/ops.js";
import type { ConversionProgress } from "./quantize.js";
import { openQuantized } from "./quantized/open.js";
import { fileTypeOf } from "./quants/file_types.js";
import type { RepackProgress } from "./repack.js";
import { aborted } from "./scheduler.js";

/** The folder of the small model that comes with deadlift. */
export const embeddedModel: string = fileURLToPath(new URL("../models/tiny", import.meta.url));

/** Where a load has got to; downloads, conversions, repacking of quantised checkpoints and copies to a GPU have numbers. */
export type LoadProgress =
  | DownloadProgress
  | ConversionProgress
  | RepackProgress
  | UploadProgress
  | { readonly stage: OpenStage };
type OpenStage = "files" | "tokenizer" | "program" | "ready";

export interface LoadOptions extends RunOptions, HubOptions, Pick<LocateOptions, "revision" | "quant"> {
  /**
   * Run the weights in another type ("q8_0", "q4_k_m" ..., as quantizeModel takes it). The first load writes a copy beside
   * the Hub's cache, later ones map it; tokenizer and templates stay the original's.
   */
  readonly quantize?: string | undefined;
  /**
   * How the states of a text's tokens become its vector, for models that do not say; encoders without a word on it take
   * "mean". "none": one vector for each token, by `tokens`. Of a model that writes texts, too, this makes vectors.
   */
  readonly pooling?: Pooling | "none" | undefined;
  /** Stops the loading. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

const runKeys = [
  "device",
  "quantize",
  "threads",
  "priority",
  "isa",
  "contextSize",
  "kvType",
  "precision",
  "pooling",
  "signal",
  "onProgress",
];
const loadKeys = [...runKeys, "revision", "quant", ...hubOptionKeys];

/**
 * Opens a model as it was published and makes it ready to run. `name` is a folder in Hub layout or one file (safetensors
 * or GGUF), else a repository of the Hub: "org/model", "org/model@revision", "org/model:Q4_K_M", "hf://...". What the
 * shared cache lacks is downloaded first. Weights are mapped, not read: opening what is there takes milliseconds. Only
 * those of quantised checkpoints (GPTQ, AWQ, FP8, ...) are repacked, into memory.
 */
export async function loadModel(name: string, options: LoadOptions = {}): Promise<Model> {
  checkLoadOptions(name, options);
  const startedAt = performance.now();
  const stage = async (now: OpenStage) => {
    await setImmediate(); // the event loop's turn, and that of who would abort
    if (options.signal?.aborted) throw aborted(options.signal);
    options.onProgress?.({ stage: now });
  };
  const { path, source } = await locateModel(name, options);
  await stage("files");
  const opened = withPooling(await open({ path, source }, options), options.pooling);
  try {
    await stage("program");
    const compiled = await compile(opened, options, options);
    try {
      // After the program: weights are read ahead meanwhile.
      await stage("tokenizer");
      const tokenizer = await tokenizerOf(opened);
      const templates = templatesOf(opened, tokenizer);
      await stage("ready");
      return new Model({ name, source, opened, tokenizer, templates, compiled }, performance.now() - startedAt);
    } catch (error) {
      await compiled.dispose();
      throw error;
    }
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** As it was published, or the copy in another type. */
function open({ path, source }: Located, options: LoadOptions): Promise<OpenedModel> {
  const { quantize, threads, priority, signal, onProgress } = options;
  if (quantize === undefined) return openModel(path, { signal });
  return openQuantized(path, fileTypeOf(quantize), {
    hub: source,
    cacheDir: hubSettings({ ...options, token: false }).cacheDir,
    threads,
    priority,
    signal,
    onProgress: (bytes, totalBytes) => onProgress?.({ stage: "quantize", bytes, totalBytes }),
  });
}

/** Hidden states become vectors of texts, unless somebody wants them as they are. */
function withPooling(opened: OpenedModel, pooling: LoadOptions["pooling"]): OpenedModel {
  const { config } = opened;
  const { kind } = config.head;
  if (pooling === undefined && kind !== "hidden") return opened;
  if (pooling !== undefined && (kind === "classes" || kind === "token_classes")) {
    opened.close();
    throw new DeadliftError(
      "InvalidArgument",
      `${opened.path} has a head of its own (${kind}): there is nothing to pool`,
    );
  }
  const head =
    pooling === "none"
      ? ({ ...nextHead, kind: "hidden" } as const)
      : ({
          ...(kind === "embedding" ? config.head : nextHead),
          kind: "embedding",
          pooling: pooling ?? "mean",
        } as const);
  return { ...opened, config: { ...config, head } };
}

function checkLoadOptions(name: unknown, options: LoadOptions): void {
  if (typeof name !== "string" || name === "") {
    throw new DeadliftError("InvalidArgument", expected("a path or the name of a repository", "the model", name));
  }
  checkKeys(options, loadKeys, "loadModel");
  if (options.quantize !== undefined) fileTypeOf(options.quantize);
  checkDevice(options.device);
  checkThreads(options);
  checkChoice("kvType", options.kvType, kvTypes);
  checkChoice("precision", options.precision, precisions);
  checkChoice("pooling", options.pooling, [...poolings, "none"]);
}
