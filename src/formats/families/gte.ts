// GTE, as transformers has it and as its own code (`new`) calls it.

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import { firstDense, turningEncoder } from "./encoders.js";
import type { Family, ModelType } from "./family.js";
import { transform } from "./heads.js";
import { activationOf, biases } from "./readers.js";

const gteType: ModelType = {
  architecture: "gte",
  defaults: {
    vocab_size: 250048,
    hidden_size: 768,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    intermediate_size: 3072,
    hidden_act: "gelu",
    max_position_embeddings: 8192,
    type_vocab_size: 1,
    rms_norm_eps: 1e-12,
    rope_theta: 160000,
    pad_token_id: 1,
    tie_word_embeddings: true,
  },
  aliases: { layer_norm_eps: "rms_norm_eps" },
  activation: activationOf,
  bias: biases(true, true, true),
  heads: {
    masked: (_, { dim }) => ({ layers: transform(dim, "gelu"), bias: true }),
    classes: (_, config) => firstDense("head.pooler")(config),
  },
  more: turningEncoder,
};

export const gte: Family = {
  types: {
    gte: gteType,
    new: {
      ...gteType,
      defaults: { ...gteType.defaults, vocab_size: 30528, max_position_embeddings: 2048, rope_theta: 10000 },
      aliases: { ...gteType.aliases, rope_scaling: "ntk_scaling" },
      more: readNew,
    },
  },
  names: {
    safetensors: {
      prefix: /^(?:(?:0\.auto_model|model|gte|new)\.)+/,
      layer: /^(?:encoder\.layer|layers)\.(0|[1-9]\d{0,3})\.(.+)$/,
      outer: {
        "embeddings.word_embeddings": "embed",
        "embeddings.token_type_embeddings": "embed.segments",
        "embeddings.LayerNorm": "embed.norm",
        "pooler.dense": "head.pooler",
        classifier: "head.classes",
        "lm_head.dense": "head.dense",
        "lm_head.norm": "head.norm",
        "lm_head.decoder": "output",
      },
      inLayer: {
        "attention.qkv_proj": "attention.qkv",
        "attention.o_proj": "attention.o",
        attn_ln: "attention.post_norm",
        "mlp.up_gate_proj": "ffn.up_gate",
        "mlp.down_proj": "ffn.down",
        mlp_ln: "ffn.post_norm",
      },
    },
  },
};

/** Its scaling grows the base and divides all frequencies, always. Throws InvalidConfig for what its code can do besides. */
function readNew(fields: Fields, config: Config): Partial<Config> {
  for (const [key, only] of [
    ["position_embedding_type", "rope"],
    ["layer_norm_type", "layer_norm"],
    ["pack_qkv", true],
    ["logn_attention_scale", false],
  ] as const) {
    const value = fields.get(key) ?? only;
    if (value !== only) throw fields.wrong(key, JSON.stringify(only), value);
  }
  const scaling = fields.fields("ntk_scaling");
  if (!scaling) return turningEncoder(fields, config);
  const type = scaling.optionalString("rope_type") ?? scaling.string("type");
  if (type !== "ntk") throw scaling.wrong("type", '"ntk"', type);
  if (scaling.get("mixed_b") !== undefined) throw scaling.wrong("mixed_b", "nothing", scaling.get("mixed_b"));
  const factor = scaling.positive("factor");
  const { theta, dims } = config.rope;
  const rope = {
    ...config.rope,
    theta: theta * factor,
    scaling: { type: "linear", factor: factor ** (2 / dims) },
  } as const;
  return { ...turningEncoder(fields, config), rope };
}
