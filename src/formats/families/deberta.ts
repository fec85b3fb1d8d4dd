// DeBERTa v2 and v3.

import type { Config, DisentangledConfig } from "../../program/config.js";
import type { Fields } from "../fields.js";
import { encoderOf } from "./encoders.js";
import type { Family } from "./family.js";
import { headLayer, transform } from "./heads.js";
import { activationOf, biases } from "./readers.js";

export const deberta: Family = {
  types: {
    "deberta-v2": {
      architecture: "deberta",
      defaults: {
        vocab_size: 128100,
        hidden_size: 1536,
        num_hidden_layers: 24,
        num_attention_heads: 24,
        intermediate_size: 6144,
        hidden_act: "gelu",
        max_position_embeddings: 512,
        type_vocab_size: 0,
        rms_norm_eps: 1e-7,
        tie_word_embeddings: true,
      },
      aliases: { layer_norm_eps: "rms_norm_eps" },
      activation: activationOf,
      bias: biases(true, true, true),
      heads: {
        masked: (fields, { dim }) => ({ layers: transform(dim, activationOf(fields)), bias: true }),
        classes(fields, { dim }) {
          const activation = activationOf(fields, "pooler_hidden_act", "gelu");
          return { pooling: "first", layers: [headLayer("head.pooler", dim, { activation })] };
        },
      },
      more: readDeberta,
    },
  },
  names: {
    safetensors: {
      prefix: /^(?:(?:0\.auto_model|model|deberta)\.)+/,
      layer: /^encoder\.layer\.(0|[1-9]\d{0,3})\.(.+)$/,
      outer: {
        "embeddings.word_embeddings": "embed",
        "embeddings.position_embeddings": "embed.positions",
        "embeddings.token_type_embeddings": "embed.segments",
        "embeddings.LayerNorm": "embed.norm",
        "encoder.rel_embeddings": "distances",
        "encoder.LayerNorm": "distances.norm",
        "pooler.dense": "head.pooler",
        classifier: "head.classes",
        "cls.predictions.transform.dense": "head.dense",
        "cls.predictions.transform.LayerNorm": "head.norm",
        "cls.predictions.decoder": "output",
        "cls.predictions": "output",
        "lm_predictions.lm_head.dense": "head.dense",
        "lm_predictions.lm_head.LayerNorm": "head.norm",
        "lm_predictions.lm_head": "output",
      },
      inLayer: {
        "attention.self.query_proj": "attention.q",
        "attention.self.key_proj": "attention.k",
        "attention.self.value_proj": "attention.v",
        "attention.self.pos_key_proj": "attention.position_k",
        "attention.self.pos_query_proj": "attention.position_q",
        "attention.output.dense": "attention.o",
        "attention.output.LayerNorm": "attention.post_norm",
        "intermediate.dense": "ffn.up",
        "output.dense": "ffn.down",
        "output.LayerNorm": "ffn.post_norm",
      },
      spare: { "cls.predictions.decoder.bias": "output.bias" },
    },
  },
};

/** Throws InvalidConfig for the convolution of some, and for narrow tables. */
function readDeberta(fields: Fields, config: Config): Partial<Config> {
  if (fields.get("conv_kernel_size")) throw fields.wrong("conv_kernel_size", "0", fields.get("conv_kernel_size"));
  if (!fields.boolean("relative_attention", false)) throw fields.wrong("relative_attention", "true", false);
  const embedding = fields.size("embedding_size", config.dim);
  if (embedding !== config.dim) throw fields.wrong("embedding_size", `${config.dim} (hidden_size)`, embedding);
  const segments = fields.get("type_vocab_size") === 0 ? 0 : fields.size("type_vocab_size");
  const { encoder, ...rest } = encoderOf(fields, config, { segments, disentangled: readDisentangled(fields, config) });
  const positions = fields.boolean("position_biased_input", true) ? config.contextLength : 0;
  return { ...rest, encoder: { ...encoder!, positions } };
}

function readDisentangled(fields: Fields, { contextLength }: Config): DisentangledConfig {
  const reach = positiveOr(fields, "max_relative_positions", contextLength);
  const buckets = positiveOr(fields, "position_buckets", 0);
  const stated = fields.get("pos_att_type") ?? [];
  const kinds = (typeof stated === "string" ? stated.toLowerCase().split("|") : stated) as unknown;
  if (!Array.isArray(kinds) || !kinds.every((kind) => /^\s*(?:c2p|p2c)\s*$/.test(String(kind)))) {
    throw fields.wrong("pos_att_type", '"c2p", "p2c" or both', stated);
  }
  const has = (kind: string) => kinds.some((each) => String(each).trim() === kind);
  const norms = fields.string("norm_rel_ebd", "none").toLowerCase().split("|");
  return {
    span: buckets || reach,
    reach,
    shared: buckets > 0,
    normed: norms.some((norm) => norm.trim() === "layer_norm"),
    sameMatrices: fields.boolean("share_att_key", false),
    byQuery: has("c2p"),
    byKey: has("p2c"),
  };
}

/** -1 and the like stand for what else there is. */
function positiveOr(fields: Fields, key: string, otherwise: number): number {
  const value = fields.get(key);
  return typeof value === "number" && value < 1 ? otherwise : (fields.optionalSize(key) ?? otherwise);
}
