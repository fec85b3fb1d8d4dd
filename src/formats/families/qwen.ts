// Qwen 2 and 3, dense.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { biases, llamaBias, silu, typedWindows } from "./readers.js";

export const qwen: Family = {
  types: {
    qwen2: {
      architecture: "qwen2",
      defaults: { max_position_embeddings: 32768, num_key_value_heads: 32 },
      activation: silu,
      bias: biases(true, false, false),
      windows: qwenWindows,
    },
    qwen3: {
      architecture: "qwen3",
      defaults: { max_position_embeddings: 32768, num_key_value_heads: 32, head_dim: 128 },
      activation: silu,
      bias: (fields) => ({ ...llamaBias(fields), ffn: false }),
      windows: qwenWindows,
    },
  },
  gguf: { qwen2: { name: "qwen2", writes: true }, qwen3: { name: "qwen3", writes: true } },
};

/** Windows from `layer_types`, or in all layers from `max_window_layers` on; only with `use_sliding_window`. */
export function qwenWindows(fields: Fields, layers: number): Config["windows"] {
  const window =
    fields.boolean("use_sliding_window", false) && !fields.isNull("sliding_window")
      ? fields.size("sliding_window", 4096)
      : undefined;
  const types = fields.get("layer_types");
  if (types === undefined) {
    const first = fields.get("max_window_layers") ?? 28;
    if (!Number.isSafeInteger(first) || (first as number) < 0) {
      throw fields.wrong("max_window_layers", "a number of layers", first);
    }
    return Array.from({ length: layers }, (_, i) => (i >= (first as number) ? window : undefined));
  }
  return typedWindows(fields, types, layers, window, "use_sliding_window");
}
