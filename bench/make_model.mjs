// Writes a model of a given shape with random weights, for measuring: real shapes without a download.
//
//   node bench/make_model.mjs 1.1B Q8_0 /tmp/bench/1.1B-Q8_0.gguf
//   node bench/make_model.mjs 3B Q4_K_M /tmp/bench/3B-Q4_K_M.gguf (any type that quantizeModel writes)
//   node bench/make_model.mjs 135M BF16 /tmp/bench/135M           (a folder: safetensors in Hub layout)

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { embeddedModel, quantizeModel } from "../dist/index.js";
import { fileTypeOf } from "../dist/quants/file_types.js";
import { quants } from "../dist/quants/index.js";

/** Published Llama-like shapes. */
const shapes = {
  "135M": { dim: 576, ffn: 1536, layers: 30, heads: 9, kvHeads: 3, headDim: 64, vocab: 49152, context: 2048 },
  "0.6B": { dim: 1024, ffn: 3072, layers: 28, heads: 16, kvHeads: 8, headDim: 64, vocab: 32000, context: 4096 },
  "1.1B": { dim: 2048, ffn: 5632, layers: 22, heads: 32, kvHeads: 4, headDim: 64, vocab: 32000, context: 4096 },
  "3B": { dim: 3072, ffn: 8192, layers: 28, heads: 24, kvHeads: 8, headDim: 128, vocab: 128256, context: 8192 },
};

const [shapeName, type, out] = process.argv.slice(2);
const shape = shapes[shapeName];
if (!shape || !type || !out) {
  console.error(`usage: node bench/make_model.mjs ${Object.keys(shapes).join("|")} F32|F16|BF16|Q8_0|Q4_K_M|... OUT`);
  process.exit(2);
}
const quant = quants.get(type);
const canEncode = quant?.codec?.encode !== undefined;

/** [Hugging Face name, GGUF name, shape outermost first]; vectors stay F32 in GGUF, as converters write them. */
function tensorList({ dim, ffn, layers, heads, kvHeads, headDim, vocab }) {
  const list = [
    ["model.embed_tokens", "token_embd", [vocab, dim]],
    ["model.norm", "output_norm", [dim]],
    ["lm_head", "output", [vocab, dim]],
  ];
  for (let i = 0; i < layers; i++) {
    const [hf, gguf] = [`model.layers.${i}`, `blk.${i}`];
    list.push(
      [`${hf}.input_layernorm`, `${gguf}.attn_norm`, [dim]],
      [`${hf}.self_attn.q_proj`, `${gguf}.attn_q`, [heads * headDim, dim]],
      [`${hf}.self_attn.k_proj`, `${gguf}.attn_k`, [kvHeads * headDim, dim]],
      [`${hf}.self_attn.v_proj`, `${gguf}.attn_v`, [kvHeads * headDim, dim]],
      [`${hf}.self_attn.o_proj`, `${gguf}.attn_output`, [dim, heads * headDim]],
      [`${hf}.post_attention_layernorm`, `${gguf}.ffn_norm`, [dim]],
      [`${hf}.mlp.gate_proj`, `${gguf}.ffn_gate`, [ffn, dim]],
      [`${hf}.mlp.up_proj`, `${gguf}.ffn_up`, [ffn, dim]],
      [`${hf}.mlp.down_proj`, `${gguf}.ffn_down`, [dim, ffn]],
    );
  }
  return list;
}

const product = (sizes) => sizes.reduce((a, b) => a * b, 1);
const bytesOf = (count, { block, bytes }) => (count / block) * bytes;

/** One stretch of normal random numbers, encoded; every tensor is cut from it. Norm weights are ones. */
function makePattern({ codec, block, bytes }) {
  const values = new Float32Array(1 << 20);
  let state = 1n;
  const uniform = () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number(state >> 40n) / 2 ** 24;
  };
  for (let i = 0; i < values.length; i++) {
    values[i] = 0.02 * Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  }
  const encoded = new Uint8Array((values.length / block) * bytes);
  codec.encode(values, encoded);
  return encoded;
}

function writeTensor(file, sizes, kind, pattern) {
  const length = bytesOf(product(sizes), kind);
  if (sizes.length === 1) {
    const ones = new Uint8Array(length);
    kind.codec.encode(new Float32Array(sizes[0]).fill(1), ones);
    writeSync(file, ones);
    return;
  }
  for (let at = 0; at < length; at += pattern.length) {
    writeSync(file, pattern, 0, Math.min(pattern.length, length - at));
  }
}

