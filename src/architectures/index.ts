// Every architecture by its canonical name, and the one way to record one.

import { DeadliftError } from "../error.js";
import type { Config } from "../program/config.js";
import type { BufferId, Program } from "../program/ops.js";
import { Recorder } from "../program/recorder.js";
import { afmoe } from "./afmoe.js";
import { albert } from "./albert.js";
import { apertus } from "./apertus.js";
import { arcee } from "./arcee.js";
import { bert } from "./bert.js";
import { cohere } from "./cohere.js";
import { deberta } from "./deberta.js";
import { deepseekV2 } from "./deepseek_v2.js";
import { deepseekV3 } from "./deepseek_v3.js";
import { dots1 } from "./dots1.js";
import { ernie45Moe } from "./ernie4_5_moe.js";
import { exaone4 } from "./exaone4.js";
import { falconH1 } from "./falcon_h1.js";
import { flexOlmo } from "./flex_olmo.js";
import { gemma2 } from "./gemma2.js";
import { gemma3 } from "./gemma3.js";
import { gemma3n } from "./gemma3n.js";
import { gemma4 } from "./gemma4.js";
import { glm } from "./glm.js";
import { glm4 } from "./glm4.js";
import { glm4Moe } from "./glm4_moe.js";
import { gptNeox } from "./gpt_neox.js";
import { gptOss } from "./gpt_oss.js";
import { gpt2 } from "./gpt2.js";
import { graniteHybrid } from "./granite_hybrid.js";
import { graniteMoe } from "./granite_moe.js";
import { gte } from "./gte.js";
import { head } from "./head.js";
import { hunyuan } from "./hunyuan.js";
import { hunyuanMoe } from "./hunyuan_moe.js";
import { jinaBertV3 } from "./jina_bert_v3.js";
import { lfm2 } from "./lfm2.js";
import { llama } from "./llama.js";
import { llama4, llama4Plain } from "./llama4.js";
import { mamba } from "./mamba.js";
import { mamba2 } from "./mamba2.js";
import { minimaxM2 } from "./minimax_m2.js";
import { mixtral } from "./mixtral.js";
import { modernbert } from "./modernbert.js";
import { mpnet } from "./mpnet.js";
import { nemotronH } from "./nemotron_h.js";
import { nomicBert } from "./nomic_bert.js";
import { olmo } from "./olmo.js";
import { olmo2 } from "./olmo2.js";
import { olmoe } from "./olmoe.js";
import { opt } from "./opt.js";
import { opt350m } from "./opt_350m.js";
import { phi } from "./phi.js";
import { phi3 } from "./phi3.js";
import { qwen2 } from "./qwen2.js";
import { qwen2Moe } from "./qwen2_moe.js";
import { qwen3 } from "./qwen3.js";
import { qwen3Moe } from "./qwen3_moe.js";
import { qwen3Next } from "./qwen3_next.js";
import { stablelm } from "./stablelm.js";
import { starcoder2 } from "./starcoder2.js";
import { staticVectors } from "./static.js";
import { t5 } from "./t5.js";

/** Records the ops of a model with this configuration and returns its last hidden states, normed: (tokens, dim). */
export type Architecture = (program: Recorder, config: Config) => BufferId;

export const architectures: Readonly<Record<string, Architecture>> = {
  bert,
  albert,
  mpnet,
  t5,
  modernbert,
  nomic_bert: nomicBert,
  gte,
  jina_bert_v3: jinaBertV3,
  deberta,
  llama,
  mixtral,
  qwen2,
  qwen3,
  gemma2,
  gemma3,
  gemma3n,
  gemma4,
  phi3,
  apertus,
  arcee,
  exaone4,
  hunyuan,
  olmo,
  olmo2,
  glm,
  glm4,
  stablelm,
  cohere,
  starcoder2,
  phi,
  gpt2,
  gpt_neox: gptNeox,
  opt,
  opt_350m: opt350m,
  gpt_oss: gptOss,
  lfm2,
  mamba,
  mamba2,
  qwen3_next: qwen3Next,
  falcon_h1: falconH1,
  nemotron_h: nemotronH,
  static: staticVectors,
  qwen2_moe: qwen2Moe,
  qwen3_moe: qwen3Moe,
  olmoe,
  flex_olmo: flexOlmo,
  granite_moe: graniteMoe,
  granite_hybrid: graniteHybrid,
  deepseek_v2: deepseekV2,
  deepseek_v3: deepseekV3,
  glm4_moe: glm4Moe,
  dots1,
  afmoe,
  llama4,
  llama4_plain: llama4Plain,
  minimax_m2: minimaxM2,
  ernie4_5_moe: ernie45Moe,
  hunyuan_moe: hunyuanMoe,
};

/** The program of a configuration, not yet fused, for contexts of up to so many tokens. Throws UnsupportedArchitecture. */
export function record(config: Config, contextSize = config.contextLength): Program {
  const architecture = Object.hasOwn(architectures, config.architecture)
    ? architectures[config.architecture]
    : undefined;
  if (!architecture) {
    const known = Object.keys(architectures).join(", ");
    throw new DeadliftError(
      "UnsupportedArchitecture",
      `cannot run architecture "${config.architecture}"; supported: ${known}`,
    );
  }
  const recorder = new Recorder(contextSize);
  const program = recorder.finish(head(recorder, config, architecture(recorder, config)));
  if (!config.causal && program.ops.some((op) => op.kind === "attend" && op.causal)) {
    throw new DeadliftError(
      "UnsupportedArchitecture",
      `cannot run architecture "${config.architecture}" with attention both ways, as its configuration says`,
    );
  }
  return program;
}
