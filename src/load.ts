// loadModel(): name -> files -> config -> program -> executable.

import { fileURLToPath } from "node:url";
import { compile, type RunOptions } from "./compile.js";
import { DeadliftError, expected } from "./error.js";
import { openModel } from "./formats/open.js";
import { templatesOf, tokenizerOf } from "./language.js";
import { Model } from "./model.js";
import { checkChoice, checkInteger, checkKeys } from "./options.js";
import { aborted } from "./scheduler.js";

/** The folder of the small model that comes with deadlift. */
export const embeddedModel: string = fileURLToPath(new URL("../models/tiny", import.meta.url));

export interface LoadProgress {
  readonly stage: "files" | "tokenizer" | "program" | "ready";
}

export interface LoadOptions extends RunOptions {
  /** Where to run; "auto" (the default) takes the CPU. */
  readonly device?: "auto" | "cpu" | undefined;
  /** Stops the loading. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

const loadKeys = ["device", "threads", "isa", "contextSize", "kvType", "signal", "onProgress"] as const;

/**
 * Opens a model as it was published and makes it ready to run. `name` is a folder in Hub layout (safetensors or GGUF)
 * or one file. Weights are mapped, not read: this takes milliseconds.
 */
export async function loadModel(name: string, options: LoadOptions = {}): Promise<Model> {
  checkLoadOptions(name, options);
  const startedAt = performance.now();
  const stage = (now: LoadProgress["stage"]) => {
    if (options.signal?.aborted) throw aborted(options.signal);
    options.onProgress?.({ stage: now });
  };
  stage("files");
  const opened = await openModel(name, { signal: options.signal });
  try {
    stage("tokenizer");
    const tokenizer = await tokenizerOf(opened);
    const templates = templatesOf(opened, tokenizer);
    stage("program");
    const compiled = await compile(opened, options);
    stage("ready");
    return new Model({ name, opened, tokenizer, templates, compiled }, performance.now() - startedAt);
  } catch (error) {
    opened.close();
    throw error;
  }
}

function checkLoadOptions(name: unknown, options: LoadOptions): void {
  if (typeof name !== "string" || name === "") {
    throw new DeadliftError("InvalidArgument", expected("the path of a folder or file", "the model", name));
  }
  checkKeys(options, loadKeys, "loadModel");
  checkChoice("device", options.device, ["auto", "cpu"]);
  checkInteger("threads", options.threads, 1, 1024);
  checkChoice("kvType", options.kvType, ["f32", "f16", "bf16"]);
}
