// Every family, and what is found in them by a file's own word.

import type { Format } from "../names.js";
import { afmoe } from "./afmoe.js";
import { albert } from "./albert.js";
import { apertus } from "./apertus.js";
import { arcee } from "./arcee.js";
import { bert } from "./bert.js";
import { cohere } from "./cohere.js";
import { deberta } from "./deberta.js";
import { deepseek } from "./deepseek.js";
import { distilbert } from "./distilbert.js";
import { dots } from "./dots.js";
import { ernie } from "./ernie.js";
import { ernieMoe } from "./ernie_moe.js";
import { eurobert } from "./eurobert.js";
import { exaone } from "./exaone.js";
import { exaoneMoe } from "./exaone_moe.js";
import { falconH1 } from "./falcon_h1.js";
import type { Family, FamilyNames, Known, ModelType } from "./family.js";
import { flexOlmo } from "./flex_olmo.js";
import { gemma } from "./gemma.js";
import { gemma2 } from "./gemma2.js";
import { gemma3n } from "./gemma3n.js";
import { gemma4 } from "./gemma4.js";
import { glm } from "./glm.js";
import { glmMoe } from "./glm_moe.js";
import { glm4 } from "./glm4.js";
import { gptNeox } from "./gpt_neox.js";
import { gptOss } from "./gpt_oss.js";
import { gpt2 } from "./gpt2.js";
import { granite } from "./granite.js";
import { graniteHybrid } from "./granite_hybrid.js";
import { graniteMoe } from "./granite_moe.js";
import { gte } from "./gte.js";
import { helium } from "./helium.js";
import { hunyuan } from "./hunyuan.js";
import { hunyuanMoe } from "./hunyuan_moe.js";
import { hyperclovax } from "./hyperclovax.js";
import { internlm } from "./internlm.js";
import { jinaBertV3 } from "./jina_bert_v3.js";
import { lfm2 } from "./lfm2.js";
import { llama } from "./llama.js";
import { llama4 } from "./llama4.js";
import { mamba } from "./mamba.js";
import { minimax } from "./minimax.js";
import { mistral } from "./mistral.js";
import { mixtral } from "./mixtral.js";
import { modernbert } from "./modernbert.js";
import { mpnet } from "./mpnet.js";
import { nemotron } from "./nemotron.js";
import { nemotronH } from "./nemotron_h.js";
import { nomicBert } from "./nomic_bert.js";
import { olmo } from "./olmo.js";
import { olmoe } from "./olmoe.js";
import { opt } from "./opt.js";
import { phi } from "./phi.js";
import { phi3 } from "./phi3.js";
import { qwen } from "./qwen.js";
import { qwenMoe } from "./qwen_moe.js";
import { qwen3Next } from "./qwen3_next.js";
import { seedOss } from "./seed_oss.js";
import { smollm3 } from "./smollm3.js";
import { stablelm } from "./stablelm.js";
import { starcoder2 } from "./starcoder2.js";
import { t5 } from "./t5.js";

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
  lfm2,
  mamba,
  qwen3Next,
  falconH1,
  nemotronH,
  bert,
  distilbert,
  mpnet,
  t5,
  modernbert,
  albert,
  nomicBert,
  gte,
  jinaBertV3,
  qwenMoe,
  olmoe,
  flexOlmo,
  graniteMoe,
  graniteHybrid,
  deepseek,
  glmMoe,
  dots,
  exaoneMoe,
  minimax,
  ernieMoe,
  hunyuanMoe,
  eurobert,
  afmoe,
  llama4,
  deberta,
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

/**
 * The known model type that this one seems to be a kind of: one whose name it begins with ("qwen2_vl", "qwen2"), else one
 * that begins most like it.
 */
export function nearestType(type: string): string | undefined {
  const shared = (one: string) => {
    const apart = [...one].findIndex((letter, i) => letter !== type[i]);
    return apart < 0 ? one.length : apart;
  };
  const whole = (one: string) => Number(type.startsWith(one));
  const [best] = [...modelTypes.keys()].sort(
    (a, b) => whole(b) - whole(a) || shared(b) - shared(a) || a.length - b.length,
  );
  return best !== undefined && shared(best) >= 3 ? best : undefined;
}

/** What people run most, of so many model types that a message cannot name them all. */
const wellKnown = [
  "llama",
  "mistral",
  "qwen2",
  "qwen3",
  "qwen3_moe",
  "gemma3_text",
  "phi3",
  "gpt_oss",
  "deepseek_v3",
  "bert",
];

/** "llama, mistral, ... and 80 more (MODELS.md)" */
export function knownTypes(): string {
  return `${wellKnown.join(", ")} and ${modelTypes.size - wellKnown.length} more (MODELS.md lists them)`;
}
