// Every architecture by its canonical name, and the one way to record one.

import { DeadliftError } from "../error.js";
import type { Config } from "../program/config.js";
import type { BufferId, Program } from "../program/ops.js";
import { Recorder } from "../program/recorder.js";
import { albert } from "./albert.js";
import { arcee } from "./arcee.js";
import { bert } from "./bert.js";
import { deberta } from "./deberta.js";
import { exaone4 } from "./exaone4.js";
import { falconH1 } from "./falcon_h1.js";
import { gemma2 } from "./gemma2.js";
import { gemma3 } from "./gemma3.js";
import { gptOss } from "./gpt_oss.js";
import { gte } from "./gte.js";
import { head } from "./head.js";
import { hunyuan } from "./hunyuan.js";
import { jinaBertV3 } from "./jina_bert_v3.js";
import { lfm2 } from "./lfm2.js";
import { llama } from "./llama.js";
import { mamba } from "./mamba.js";
import { mamba2 } from "./mamba2.js";
import { mixtral } from "./mixtral.js";
import { modernbert } from "./modernbert.js";
import { mpnet } from "./mpnet.js";
import { nemotronH } from "./nemotron_h.js";
import { nomicBert } from "./nomic_bert.js";
import { olmo } from "./olmo.js";
import { olmo2 } from "./olmo2.js";
import { phi3 } from "./phi3.js";
import { qwen2 } from "./qwen2.js";
import { qwen3 } from "./qwen3.js";
import { qwen3Next } from "./qwen3_next.js";
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
  phi3,
  arcee,
  exaone4,
  hunyuan,
  olmo,
  olmo2,
  gpt_oss: gptOss,
  lfm2,
  mamba,
  mamba2,
  qwen3_next: qwen3Next,
  falcon_h1: falconH1,
  nemotron_h: nemotronH,
  static: staticVectors,
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
