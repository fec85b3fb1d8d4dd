// Writes an encoder of a given shape with random weights as sentence-transformers would publish it, for measuring.
//
//   node bench/encoder_model.mjs MiniLM-L6 F32 /tmp/bench/minilm
//
// Its vocabulary has a token for each of the words "w0", "w1" ...: a text of n words is n + 2 tokens.

import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { quantOf } from "../dist/quants/index.js";

/** Of published models. */
export const encoderShapes = {
  "MiniLM-L6": { dim: 384, ffn: 1536, layers: 6, heads: 12, vocab: 30522, positions: 512, pooling: "mean" },
  "bge-small": { dim: 384, ffn: 1536, layers: 12, heads: 12, vocab: 30522, positions: 512, pooling: "cls" },
  "bge-base": { dim: 768, ffn: 3072, layers: 12, heads: 12, vocab: 30522, positions: 512, pooling: "cls" },
};

/** [name, shape outermost first], as transformers names them. */
export function encoderTensors({ dim, ffn, layers, vocab, positions }) {
  const pair = (name, rows, ...columns) => [
    [`${name}.weight`, [rows, ...columns]],
    [`${name}.bias`, [rows]],
  ];
  const list = [
    ["embeddings.word_embeddings.weight", [vocab, dim]],
    ["embeddings.position_embeddings.weight", [positions, dim]],
    ["embeddings.token_type_embeddings.weight", [2, dim]],
    ...pair("embeddings.LayerNorm", dim),
  ];
  for (let i = 0; i < layers; i++) {
    const at = `encoder.layer.${i}`;
    for (const name of ["query", "key", "value"]) list.push(...pair(`${at}.attention.self.${name}`, dim, dim));
    list.push(...pair(`${at}.attention.output.dense`, dim, dim), ...pair(`${at}.attention.output.LayerNorm`, dim));
    list.push(...pair(`${at}.intermediate.dense`, ffn, dim), ...pair(`${at}.output.dense`, dim, ffn));
    list.push(...pair(`${at}.output.LayerNorm`, dim));
  }
  return list;
}

/** Numbers by name: norms of 1, small random ones else, the same in every run. */
export function encoderValues(tensors) {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const one = (name) => (name.endsWith("LayerNorm.weight") ? () => 1 : () => 0.07 * random());
  return new Map(
    tensors.map(([name, sizes]) => [name, Float32Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, one(name))]),
  );
}

function writeSafetensors(folder, tensors, values, type) {
  const { codec, block, bytes } = quantOf(type);
  const header = {};
  let end = 0;
  for (const [name, sizes] of tensors) {
    const start = end;
    end += (values.get(name).length / block) * bytes;
    header[name] = { dtype: type, shape: sizes, data_offsets: [start, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(join(folder, "model.safetensors"), "w");
  writeSync(file, Buffer.concat([length, text]));
  for (const [name] of tensors) {
    const stored = new Uint8Array((values.get(name).length / block) * bytes);
    codec.encode(values.get(name), stored);
    writeSync(file, stored);
  }
  closeSync(file);
}

function tokenizerOf(vocab) {
  const words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...Array.from({ length: vocab - 5 }, (_, i) => `w${i}`)];
  const special = (id) => ({
    ...{ id, content: words[id], single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  });
  const around = ["[CLS]", "[SEP]"].map((id) => ({ SpecialToken: { id, type_id: 0 } }));
  const text = { Sequence: { id: "A", type_id: 0 } };
  return {
    version: "1.0",
    added_tokens: [0, 1, 2, 3, 4].map(special),
    normalizer: null,
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [around[0], text, around[1]],
      pair: [
        around[0],
        text,
        around[1],
        { Sequence: { id: "B", type_id: 1 } },
        { SpecialToken: { id: "[SEP]", type_id: 1 } },
      ],
      special_tokens: Object.fromEntries(
        [2, 3].map((id) => [words[id], { id: words[id], ids: [id], tokens: [words[id]] }]),
      ),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      ...{ type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 100 },
      vocab: Object.fromEntries(words.map((word, id) => [word, id])),
    },
  };
}

/** A folder that loadModel opens, with those numbers. */
export function writeEncoder(folder, shape, type, values = encoderValues(encoderTensors(shape))) {
  const { dim, ffn, layers, heads, vocab, positions, pooling } = shape;
  mkdirSync(join(folder, "1_Pooling"), { recursive: true });
  writeSafetensors(folder, encoderTensors(shape), values, type);
  const json = {
    "config.json": {
      ...{ model_type: "bert", architectures: ["BertModel"], hidden_size: dim, intermediate_size: ffn },
      ...{ num_hidden_layers: layers, num_attention_heads: heads, vocab_size: vocab, hidden_act: "gelu" },
      ...{ max_position_embeddings: positions, type_vocab_size: 2, layer_norm_eps: 1e-12, pad_token_id: 0 },
    },
    "tokenizer.json": tokenizerOf(vocab),
    "modules.json": ["Transformer", "Pooling", "Normalize"].map((type, idx) => ({
      ...{ idx, name: String(idx), path: idx === 0 ? "" : `${idx}_${type}` },
      type: `sentence_transformers.models.${type}`,
    })),
    "1_Pooling/config.json": { embedding_dimension: dim, pooling_mode: pooling },
  };
  for (const [name, value] of Object.entries(json)) writeFileSync(join(folder, name), JSON.stringify(value));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [name, type, out] = process.argv.slice(2);
  if (!encoderShapes[name] || !["F32", "F16", "BF16"].includes(type) || !out) {
    console.error(`usage: node bench/encoder_model.mjs ${Object.keys(encoderShapes).join("|")} F32|F16|BF16 FOLDER`);
    process.exit(2);
  }
  writeEncoder(out, encoderShapes[name], type);
  console.log(`${out}: ${name}, ${type}`);
}
