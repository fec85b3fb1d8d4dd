// What a golden test has measured of a model, for the page of all models (models_page/).

import { join } from "node:path";
import type { TestContext } from "vitest";
import { modelTypeOf } from "../../src/formats/config.js";
import type { JsonObject } from "../../src/formats/file.js";
import { readJson } from "./runner.js";

export interface ModelResult {
  /** model_type of config.json. */
  readonly type: string;
  /** The class that config.json names: a head. */
  readonly class: string;
  readonly format: "safetensors" | "GGUF";
  readonly isa: string;
  /** The largest, of logits or of states. */
  readonly difference: number;
}

declare module "vitest" {
  interface TaskMeta {
    model?: ModelResult;
  }
}

/** Notes what was measured; `folder` has the model's config.json, `file` is what was run. */
export function noteModel(
  { task }: Pick<TestContext, "task">,
  { folder, file, isa, difference }: { folder: string; file: string; isa: string; difference: number },
): void {
  const json = readJson<JsonObject>(join(folder, "config.json"));
  const [name = ""] = (json.architectures ?? []) as string[];
  const format = file.endsWith(".gguf") ? "GGUF" : "safetensors";
  task.meta.model = { type: modelTypeOf(json)!, class: name, format, isa, difference };
}
