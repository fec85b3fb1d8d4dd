// The sizes that a text model inside another leaves out of config.json where they are those of transformers' own
// configuration class: on the Hub it states only what differs.

import type { JsonObject } from "../file.js";

/** [vocabulary, hidden size, feed-forward network, layers, heads] by `model_type`. */
const sizes: Readonly<Record<string, readonly [number, number, number, number, number]>> = {
  llama: [32000, 4096, 11008, 32, 32],
  mistral: [32000, 4096, 14336, 32, 32],
  ministral: [32000, 4096, 14336, 32, 32],
  ministral3: [131072, 4096, 14336, 34, 32],
  mixtral: [32000, 4096, 14336, 32, 32],
  qwen2: [151936, 4096, 22016, 32, 32],
  qwen3: [151936, 4096, 22016, 32, 32],
  smollm3: [128256, 2048, 11008, 36, 16],
  gemma: [256000, 3072, 24576, 28, 16],
  gemma2: [256000, 2304, 9216, 26, 8],
  gemma3_text: [262208, 2304, 9216, 26, 8],
  gemma3n_text: [262400, 2048, 16384, 35, 8],
  gemma4_text: [262144, 2304, 9216, 30, 8],
  gemma4_unified_text: [262144, 2304, 9216, 30, 8],
  phi3: [32064, 3072, 8192, 32, 32],
  olmo: [50304, 4096, 11008, 32, 32],
  olmo2: [50304, 4096, 11008, 32, 32],
  olmo3: [50304, 4096, 11008, 32, 32],
  granite: [32000, 4096, 11008, 32, 32],
  exaone4: [102400, 4096, 16384, 32, 32],
  seed_oss: [155136, 4096, 27648, 64, 80],
  ernie4_5: [103424, 1024, 3072, 18, 16],
  internlm3: [128512, 4096, 10240, 48, 32],
  hunyuan_v1_dense: [290943, 4096, 11008, 32, 32],
  hyperclovax: [32000, 4096, 11008, 32, 32],
  arcee: [32000, 2560, 18432, 32, 32],
  helium: [48000, 2560, 7040, 24, 20],
  glm: [151552, 4096, 13696, 40, 32],
  glm4: [151552, 4096, 13696, 40, 32],
  stablelm: [50304, 2560, 6912, 32, 32],
  cohere: [256000, 8192, 22528, 40, 64],
  cohere2: [256000, 8192, 22528, 40, 64],
  starcoder2: [49152, 3072, 12288, 30, 24],
  nemotron: [256000, 6144, 24576, 32, 48],
  phi: [51200, 2048, 8192, 24, 32],
  gpt_neox: [50432, 6144, 24576, 44, 64],
  opt: [50272, 768, 3072, 12, 12],
};

/** By the words of config.json. */
export function insideSizes(type: string): JsonObject {
  if (!Object.hasOwn(sizes, type)) return {};
  const [vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads] = sizes[type]!;
  return { vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads };
}
