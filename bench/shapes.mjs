// Shapes of published models, and what their files say and hold, in both formats; make_model.mjs fills them.

import { f32, text, texts, u32 } from "../dist/formats/gguf_values.js";

const llama = { architecture: "llama", theta: 10000, epsilon: 1e-5 };
/** gpt-oss: the mixture that we run. */
const gptOss = { architecture: "gpt_oss", theta: 150000, epsilon: 1e-5, window: 128, stretch: 32, original: 4096 };

/** Dense ones by their parameters, mixtures by all of them and by those that a token uses. The last is gpt-oss-20b. */
export const shapes = {
  "135M": { ...llama, dim: 576, ffn: 1536, layers: 30, heads: 9, kvHeads: 3, headDim: 64, vocab: 49152, context: 2048 },
  "0.6B": {
    ...llama,
    dim: 1024,
    ffn: 3072,
    layers: 28,
    heads: 16,
    kvHeads: 8,
    headDim: 64,
    vocab: 32000,
    context: 4096,
  },
  "1.1B": {
    ...llama,
    dim: 2048,
    ffn: 5632,
    layers: 22,
    heads: 32,
    kvHeads: 4,
    headDim: 64,
    vocab: 32000,
    context: 4096,
  },
  "3B": {
    ...llama,
    dim: 3072,
    ffn: 8192,
    layers: 28,
    heads: 24,
    kvHeads: 8,
    headDim: 128,
    vocab: 128256,
    context: 8192,
  },
  "8B": {
    ...{ ...llama, theta: 500000, dim: 4096, ffn: 14336, layers: 32, heads: 32, kvHeads: 8, headDim: 128 },
    ...{ vocab: 128256, context: 8192 },
  },
  "0.4B-A0.1B": {
    ...{ ...gptOss, dim: 768, ffn: 768, layers: 12, heads: 12, kvHeads: 4, headDim: 64, vocab: 32000, context: 4096 },
    ...{ experts: 16, used: 2 },
  },
  "1.8B-A0.4B": {
    ...{ ...gptOss, dim: 1024, ffn: 1024, layers: 16, heads: 32, kvHeads: 8, headDim: 64, vocab: 32000, context: 8192 },
    ...{ experts: 32, used: 4 },
  },
  "21B-A3.6B": {
    ...{ ...gptOss, dim: 2880, ffn: 2880, layers: 24, heads: 64, kvHeads: 8, headDim: 64, vocab: 201088 },
    ...{ context: 131072, experts: 32, used: 4 },
  },
};

/** [name, shape outermost first, kind]; the kind says how a tensor is filled and stored. */
const matrix = (name, ...shape) => [`${name}.weight`, shape, "matrix"];
const norm = (name, size) => [`${name}.weight`, [size], "norm"];
const router = (name, ...shape) => [`${name}.weight`, shape, "router"];
const bias = (name, ...shape) => [`${name}.bias`, shape, "bias"];

export function ggufTensors(shape) {
  const { dim, ffn, layers, heads, kvHeads, headDim, vocab, experts } = shape;
  const list = [matrix("token_embd", vocab, dim), norm("output_norm", dim), matrix("output", vocab, dim)];
  for (let i = 0; i < layers; i++) {
    const at = `blk.${i}`;
    const projections = [
      [`${at}.attn_q`, heads * headDim, dim],
      [`${at}.attn_k`, kvHeads * headDim, dim],
      [`${at}.attn_v`, kvHeads * headDim, dim],
      [`${at}.attn_output`, dim, heads * headDim],
    ];
    list.push(norm(`${at}.attn_norm`, dim), ...projections.map((one) => matrix(...one)));
    if (!experts) {
      list.push(norm(`${at}.ffn_norm`, dim), matrix(`${at}.ffn_gate`, ffn, dim), matrix(`${at}.ffn_up`, ffn, dim));
      list.push(matrix(`${at}.ffn_down`, dim, ffn));
      continue;
    }
    list.push(...projections.map(([name, rows]) => bias(name, rows)), [`${at}.attn_sinks.weight`, [heads], "bias"]);
    list.push(norm(`${at}.post_attention_norm`, dim));
    list.push(router(`${at}.ffn_gate_inp`, experts, dim), bias(`${at}.ffn_gate_inp`, experts));
    for (const [name, ...sizes] of [
      ["gate", ffn, dim],
      ["up", ffn, dim],
      ["down", dim, ffn],
    ]) {
      list.push([`${at}.ffn_${name}_exps.weight`, [experts, ...sizes], "experts"]);
      list.push(bias(`${at}.ffn_${name}_exps`, experts, sizes[0]));
    }
  }
  return list;
}

