// dots.llm1.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { fusedExperts, llamaBias, routedExperts, silu, typedWindows } from "./readers.js";

export const dots: Family = {
  types: {
    dots1: {
      architecture: "dots1",
      defaults: { max_position_embeddings: 2048, num_key_value_heads: 32, moe_intermediate_size: 1408 },
      aliases: { num_local_experts: "n_routed_experts" },
      activation: silu,
      bias: (fields) => ({ ...llamaBias(fields), ffn: false }),
      experts: (fields, layers) => routedExperts(fields, layers),
      windows: lastWindows,
    },
  },
  gguf: {
    dots1: {
      name: "dots1",
      mixture: "always",
      more: (fields, { experts }) => ({
        experts: { ...experts, share: fields.boolean("expert_weights_norm", false) },
      }),
    },
  },
  names: { safetensors: { bare: fusedExperts } },
};

/** Without `layer_types`, in all layers from `max_window_layers` on. */
function lastWindows(fields: Fields, layers: number): Config["windows"] {
  const window = fields.isNull("sliding_window") ? undefined : fields.size("sliding_window", 4096);
  const first = fields.size("max_window_layers", 62);
  const slides = (layer: number) => window !== undefined && layer >= first;
  const types =
    fields.get("layer_types") ??
    Array.from({ length: layers }, (_, i) => (slides(i) ? "sliding_attention" : "full_attention"));
  return typedWindows(fields, types, layers, window, "sliding_window");
}
