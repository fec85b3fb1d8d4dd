// Gemma 3n (text).

import type { Config } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { TensorInfo } from "../sizes.js";
import type { Family } from "./family.js";
import { gemmaScales } from "./gemma.js";
import { sharedLayers } from "./gemma4.js";
import { activationOf, attentionBias, localGgufRope, patternedWindows, ropesByWindow } from "./readers.js";

export const gemma3n: Family = {
  types: {
    gemma3n_text: {
      architecture: "gemma3n",
      defaults: {
        max_position_embeddings: 32768,
        num_key_value_heads: 2,
        head_dim: 256,
        sliding_window: 512,
        rope_theta: 1e6,
        rope_local_base_freq: 1e4,
        final_logit_softcapping: 30,
        vocab_size_per_layer_input: 262144,
        hidden_size_per_layer_input: 256,
        altup_num_inputs: 4,
        laurel_rank: 64,
        num_kv_shared_layers: 15,
        tie_word_embeddings: true,
        pad_token_id: 0,
        bos_token_id: 2,
        eos_token_id: 1,
      },
      sizes: (fields) => ({ intermediate_size: onlyEntry(fields, "intermediate_size") }),
      activation: (fields) => activationOf(fields, "hidden_activation", "gelu_pytorch_tanh"),
      bias: attentionBias,
      windows: (fields, layers) => patternedWindows(fields, layers, 5),
      ropes: (fields) => ropesByWindow(fields, "rope_local_base_freq"),
      more: readGemma3n,
    },
  },
  gguf: {
    gemma3n: {
      name: "gemma3n",
      activation: "gelu_tanh",
      slides: (layer) => (layer + 1) % 5 !== 0,
      more: readGemma3nGguf,
    },
  },
  names: {
    safetensors: {
      outer: {
        embed_tokens_per_layer: "per_layer.embed",
        per_layer_model_projection: "per_layer.projection",
        per_layer_projection_norm: "per_layer.norm",
        "altup_projections.*": "streams.expand.*",
        "altup_unembed_projections.*": "streams.join.*",
      },
      inLayer: {
        post_attention_layernorm: "attention.post_norm",
        pre_feedforward_layernorm: "ffn.norm",
        post_feedforward_layernorm: "ffn.post_norm",
        per_layer_input_gate: "per_layer.gate",
        per_layer_projection: "per_layer.projection",
        post_per_layer_input_norm: "per_layer.post_norm",
        "altup.correction_coefs": "streams.correct",
        "altup.prediction_coefs": "streams.guess",
        "altup.modality_router": "streams.router",
        "altup.router_norm": "streams.norm",
        "laurel.linear_left": "laurel.left",
        "laurel.linear_right": "laurel.right",
        "laurel.post_laurel_norm": "laurel.post_norm",
      },
      bare: { "altup.correct_output_scale": "streams.scale" },
    },
    gguf: {
      outer: {
        per_layer_token_embd: "per_layer.embed",
        per_layer_model_proj: "per_layer.projection",
        per_layer_proj_norm: "per_layer.norm",
        altup_proj: "streams.expand",
        altup_unembd_proj: "streams.join",
      },
      inLayer: {
        post_attention_norm: "attention.post_norm",
        post_ffw_norm: "ffn.post_norm",
        inp_gate: "per_layer.gate",
        proj: "per_layer.projection",
        post_norm: "per_layer.post_norm",
        altup_correct_coef: "streams.correct",
        altup_correct_scale: "streams.scale",
        altup_predict_coef: "streams.guess",
        altup_router: "streams.router",
        altup_router_norm: "streams.norm",
        laurel_l: "laurel.left",
        laurel_r: "laurel.right",
        laurel_post_norm: "laurel.post_norm",
      },
    },
  },
};

function readGemma3n(fields: Fields, config: Config): Partial<Config> {
  if (fields.get("altup_active_idx")) throw fields.wrong("altup_active_idx", "0", fields.get("altup_active_idx"));
  const { layers, windows } = config;
  const dense = Array.from({ length: layers }, (_, i) => (layers > 10 && i < 10 ? 0.95 : 0));
  return {
    scales: gemmaScales(config),
    output: { ...config.output, softcap: fields.optionalPositive("final_logit_softcapping") },
    sharing: sharedLayers(fields, "num_kv_shared_layers", windows),
    perLayer: {
      width: fields.size("hidden_size_per_layer_input"),
      vocab: fields.size("vocab_size_per_layer_input"),
    },
    gemma3n: {
      streams: fields.size("altup_num_inputs"),
      laurelRank: fields.size("laurel_rank"),
      sparsity: shares(fields, "activation_sparsity_pattern", dense).map((share) =>
        share > 0 ? quantile(share) : undefined,
      ),
      scaled: fields.boolean("altup_correct_scale", true),
    },
  };
}

function readGemma3nGguf(fields: Fields, config: Config, tensors: ReadonlyMap<string, TensorInfo>): Partial<Config> {
  const { layers, rope, windows } = config;
  const rows = (name: string) => tensors.get(name)?.shape[0];
  const sparsity = fields.get("activation_sparsity_scale");
  const all = Array.isArray(sparsity) ? sparsity : Array.from({ length: layers }, () => sparsity);
  return {
    localRope: localGgufRope(fields, rope, 10000),
    scales: gemmaScales(config),
    // Of both, llama.cpp knows the constant.
    output: { ...config.output, softcap: fields.positive("final_logit_softcapping", 30) },
    sharing: sharedLayers(fields, "attention.shared_kv_layers", windows),
    perLayer: {
      width: fields.size("embedding_length_per_layer_input"),
      vocab: rows("per_layer.embed") ?? config.vocab,
    },
    gemma3n: {
      streams: fields.size("altup.num_inputs"),
      laurelRank: rows("layers.0.laurel.left") ?? 64,
      sparsity: all.map((factor) => (Number.isFinite(factor) ? factor : undefined)),
      scaled: true,
    },
  };
}

function onlyEntry(fields: Fields, key: string): unknown {
  const value = fields.get(key);
  if (!Array.isArray(value)) return value;
  if (value.every((entry) => entry === value[0])) return value[0];
  throw fields.wrong(key, "the same for all layers", value);
}

function shares(fields: Fields, key: string, otherwise: readonly number[]): readonly number[] {
  const value = fields.get(key) ?? otherwise;
  const list = Array.isArray(value) ? value : otherwise.map(() => value);
  const isShare = (share: unknown) => typeof share === "number" && share >= 0 && share < 1;
  if (list.length === otherwise.length && list.every(isShare)) return list;
  throw fields.wrong(key, `${otherwise.length} numbers of 0 to less than 1`, value);
}

/** How many standard deviations above the mean a share of normal values is below: by halving, to the end of the digits. */
function quantile(share: number): number {
  let [low, high] = [-6, 6];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (below(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The share of normal values below x, by the series of the error function. */
function below(x: number): number {
  const z = x / Math.SQRT2;
  let [sum, term] = [z, z];
  for (let n = 1; n < 400; n++) {
    term *= (-z * z) / n;
    sum += term / (2 * n + 1);
  }
  return (1 + (2 / Math.sqrt(Math.PI)) * sum) / 2;
}
