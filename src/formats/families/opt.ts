// OPT. llama.cpp does not know it.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { activationOf, mustBeOff } from "./readers.js";

export const opt: Family = {
  types: {
    opt: {
      architecture: "opt",
      defaults: {
        max_position_embeddings: 2048,
        rms_norm_eps: 1e-5,
        hidden_act: "relu",
        tie_word_embeddings: true,
        pad_token_id: 1,
        bos_token_id: 2,
        eos_token_id: 2,
      },
      aliases: { ffn_dim: "intermediate_size", activation_function: "hidden_act" },
      activation: activationOf,
      bias: (fields) => {
        const all = fields.boolean("enable_bias", true);
        return { qkv: all, attentionOutput: all, ffn: all };
      },
      more: readOpt,
    },
  },
  names: {
    safetensors: {
      prefix: /^(?:model\.|decoder\.)+/,
      outer: {
        embed_positions: "embed.positions",
        project_in: "embed.projection",
        project_out: "output.projection",
        final_layer_norm: "norm",
      },
      inLayer: {
        self_attn_layer_norm: "attention.norm",
        "self_attn.out_proj": "attention.o",
        final_layer_norm: "ffn.norm",
        fc1: "ffn.up",
        fc2: "ffn.down",
      },
    },
  },
};

/** The model of 350 M parameters is a list of its own. */
function readOpt(fields: Fields, { dim }: Config): Partial<Config> {
  if (!fields.boolean("layer_norm_elementwise_affine", true)) {
    throw fields.wrong("layer_norm_elementwise_affine", "true", false);
  }
  mustBeOff(fields, "_remove_final_layer_norm");
  const wordDim = fields.size("word_embed_proj_dim", dim);
  if (!fields.boolean("do_layer_norm_before", true)) return { architecture: "opt_350m", opt: { wordDim } };
  if (wordDim !== dim) throw fields.wrong("word_embed_proj_dim", `${dim} (hidden_size)`, wordDim);
  return {};
}
