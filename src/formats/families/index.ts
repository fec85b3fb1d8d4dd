// Every family, and what is found in them by a file's own word.

import type { Format } from "../names.js";
import { afmoe } from "./afmoe.js";
import { deepseek } from "./deepseek.js";
import { dots } from "./dots.js";
import { ernieMoe } from "./ernie_moe.js";
import { exaoneMoe } from "./exaone_moe.js";
import type { Family, FamilyNames, Known, ModelType } from "./family.js";
import { flexOlmo } from "./flex_olmo.js";
import { glmMoe } from "./glm_moe.js";
import { gptOss } from "./gpt_oss.js";
import { graniteMoe } from "./granite_moe.js";
import { hunyuanMoe } from "./hunyuan_moe.js";
import { llama } from "./llama.js";
import { llama4 } from "./llama4.js";
import { minimax } from "./minimax.js";
import { mixtral } from "./mixtral.js";
import { olmoe } from "./olmoe.js";
import { qwen } from "./qwen.js";
import { qwenMoe } from "./qwen_moe.js";

export type { FamilyNames, Known, ModelType } from "./family.js";

const families: readonly Family[] = [
  llama,
  mixtral,
  qwen,
  gptOss,
  qwenMoe,
  olmoe,
  flexOlmo,
  graniteMoe,
  deepseek,
  glmMoe,
  dots,
  exaoneMoe,
  minimax,
  ernieMoe,
  hunyuanMoe,
  afmoe,
  llama4,
];

/** By `model_type` of config.json. */
export const modelTypes: ReadonlyMap<string, ModelType> = new Map(
  families.flatMap(({ types }) => Object.entries(types)),
);

/** By `general.architecture` of GGUF. */
export const ggufTypes: ReadonlyMap<string, Known> = new Map(families.flatMap(({ gguf = {} }) => Object.entries(gguf)));

const names: Readonly<Record<Format, ReadonlyMap<string, FamilyNames>>> = {
  safetensors: new Map(families.flatMap(({ types, names }) => namesOf(Object.keys(types), names?.safetensors))),
  gguf: new Map(families.flatMap(({ gguf = {}, names }) => namesOf(Object.keys(gguf), names?.gguf))),
};

/** What a family calls its tensors; `type`: its model type, as a file of this format says it. */
export function familyNames(format: Format, type: string | undefined): FamilyNames | undefined {
  return type === undefined ? undefined : names[format].get(type);
}

function namesOf(types: readonly string[], names: FamilyNames | undefined): [string, FamilyNames][] {
  return names ? types.map((type) => [type, names]) : [];
}
