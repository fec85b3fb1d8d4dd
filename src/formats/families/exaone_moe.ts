// K-EXAONE: windows in most layers, and only they turn queries and keys.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { biases, fusedExperts, patternedWindows, routedExperts, silu, typedLayers } from "./readers.js";

export const exaoneMoe: Family = {
  types: {
    exaone_moe: {
      architecture: "dots1",
      defaults: {
        max_position_embeddings: 2048,
        rms_norm_eps: 1e-5,
        sliding_window: 4096,
        sliding_window_pattern: 4,
        first_k_dense_replace: 1,
        moe_intermediate_size: 1024,
        num_experts: 64,
        num_experts_per_tok: 8,
        num_shared_experts: 1,
        norm_topk_prob: true,
        routed_scaling_factor: 2.5,
        bos_token_id: 1,
        eos_token_id: 53,
        pad_token_id: 0,
      },
      aliases: { num_shared_experts: "n_shared_experts", num_local_experts: "num_experts" },
      activation: silu,
      bias: biases(false, false, false),
      experts: (fields, layers) => typedLayers(fields, routedExperts(fields, layers, "num_experts")),
      windows: (fields, layers) => patternedWindows(fields, layers, pattern(fields)),
      more: (_, { windows }) => ({ turns: turnsOf(windows) }),
    },
  },
  gguf: {
    "exaone-moe": {
      name: "dots1",
      mixture: "always",
      more(fields, { experts, windows }) {
        const slides = fields.get("attention.sliding_window_pattern");
        const inWindow = (layer: number) => (Array.isArray(slides) ? Boolean(slides[layer]) : (layer + 1) % 4 !== 0);
        const some = windows.map((window, layer) => (inWindow(layer) ? window : undefined));
        const share = fields.boolean("expert_weights_norm", false);
        return { windows: some, turns: turnsOf(some), experts: { ...experts, share } };
      },
    },
  },
  names: { safetensors: { bare: fusedExperts } },
};

/** Where no layer has a window, all turn. */
function turnsOf(windows: Config["windows"]): Config["turns"] {
  const any = windows.some((window) => window !== undefined);
  return windows.map((window) => !any || window !== undefined);
}

/** The layers that have no window are so many apart; "LLLG" says 4 in letters. */
function pattern(fields: Fields): number {
  const stated = fields.get("sliding_window_pattern");
  return typeof stated === "string" ? stated.length : fields.size("sliding_window_pattern");
}
