// Granite 4: Granite's scales, state spaces in most layers, and experts or none.

import { type Config, noExperts } from "../../program/config.js";
import { noRecurrence, type Recurrent } from "../../program/recurrent_config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { ggufScales, graniteNames, scales } from "./granite_moe.js";
import { ggufStateSpace, ggufStateSpaceNames, hybridHeads, largest, stateSpaceNames } from "./mamba.js";
import { activationOf, llamaBias, readExperts, silu } from "./readers.js";

export const graniteHybrid: Family = {
  types: {
    granitemoehybrid: {
      architecture: "granite_hybrid",
      defaults: {
        max_position_embeddings: 2048,
        num_attention_heads: 32,
        intermediate_size: 11008,
        num_local_experts: 8,
        num_experts_per_tok: 2,
        shared_intermediate_size: 1024,
        bos_token_id: 1,
        eos_token_id: 2,
      },
      activation: silu,
      bias: (fields) => ({ ...llamaBias(fields), ffn: false }),
      experts(fields, layers) {
        const shared = fields.size("shared_intermediate_size");
        if (fields.get("num_local_experts") === 0) return { ...noExperts, shared };
        return { ...readExperts(fields, layers, "num_local_experts", "intermediate_size"), shared };
      },
      more: (fields, config) => ({
        ...scales(fields),
        turns: config.turns.map(() => fields.get("position_embedding_type") === "rope"),
        recurrent: stateSpaces(fields, config),
      }),
    },
  },
  gguf: {
    granitehybrid: {
      name: "granite_hybrid",
      layout: "pairs",
      mixture: "sometimes",
      sizes: (fields) => ({
        "attention.head_count_kv": largest(fields, "attention.head_count_kv"),
        feed_forward_length: largest(fields, "feed_forward_length"),
      }),
      more: (fields, config, tensors) => ({
        ...ggufScales(fields),
        // The network for all tokens, where there are no experts beside it.
        ffn: fields.optionalSize("expert_shared_feed_forward_length") ?? config.ffn,
        turns: config.turns.map(() => fields.boolean("rope.scaling.finetuned", false)),
        recurrent: ggufStateSpace(fields, config, tensors),
      }),
    },
  },
  names: {
    safetensors: stateSpaceNames("mamba", graniteNames.inLayer!, graniteNames.bare),
    gguf: ggufStateSpaceNames,
  },
};

function stateSpaces(fields: Fields, { dim, layers }: Config): Recurrent {
  const bias = fields.boolean("mamba_proj_bias", false);
  return {
    ...noRecurrence,
    ...hybridHeads(fields, fields.size("mamba_expand", 2) * dim),
    layers: spaces(fields, layers),
    activation: activationOf(fields),
    bias: { taps: fields.boolean("mamba_conv_bias", true), in: bias, out: bias },
  };
}

const words: Readonly<Record<string, boolean>> = {
  ...{ mamba: true, linear_attention: true, attention: false, full_attention: false },
};

/** By `layer_types`; without them all are. */
function spaces(fields: Fields, layers: number): boolean[] {
  const types = fields.get("layer_types") ?? fields.get("layers_block_type") ?? Array(layers).fill("mamba");
  if (!Array.isArray(types) || types.length !== layers) {
    throw fields.wrong("layer_types", `a list of ${layers} types, one per layer`, types);
  }
  return types.map((type) => {
    if (Object.hasOwn(words, String(type))) return words[String(type)]!;
    throw fields.wrong("layer_types", `only ${Object.keys(words).join(", ")}`, type);
  });
}
