// Hunyuan 1 (dense).

import type { RopeConfig } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { Family } from "./family.js";
import { activationOf, attentionBias } from "./readers.js";

export const hunyuan: Family = {
  types: {
    hunyuan_v1_dense: {
      architecture: "hunyuan",
      defaults: {
        max_position_embeddings: 2048,
        rms_norm_eps: 1e-5,
        pad_token_id: 0,
        bos_token_id: 1,
        eos_token_id: 2,
      },
      activation: activationOf,
      bias: attentionBias,
      more: (fields, { rope }) => ({ rope: stretched(fields, rope) }),
    },
  },
  gguf: { "hunyuan-dense": { name: "hunyuan" } },
  names: {
    safetensors: {
      inLayer: {
        "self_attn.query_layernorm": "attention.q_norm",
        "self_attn.key_layernorm": "attention.k_norm",
      },
    },
  },
};

/** "dynamic" scaling with an `alpha` means a longer base, whatever the length. */
function stretched(fields: Fields, rope: RopeConfig): RopeConfig {
  const own = fields.fields("rope_scaling") ?? fields.fields("rope_parameters");
  const type = own?.get("rope_type") ?? own?.get("type");
  const alpha = type === "dynamic" && own?.get("alpha") ? own.positive("alpha") : 1;
  return { ...rope, theta: rope.theta * alpha ** (rope.dims / (rope.dims - 2)) };
}
