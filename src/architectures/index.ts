// Every architecture by its canonical name, and the one way to record one.

import { DeadliftError } from "../error.js";
import type { Config } from "../program/config.js";
import type { BufferId, Program } from "../program/ops.js";
import { Recorder } from "../program/recorder.js";
import { apertus } from "./apertus.js";
import { arcee } from "./arcee.js";
import { cohere } from "./cohere.js";
import { exaone4 } from "./exaone4.js";
import { gemma2 } from "./gemma2.js";
import { gemma3 } from "./gemma3.js";
import { gemma3n } from "./gemma3n.js";
import { gemma4 } from "./gemma4.js";
import { glm } from "./glm.js";
import { glm4 } from "./glm4.js";
import { gptNeox } from "./gpt_neox.js";
import { gptOss } from "./gpt_oss.js";
import { gpt2 } from "./gpt2.js";
import { head } from "./head.js";
import { hunyuan } from "./hunyuan.js";
import { llama } from "./llama.js";
import { mixtral } from "./mixtral.js";
import { olmo } from "./olmo.js";
import { olmo2 } from "./olmo2.js";
import { opt } from "./opt.js";
import { opt350m } from "./opt_350m.js";
import { phi } from "./phi.js";
import { phi3 } from "./phi3.js";
import { qwen2 } from "./qwen2.js";
import { qwen3 } from "./qwen3.js";
import { stablelm } from "./stablelm.js";
import { starcoder2 } from "./starcoder2.js";

/** Records the ops of a model with this configuration and returns its last hidden states, normed: (tokens, dim). */
export type Architecture = (program: Recorder, config: Config) => BufferId;

export const architectures: Readonly<Record<string, Architecture>> = {
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
  return recorder.finish(head(recorder, config, architecture(recorder, config)));
}
