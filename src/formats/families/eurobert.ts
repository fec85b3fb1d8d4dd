// EuroBERT: Llama's list with attention both ways.

import type { Fields } from "../fields.js";
import type { ClassesHead, Family } from "./family.js";
import { headLayer } from "./heads.js";
import { llamaBias } from "./readers.js";

export const eurobert: Family = {
  types: {
    eurobert: {
      architecture: "llama",
      defaults: {
        vocab_size: 128256,
        hidden_size: 768,
        intermediate_size: 3072,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        max_position_embeddings: 8192,
        rms_norm_eps: 1e-5,
        bos_token_id: 128000,
        eos_token_id: 128001,
        pad_token_id: 128001,
      },
      bias: llamaBias,
      heads: {
        masked: (fields) => ({ layers: [], bias: fields.boolean("mlp_bias", false) }),
        classes: (fields, { dim }) => ({
          ...readPooling(fields),
          layers: [headLayer("head.dense", dim, { activation: "gelu" })],
        }),
      },
      more: () => ({ causal: false }),
    },
  },
  gguf: { eurobert: { name: "llama", heads: {} } },
  names: { safetensors: { outer: { dense: "head.dense", classifier: "head.classes" } } },
};

function readPooling(fields: Fields): Pick<ClassesHead, "pooling" | "late"> {
  const name = fields.string("classifier_pooling", "late");
  if (name === "bos") return { pooling: "first" };
  if (name === "mean" || name === "late") return { pooling: "mean", late: name === "late" };
  throw fields.wrong("classifier_pooling", '"bos", "mean" or "late"', name);
}
