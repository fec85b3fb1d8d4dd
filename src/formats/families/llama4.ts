// Llama 4, its language model. It runs as far as what it does to long contexts changes nothing: attention in chunks, and
// queries that grow with their position.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { llamaBias, readExperts, silu } from "./readers.js";

export const llama4: Family = {
  types: {
    llama4_text: {
      architecture: "llama4",
      layout: "pairs",
      defaults: {
        max_position_embeddings: 131072,
        num_key_value_heads: 8,
        head_dim: 128,
        rms_norm_eps: 1e-5,
        rope_theta: 500000,
        intermediate_size_mlp: 16384,
        num_local_experts: 16,
        num_experts_per_tok: 1,
        attention_chunk_size: 8192,
        bos_token_id: 1,
        eos_token_id: 2,
      },
      activation: silu,
      bias: (fields) => ({ ...llamaBias(fields), ffn: false }),
      experts: scoutExperts,
      more: fromJson,
    },
  },
  gguf: { llama4: { name: "llama4", layout: "pairs", mixture: "sometimes", more: fromGguf } },
  names: {
    safetensors: {
      inLayer: {
        "feed_forward.gate_proj": "ffn.gate",
        "feed_forward.up_proj": "ffn.up",
        "feed_forward.down_proj": "ffn.down",
        "feed_forward.router": "ffn.router",
        "feed_forward.shared_expert.gate_proj": "ffn.shared.gate",
        "feed_forward.shared_expert.up_proj": "ffn.shared.up",
        "feed_forward.shared_expert.down_proj": "ffn.shared.down",
      },
      bare: {
        "feed_forward.experts.gate_up_proj": "ffn.experts.gate_up_columns",
        "feed_forward.experts.down_proj": "ffn.experts.down_columns",
      },
    },
  },
};

function scoutExperts(fields: Fields, layers: number): Config["experts"] {
  const experts = readExperts(fields, layers, "num_local_experts", "intermediate_size");
  const step = fields.size("interleave_moe_layer_step", 1);
  const listed = fields.get("moe_layers");
  if (listed !== undefined && !Array.isArray(listed)) throw fields.wrong("moe_layers", "a list of layers", listed);
  const has = (layer: number) => (listed ? listed.includes(layer) : (layer + 1) % step === 0);
  return oneOf(fields, "num_experts_per_tok", {
    ...experts,
    shared: experts.ffn,
    layers: Array.from({ length: layers }, (_, layer) => has(layer)),
  });
}

/** Several would each read something else; no published model has them. */
function oneOf(fields: Fields, key: string, experts: Config["experts"]): Config["experts"] {
  if (experts.used > 1) throw fields.wrong(key, "1", experts.used);
  return experts;
}

function fromJson(fields: Fields, config: Config): Partial<Config> {
  const step = fields.size("no_rope_layer_interval", 4);
  const stated = fields.get("no_rope_layers");
  const list = Array.isArray(stated) && stated.length > 0 ? stated : undefined;
  const turns = config.turns.map((_, layer) => Boolean(list ? list[layer] : (layer + 1) % step !== 0));
  const chunk = fields.isNull("attention_chunk_size") ? undefined : fields.size("attention_chunk_size");
  const grows = fields.boolean("attn_temperature_tuning", true) && turns.includes(false);
  return {
    architecture: fields.boolean("use_qk_norm", true) ? "llama4" : "llama4_plain",
    ffn: fields.size("intermediate_size_mlp"),
    turns,
    contextLength: within(
      config,
      turns.includes(true) ? chunk : undefined,
      grows ? fields.size("floor_scale", 8192) : undefined,
    ),
  };
}

/** Constants of llama.cpp: GGUF states them only where there are no chunks. */
function fromGguf(fields: Fields, config: Config): Partial<Config> {
  const { experts, turns, layers } = config;
  const whole = fields.get("attention.sliding_window") === 0;
  const step = fields.get("interleave_moe_layer_step") ? fields.size("interleave_moe_layer_step") : 0;
  const has = (layer: number) => step > 0 && (layer + 1) % step === 0;
  return {
    architecture: experts.count === 128 ? "llama4_plain" : "llama4",
    turns: turns.map((_, layer) => whole || (layer + 1) % 4 !== 0),
    windows: Array(layers).fill(undefined),
    contextLength: whole ? config.contextLength : within(config, 8192, 8192),
    experts: oneOf(fields, "expert_used_count", {
      ...experts,
      shared: experts.ffn,
      layers: Array.from({ length: layers }, (_, layer) => has(layer)),
    }),
  };
}

/** The first chunk, before the position at which queries begin to grow. */
function within({ contextLength }: Config, chunk = contextLength, growth = contextLength + 1): number {
  return Math.max(1, Math.min(contextLength, chunk, growth - 1));
}