/** `packed`: experts as gpt-oss publishes them, in MXFP4. */
export function safetensorsTensors(shape, packed) {
  const { dim, ffn, layers, heads, kvHeads, headDim, vocab, experts } = shape;
  const list = [matrix("model.embed_tokens", vocab, dim), norm("model.norm", dim), matrix("lm_head", vocab, dim)];
  for (let i = 0; i < layers; i++) {
    const at = `model.layers.${i}`;
    const projections = [
      [`${at}.self_attn.q_proj`, heads * headDim, dim],
      [`${at}.self_attn.k_proj`, kvHeads * headDim, dim],
      [`${at}.self_attn.v_proj`, kvHeads * headDim, dim],
      [`${at}.self_attn.o_proj`, dim, heads * headDim],
    ];
    list.push(norm(`${at}.input_layernorm`, dim), norm(`${at}.post_attention_layernorm`, dim));
    list.push(...projections.map((one) => matrix(...one)));
    if (!experts) {
      list.push(matrix(`${at}.mlp.gate_proj`, ffn, dim), matrix(`${at}.mlp.up_proj`, ffn, dim));
      list.push(matrix(`${at}.mlp.down_proj`, dim, ffn));
      continue;
    }
    list.push(...projections.map(([name, rows]) => bias(name, rows)), [`${at}.self_attn.sinks`, [heads], "bias"]);
    list.push(router(`${at}.mlp.router`, experts, dim), bias(`${at}.mlp.router`, experts));
    for (const [name, rows, columns] of [
      ["gate_up", 2 * ffn, dim],
      ["down", dim, ffn],
    ]) {
      const stem = `${at}.mlp.experts.${name}_proj`;
      list.push([`${stem}_bias`, [experts, rows], "bias"]);
      if (packed) list.push([`${stem}_blocks`, [experts, rows, columns / 32, 16], "blocks"]);
      if (packed) list.push([`${stem}_scales`, [experts, rows, columns / 32], "scales"]);
      else list.push([stem, [experts, columns, rows], "experts"]);
    }
  }
  return list;
}

/** Metadata: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
export function ggufEntries({ architecture, ...shape }) {
  const name = architecture.replace("_", "-");
  const mixture = shape.experts !== undefined;
  return [
    text("general.architecture", name),
    u32(`${name}.block_count`, shape.layers),
    u32(`${name}.context_length`, shape.context),
    u32(`${name}.embedding_length`, shape.dim),
    u32(`${name}.feed_forward_length`, shape.ffn),
    u32(`${name}.attention.head_count`, shape.heads),
    u32(`${name}.attention.head_count_kv`, shape.kvHeads),
    u32(`${name}.attention.key_length`, shape.headDim),
    u32(`${name}.attention.value_length`, shape.headDim),
    u32(`${name}.rope.dimension_count`, shape.headDim),
    f32(`${name}.rope.freq_base`, shape.theta),
    f32(`${name}.attention.layer_norm_rms_epsilon`, shape.epsilon),
    ...(mixture ? mixtureEntries(name, shape) : []),
    text("tokenizer.ggml.model", "gpt2"),
    text("tokenizer.ggml.pre", "gpt-2"),
    texts(
      "tokenizer.ggml.tokens",
      Array.from({ length: shape.vocab }, (_, i) => `<${i}>`),
    ),
    texts("tokenizer.ggml.merges", []),
    u32("tokenizer.ggml.bos_token_id", 1),
    u32("tokenizer.ggml.eos_token_id", 2),
  ];
}

const mixtureEntries = (name, { experts, used, ffn, window, stretch, original }) => [
  u32(`${name}.expert_count`, experts),
  u32(`${name}.expert_used_count`, used),
  u32(`${name}.expert_feed_forward_length`, ffn),
  u32(`${name}.attention.sliding_window`, window),
  text(`${name}.rope.scaling.type`, "yarn"),
  f32(`${name}.rope.scaling.factor`, stretch),
  u32(`${name}.rope.scaling.original_context_length`, original),
];

/** config.json, as transformers writes it. */
export function modelConfig(shape, packed) {
  const { architecture, experts, used, window, stretch, original } = shape;
  return {
    model_type: architecture,
    architectures: [architecture === "llama" ? "LlamaForCausalLM" : "GptOssForCausalLM"],
    hidden_size: shape.dim,
    intermediate_size: shape.ffn,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    head_dim: shape.headDim,
    vocab_size: shape.vocab,
    max_position_embeddings: shape.context,
    rms_norm_eps: shape.epsilon,
    rope_theta: shape.theta,
    tie_word_embeddings: false,
    ...(experts && {
      num_local_experts: experts,
      num_experts_per_tok: used,
      sliding_window: window,
      attention_bias: true,
      rope_scaling: {
        ...{ rope_type: "yarn", factor: stretch, beta_fast: 32, beta_slow: 1, truncate: false },
        original_max_position_embeddings: original,
      },
    }),
    ...(packed && { quantization_config: { quant_method: "mxfp4" } }),
  };
}
