// Every architecture by its canonical name, and the one way to record one.

import { DeadliftError } from "../error.js";
import type { Config } from "../program/config.js";
import type { BufferId, Program } from "../program/ops.js";
import { Recorder } from "../program/recorder.js";
import { afmoe } from "./afmoe.js";
import { deepseekV2 } from "./deepseek_v2.js";
import { deepseekV3 } from "./deepseek_v3.js";
import { dots1 } from "./dots1.js";
import { ernie45Moe } from "./ernie4_5_moe.js";
import { flexOlmo } from "./flex_olmo.js";
import { glm4Moe } from "./glm4_moe.js";
import { gptOss } from "./gpt_oss.js";
import { graniteMoe } from "./granite_moe.js";
import { head } from "./head.js";
import { hunyuanMoe } from "./hunyuan_moe.js";
import { llama } from "./llama.js";
import { llama4, llama4Plain } from "./llama4.js";
import { minimaxM2 } from "./minimax_m2.js";
import { mixtral } from "./mixtral.js";
import { olmoe } from "./olmoe.js";
import { qwen2 } from "./qwen2.js";
import { qwen2Moe } from "./qwen2_moe.js";
import { qwen3 } from "./qwen3.js";
import { qwen3Moe } from "./qwen3_moe.js";

/** Records the ops of a model with this configuration and returns its last hidden states, normed: (tokens, dim). */
export type Architecture = (program: Recorder, config: Config) => BufferId;

export const architectures: Readonly<Record<string, Architecture>> = {
  llama,
  mixtral,
  qwen2,
  qwen3,
  gpt_oss: gptOss,
  qwen2_moe: qwen2Moe,
  qwen3_moe: qwen3Moe,
  olmoe,
  flex_olmo: flexOlmo,
  granite_moe: graniteMoe,
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

/** The program of a configuration, not yet fused. Throws UnsupportedArchitecture. */
export function record(config: Config): Program {
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
  const recorder = new Recorder();
  return recorder.finish(head(recorder, config, architecture(recorder, config)));
}
