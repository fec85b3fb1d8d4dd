// Command R, R+ (cohere) and R7B (cohere2).

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { JsonObject } from "../file.js";
import type { Family } from "./family.js";
import { activationOf, attentionBias, patternedWindows } from "./readers.js";

const defaults: JsonObject = {
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  pad_token_id: 0,
  bos_token_id: 5,
  eos_token_id: 255001,
};

export const cohere: Family = {
  types: {
    cohere: {
      architecture: "cohere",
      defaults: { ...defaults, rope_theta: 5e5 },
      aliases: { layer_norm_eps: "rms_norm_eps" },
      layout: "pairs",
      activation: activationOf,
      bias: attentionBias,
      more: (fields, config) => ({ ...scaled(fields, config), headNorms: fields.boolean("use_qk_norm", false) }),
    },
    cohere2: {
      architecture: "cohere",
      defaults: { ...defaults, sliding_window: 4096 },
      aliases: { layer_norm_eps: "rms_norm_eps" },
      layout: "pairs",
      activation: activationOf,
      bias: attentionBias,
      windows: (fields, layers) => patternedWindows(fields, layers, fields.size("sliding_window_pattern", 4)),
      more: (fields, config) => ({ ...scaled(fields, config), turns: turnsWithWindows(config) }),
    },
  },
  gguf: {
    "command-r": {
      name: "cohere",
      layout: "pairs",
      more: (fields, config, tensors) => ({
        ...scaled(fields, config),
        headNorms: tensors.has("layers.0.attention.q_norm"),
      }),
    },
    cohere2: {
      name: "cohere",
      layout: "pairs",
      slides: (layer) => (layer + 1) % 4 !== 0,
      more: (fields, config) => ({ ...scaled(fields, config), turns: turnsWithWindows(config) }),
    },
  },
};

/** Both formats have this key. */
function scaled(fields: Fields, { output }: Config): Partial<Config> {
  return { output: { ...output, scale: fields.positive("logit_scale", 0.0625) } };
}

function turnsWithWindows({ windows }: Config): Config["turns"] {
  return windows.map((window) => window !== undefined);
}
