// Qwen 2 and 3 with experts.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { biases, everywhere, fusedExperts, llamaBias, readExperts, silu, typedWindows } from "./readers.js";

export const qwenMoe: Family = {
  types: {
    qwen2_moe: {
      architecture: "qwen2_moe",
      defaults: {
        max_position_embeddings: 32768,
        num_key_value_heads: 16,
        num_experts: 60,
        num_experts_per_tok: 4,
        moe_intermediate_size: 1408,
        shared_expert_intermediate_size: 5632,
      },
      activation: silu,
      bias: (fields) => ({ ...biases(true, false, false)(), qkv: fields.boolean("qkv_bias", true) }),
      experts: (fields, layers) => ({
        ...sparseExperts(fields, layers),
        shared: fields.size("shared_expert_intermediate_size"),
      }),
      windows: everySecond,
    },
    qwen3_moe: {
      architecture: "qwen3_moe",
      defaults: {
        max_position_embeddings: 32768,
        num_key_value_heads: 4,
        num_experts: 128,
        num_experts_per_tok: 8,
        moe_intermediate_size: 768,
      },
      aliases: { num_local_experts: "num_experts" },
      activation: silu,
      bias: (fields) => ({ ...llamaBias(fields), ffn: false }),
      experts: sparseExperts,
      windows: (fields, layers) =>
        everywhere(fields.boolean("use_sliding_window", false) ? qwenWindow(fields) : undefined, layers),
    },
  },
  gguf: {
    qwen2moe: {
      name: "qwen2_moe",
      mixture: "always",
      more: (_, { experts }) => ({ experts: { ...experts, share: false } }),
    },
    qwen3moe: { name: "qwen3_moe", mixture: "always" },
  },
  names: {
    safetensors: {
      inLayer: {
        "mlp.shared_expert.gate_proj": "ffn.shared.gate",
        "mlp.shared_expert.up_proj": "ffn.shared.up",
        "mlp.shared_expert.down_proj": "ffn.shared.down",
        "mlp.shared_expert_gate": "ffn.shared.router",
      },
      bare: fusedExperts,
    },
  },
};

/** In every `decoder_sparse_step`th layer that `mlp_only_layers` does not name. */
function sparseExperts(fields: Fields, layers: number): Config["experts"] {
  const step = fields.size("decoder_sparse_step", 1);
  const dense = fields.get("mlp_only_layers") ?? [];
  if (!Array.isArray(dense)) throw fields.wrong("mlp_only_layers", "a list of layers", dense);
  return {
    ...readExperts(fields, layers, "num_experts", "moe_intermediate_size"),
    layers: Array.from({ length: layers }, (_, i) => !dense.includes(i) && (i + 1) % step === 0),
    share: fields.boolean("norm_topk_prob", false),
  };
}

function qwenWindow(fields: Fields): number | undefined {
  return fields.isNull("sliding_window") ? undefined : fields.size("sliding_window", 4096);
}

/** Without `layer_types`, in every other of the first `max_window_layers`. */
function everySecond(fields: Fields, layers: number): Config["windows"] {
  const types = fields.get("layer_types");
  const window = fields.boolean("use_sliding_window", false) ? qwenWindow(fields) : undefined;
  if (types !== undefined) return typedWindows(fields, types, layers, window, "use_sliding_window");
  const last = fields.get("max_window_layers") ?? 28;
  if (!Number.isSafeInteger(last)) throw fields.wrong("max_window_layers", "a number of layers", last);
  return Array.from({ length: layers }, (_, i) => (i % 2 === 0 && i < (last as number) ? window : undefined));
}