function writeSafetensors() {
  mkdirSync(out, { recursive: true });
  const list = tensorList(shape);
  const header = {};
  let end = 0;
  for (const [name, , sizes] of list) {
    const start = end;
    end += bytesOf(product(sizes), quant);
    header[`${name}.weight`] = { dtype: type, shape: sizes, data_offsets: [start, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(join(out, "model.safetensors"), "w");
  writeSync(file, Buffer.concat([length, text]));
  const pattern = makePattern(quant);
  for (const [, , sizes] of list) writeTensor(file, sizes, quant, pattern);
  const { dim, ffn, layers, heads, kvHeads, headDim, vocab, context } = shape;
  const config = {
    model_type: "llama",
    architectures: ["LlamaForCausalLM"],
    hidden_size: dim,
    intermediate_size: ffn,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: headDim,
    vocab_size: vocab,
    max_position_embeddings: context,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: false,
  };
  writeFileSync(join(out, "config.json"), JSON.stringify(config));
  copyFileSync(join(embeddedModel, "tokenizer.json"), join(out, "tokenizer.json"));
}

/** GGUF v3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
function writeGguf() {
  mkdirSync(dirname(out), { recursive: true });
  const parts = [];
  const u32 = (n) => parts.push(Buffer.from(Uint32Array.of(n).buffer));
  const u64 = (n) => parts.push(Buffer.from(BigUint64Array.of(BigInt(n)).buffer));
  const text = (s) => {
    const bytes = Buffer.from(s);
    u64(bytes.length);
    parts.push(bytes);
  };
  const entry = (key, kind, write) => {
    text(key);
    u32(kind);
    write();
  };
  const integer = (key, n) => entry(key, 4, () => u32(n));
  const real = (key, x) => entry(key, 6, () => parts.push(Buffer.from(Float32Array.of(x).buffer)));
  const string = (key, s) => entry(key, 8, () => text(s));
  const strings = (key, list) =>
    entry(key, 9, () => {
      u32(8);
      u64(list.length);
      list.forEach(text);
    });

  const { dim, ffn, layers, heads, kvHeads, headDim, vocab, context } = shape;
  const list = tensorList(shape).map(([, name, sizes]) => [`${name}.weight`, sizes]);
  const metadata = [
    () => string("general.architecture", "llama"),
    () => integer("llama.block_count", layers),
    () => integer("llama.context_length", context),
    () => integer("llama.embedding_length", dim),
    () => integer("llama.feed_forward_length", ffn),
    () => integer("llama.attention.head_count", heads),
    () => integer("llama.attention.head_count_kv", kvHeads),
    () => integer("llama.rope.dimension_count", headDim),
    () => real("llama.rope.freq_base", 10000),
    () => real("llama.attention.layer_norm_rms_epsilon", 1e-5),
    () => string("tokenizer.ggml.model", "gpt2"),
    () => string("tokenizer.ggml.pre", "gpt-2"),
    () =>
      strings(
        "tokenizer.ggml.tokens",
        Array.from({ length: vocab }, (_, i) => `<${i}>`),
      ),
    () => strings("tokenizer.ggml.merges", []),
    () => integer("tokenizer.ggml.bos_token_id", 1),
    () => integer("tokenizer.ggml.eos_token_id", 2),
  ];
  parts.push(Buffer.from("GGUF"));
  u32(3);
  u64(list.length);
  u64(metadata.length);
  for (const write of metadata) write();
  const f32 = quants.get("F32");
  const kindOf = (sizes) => (sizes.length === 1 ? f32 : quant);
  const aligned = (n) => Math.ceil(n / 32) * 32;
  let offset = 0;
  for (const [name, sizes] of list) {
    text(name);
    u32(sizes.length);
    for (const size of [...sizes].reverse()) u64(size);
    u32(kindOf(sizes).id);
    u64(offset);
    offset = aligned(offset + bytesOf(product(sizes), kindOf(sizes)));
  }
  const header = Buffer.concat(parts);
  const file = openSync(out, "w");
  writeSync(file, Buffer.concat([header, Buffer.alloc(aligned(header.length) - header.length)]));
  const pattern = makePattern(quant);
  for (const [, sizes] of list) {
    const length = bytesOf(product(sizes), kindOf(sizes));
    writeTensor(file, sizes, kindOf(sizes), pattern);
    writeSync(file, Buffer.alloc(aligned(length) - length));
  }
}

/** Mixes, and types that only native code encodes: by way of a file in BF16, which is gone afterwards. */
async function writeQuantized() {
  fileTypeOf(type); // throws for a name that is none, before much is written
  const plain = `${out}.BF16.gguf`;
  try {
    spawnSync(process.execPath, [fileURLToPath(import.meta.url), shapeName, "BF16", plain], { stdio: "inherit" });
    await quantizeModel(plain, out, { type });
  } finally {
    rmSync(plain, { force: true });
  }
}

if (!canEncode) await writeQuantized();
else if (out.endsWith(".gguf")) writeGguf();
else writeSafetensors();
console.log(`${out}: ${shapeName}, ${type}, ${tensorList(shape).length} tensors`);
