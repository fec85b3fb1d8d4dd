// Nomic BERT, as transformers has it and as its own code calls its keys.

import type { Config } from "../../program/config.js";
import type { Activation } from "../../program/ops.js";
import type { Fields } from "../fields.js";
import { encoderOfGguf, firstDense, turningEncoder } from "./encoders.js";
import type { Family } from "./family.js";
import { transform } from "./heads.js";
import { activationOf } from "./readers.js";

const biases = ["qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias"];

/** Its own code's names of gated units. */
const gates = { swiglu: "silu", geglu: "gelu" } as const;

export const nomicBert: Family = {
  types: {
    nomic_bert: {
      architecture: "nomic_bert",
      defaults: {
        vocab_size: 30528,
        hidden_size: 768,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        intermediate_size: 3072,
        max_position_embeddings: 2048,
        type_vocab_size: 2,
        rms_norm_eps: 1e-12,
        rope_theta: 1000,
        tie_word_embeddings: true,
      },
      aliases: {
        layer_norm_eps: "rms_norm_eps",
        layer_norm_epsilon: "rms_norm_eps",
        n_embd: "hidden_size",
        n_head: "num_attention_heads",
        n_layer: "num_hidden_layers",
        n_inner: "intermediate_size",
        n_positions: "max_position_embeddings",
        rotary_emb_base: "rope_theta",
        rotary_emb_fraction: "partial_rotary_factor",
      },
      activation: gateActivation,
      heads: {
        masked: (fields, { dim }) => ({ layers: transform(dim, gateActivation(fields)), bias: true }),
        classes: (_, config) => firstDense("head.pooler")(config),
      },
      more: readNomic,
    },
  },
  gguf: {
    "nomic-bert": {
      name: "nomic_bert",
      heads: {},
      more: (_, config, tensors) => ({ causal: false, encoder: encoderOfGguf(config, tensors) }),
    },
  },
  names: {
    safetensors: {
      prefix: /^(?:(?:0\.auto_model|model|bert|nomic_bert)\.)+/,
      layer: /^(?:encoder\.)?layers\.(0|[1-9]\d{0,3})\.(.+)$/,
      outer: {
        "embeddings.word_embeddings": "embed",
        "embeddings.token_type_embeddings": "embed.segments",
        emb_ln: "embed.norm",
        "embeddings.LayerNorm": "embed.norm",
        "pooler.dense": "head.pooler",
        classifier: "head.classes",
        "cls.predictions.transform.dense": "head.dense",
        "cls.predictions.transform.layer_norm": "head.norm",
        "cls.predictions.decoder": "output",
        "cls.predictions": "output",
      },
      inLayer: {
        "attn.Wqkv": "attention.qkv",
        "attn.out_proj": "attention.o",
        norm1: "attention.post_norm",
        "mlp.fc11": "ffn.up",
        "mlp.fc12": "ffn.gate",
        "mlp.fc2": "ffn.down",
        norm2: "ffn.post_norm",
      },
      spare: { "cls.predictions.decoder.bias": "output.bias" },
    },
    gguf: {
      inLayer: {
        attn_qkv: "attention.qkv",
        attn_output_norm: "attention.post_norm",
        layer_output_norm: "ffn.post_norm",
      },
    },
  },
};

function gateActivation(fields: Fields): Activation {
  const own = fields.optionalString("activation_function");
  if (own === undefined) return activationOf(fields);
  if (own === "swiglu" || own === "geglu") return gates[own];
  throw fields.wrong("activation_function", '"swiglu" or "geglu"', own);
}

/** Throws InvalidConfig for what its own code can do besides. */
function readNomic(fields: Fields, config: Config): Partial<Config> {
  for (const key of ["prenorm", "use_rms_norm", "rotary_emb_interleaved", "causal", "parallel_block", ...biases]) {
    if (fields.boolean(key, false)) throw fields.wrong(key, "false", true);
  }
  for (const key of ["moe_every_n_layers", "rotary_scaling_factor", "rotary_emb_scale_base"]) {
    if (fields.get(key)) throw fields.wrong(key, "nothing", fields.get(key));
  }
  return turningEncoder(fields, config);
}
