// Every family, and what is found in them by a file's own word.

import type { Format } from "../names.js";
import { apertus } from "./apertus.js";
import { arcee } from "./arcee.js";
import { cohere } from "./cohere.js";
import { ernie } from "./ernie.js";
import { exaone } from "./exaone.js";
import type { Family, FamilyNames, Known, ModelType } from "./family.js";
import { gemma } from "./gemma.js";
import { gemma2 } from "./gemma2.js";
import { gemma3n } from "./gemma3n.js";
import { gemma4 } from "./gemma4.js";
import { glm } from "./glm.js";
import { glm4 } from "./glm4.js";
import { gptNeox } from "./gpt_neox.js";
import { gptOss } from "./gpt_oss.js";
import { gpt2 } from "./gpt2.js";
import { granite } from "./granite.js";
import { helium } from "./helium.js";
import { hunyuan } from "./hunyuan.js";
import { hyperclovax } from "./hyperclovax.js";
import { internlm } from "./internlm.js";
import { llama } from "./llama.js";
import { mistral } from "./mistral.js";
import { mixtral } from "./mixtral.js";
import { nemotron } from "./nemotron.js";
import { olmo } from "./olmo.js";
import { opt } from "./opt.js";
import { phi } from "./phi.js";
import { phi3 } from "./phi3.js";
import { qwen } from "./qwen.js";
import { seedOss } from "./seed_oss.js";
import { smollm3 } from "./smollm3.js";
import { stablelm } from "./stablelm.js";
import { starcoder2 } from "./starcoder2.js";

export type { FamilyNames, Known, ModelType, RopeFields } from "./family.js";

const families: readonly Family[] = [
  llama,
  mistral,
  smollm3,
  gemma,
  gemma2,
  gemma3n,
  gemma4,
  phi3,
  olmo,
  granite,
  exaone,
  seedOss,
  ernie,
  internlm,
  hunyuan,
  hyperclovax,
  arcee,
  apertus,
  helium,
  glm,
  glm4,
  stablelm,
  cohere,
  starcoder2,
  nemotron,
  phi,
  gpt2,
  gptNeox,
  opt,
  mixtral,
  qwen,
  gptOss,
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
