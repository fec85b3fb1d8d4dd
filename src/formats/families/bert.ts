// BERT and encoders that compute as it does, with tables of positions.

import type { JsonObject } from "../file.js";
import { encoderOf, encoderOfGguf, firstDense } from "./encoders.js";
import type { EncoderHeads, Family, FamilyNames, ModelType } from "./family.js";
import { className, headLayer, transform } from "./heads.js";
import { activationOf, biases } from "./readers.js";

const defaults: JsonObject = {
  vocab_size: 30522,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  hidden_act: "gelu",
  max_position_embeddings: 512,
  type_vocab_size: 2,
  rms_norm_eps: 1e-12,
  tie_word_embeddings: true,
};

const bertHeads: EncoderHeads = {
  masked: (fields, { dim }) => ({ layers: transform(dim, activationOf(fields)), bias: true }),
  classes: (_, config) => firstDense("head.pooler")(config),
};

const robertaHeads: EncoderHeads = {
  masked: (_, { dim }) => ({ layers: transform(dim, "gelu"), bias: true }),
  classes: (_, config) => firstDense("head.dense")(config),
};

const bertType: ModelType = {
  architecture: "bert",
  defaults,
  aliases: { layer_norm_eps: "rms_norm_eps" },
  activation: activationOf,
  bias: biases(true, true, true),
  heads: bertHeads,
  more: (fields, config) => encoderOf(fields, config),
};

/** Positions begin after that of padding. */
const robertaType: ModelType = {
  ...bertType,
  defaults: { ...defaults, pad_token_id: 1, bos_token_id: 0, eos_token_id: 2 },
  heads: robertaHeads,
  more: (fields, config) => encoderOf(fields, config, { skipped: (config.tokens.pad ?? 1) + 1 }),
};

/** Its class for pre-training has another head than one for masked tokens. */
const electraHeads: EncoderHeads = {
  masked: (fields) => {
    if (/ForPreTraining$/.test(className(fields) ?? "")) return undefined;
    return { layers: transform(fields.size("embedding_size"), "gelu"), bias: true };
  },
  classes: (_, { dim }) => ({ pooling: "first", layers: [headLayer("head.dense", dim, { activation: "gelu" })] }),
};

/** Tables may be narrower than the layers. */
const electraType: ModelType = {
  ...bertType,
  defaults: { ...defaults, embedding_size: 128, hidden_size: 256, num_attention_heads: 4, intermediate_size: 1024 },
  heads: electraHeads,
  more(fields, config) {
    const embedding = fields.size("embedding_size");
    return encoderOf(fields, config, { embedding, projects: embedding !== config.dim });
  },
};

const bertNames: FamilyNames = {
  prefix: /^(?:(?:0\.auto_model|model|bert|roberta|electra|ernie|camembert)\.)+/,
  layer: /^encoder\.layer\.(0|[1-9]\d{0,3})\.(.+)$/,
  outer: {
    "embeddings.word_embeddings": "embed",
    "embeddings.position_embeddings": "embed.positions",
    "embeddings.token_type_embeddings": "embed.segments",
    "embeddings.LayerNorm": "embed.norm",
    "pooler.dense": "head.pooler",
    classifier: "head.classes",
    "classifier.dense": "head.dense",
    "classifier.out_proj": "head.classes",
    "cls.predictions.transform.dense": "head.dense",
    "cls.predictions.transform.LayerNorm": "head.norm",
    "cls.predictions": "output",
    "cls.predictions.decoder": "output",
    embeddings_project: "embed.project",
    "generator_predictions.dense": "head.dense",
    "generator_predictions.LayerNorm": "head.norm",
    generator_lm_head: "output",
    "lm_head.dense": "head.dense",
    "lm_head.layer_norm": "head.norm",
    "lm_head.decoder": "output",
  },
  inLayer: {
    "attention.self.query": "attention.q",
    "attention.self.key": "attention.k",
    "attention.self.value": "attention.v",
    "attention.output.dense": "attention.o",
    "attention.output.LayerNorm": "attention.post_norm",
    "intermediate.dense": "ffn.up",
    "output.dense": "ffn.down",
    "output.LayerNorm": "ffn.post_norm",
  },
  spare: { "cls.predictions.decoder.bias": "output.bias", "lm_head.decoder.bias": "output.bias" },
};

export const bert: Family = {
  types: {
    bert: bertType,
    ernie: bertType,
    electra: electraType,
    roberta: robertaType,
    "xlm-roberta": robertaType,
    camembert: robertaType,
  },
  gguf: {
    bert: {
      name: "bert",
      activation: "gelu",
      heads: { classes: firstDense("head.dense") },
      more: (_, config, tensors) => ({ causal: false, encoder: encoderOfGguf(config, tensors) }),
    },
  },
  names: {
    safetensors: bertNames,

    gguf: { inLayer: { attn_output_norm: "attention.post_norm", layer_output_norm: "ffn.post_norm" } },
  },
};
