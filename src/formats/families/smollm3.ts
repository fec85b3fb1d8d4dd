// SmolLM 3: Llama, of which every fourth layer does not turn.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { llamaBias, silu, typedWindows } from "./readers.js";

export const smollm3: Family = {
  types: {
    smollm3: {
      architecture: "llama",
      defaults: {
        max_position_embeddings: 32768,
        num_key_value_heads: 4,
        rope_theta: 2e6,
        tie_word_embeddings: true,
        bos_token_id: 128000,
        eos_token_id: 128001,
        pad_token_id: 128004,
      },
      activation: silu,
      bias: llamaBias,
      windows: smolWindows,
      more: (fields, { layers }) => ({ turns: smolTurns(fields, layers) }),
    },
  },
  gguf: {
    smollm3: {
      name: "llama",
      layout: "pairs",
      more: (_, { turns }) => ({ turns: turns.map((_, layer) => (layer + 1) % 4 !== 0) }),
    },
  },
};

/** `no_rope_layers` says 1 of those that do turn; without it, every so many do not. */
function smolTurns(fields: Fields, layers: number): Config["turns"] {
  const interval = fields.size("no_rope_layer_interval", 4);
  const list = fields.get("no_rope_layers") ?? Array.from({ length: layers }, (_, i) => +((i + 1) % interval !== 0));
  if (Array.isArray(list) && list.length === layers) return list.map(Boolean);
  throw fields.wrong("no_rope_layers", `a list of ${layers}`, list);
}

/** Windows from `layer_types`, else in the layers that do not turn; only with `use_sliding_window`. */
function smolWindows(fields: Fields, layers: number): Config["windows"] {
  const window = fields.boolean("use_sliding_window", false) ? fields.optionalSize("sliding_window") : undefined;
  const kinds = smolTurns(fields, layers).map((turns) =>
    turns || window === undefined ? "full_attention" : "sliding_attention",
  );
  return typedWindows(fields, fields.get("layer_types") ?? kinds, layers, window, "use_sliding_window");
}
