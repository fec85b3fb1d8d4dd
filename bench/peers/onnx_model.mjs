// Writes a Llama of a given shape with random weights as ONNX, for engines that read nothing else.
//
// The graph is what exporters make for ONNX Runtime on processors: grouped attention with its rotary embedding in one op,
// fused norms, matrices in f32 or in blocks of 4 bits. Logits are those of the last token only, which many exports lack.
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto,
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md

import { randomFillSync } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { modelConfig } from "../shapes.mjs";
import { integer, message, part, real } from "./protobuf.mjs";

const dataTypes = { f32: 1, u8: 2, i32: 6, i64: 7 };
const valueBytes = { f32: 4, u8: 1, i32: 4, i64: 8 };
const microsoft = "com.microsoft";
/** Sizes that vary, by the names that transformers.js knows. */
const [batch, total] = ["batch_size", "total_sequence_length"];
/** Where an initializer begins in the data file: pages, so that it can be mapped. */
const alignment = 4096;
const block = 32;

/** Random numbers of a size that keeps a model's values finite; tensors are cut from them. */
function patterns() {
  const numbers = Float32Array.from({ length: 1 << 18 }, () => (Math.random() - 0.5) * 0.07);
  return {
    values: Buffer.from(numbers.buffer),
    ones: Buffer.from(new Float32Array(1 << 12).fill(1).buffer),
    scales: Buffer.from(new Float32Array(1 << 18).fill(0.005).buffer),
    codes: randomFillSync(Buffer.alloc(1 << 20)),
  };
}

/** A graph under construction: nodes, and initializers whose bytes go to a file of their own. */
class Graph {
  #parts = [];
  #dataName;
  #file;
  #offset = 0;
  #patterns = patterns();

  constructor(folder, dataName) {
    this.#dataName = dataName;
    this.#file = openSync(join(folder, dataName), "w");
  }

  node(type, inputs, outputs, attributes = {}, domain = "") {
    const fields = [
      ...inputs.map((name) => part(1, name)),
      ...outputs.map((name) => part(2, name)),
      ...[part(3, outputs[0]), part(4, type), part(7, domain)],
      ...Object.entries(attributes).map(([name, value]) => part(5, attribute(name, value))),
    ];
    this.#parts.push(part(1, message(fields)));
    return outputs[0];
  }

  /** Large: its bytes are cut from a pattern, or given. */
  stored(name, type, sizes, from) {
    const bytes = typeof from === "string" ? this.#patterns[from] : from;
    const length = sizes.reduce((a, b) => a * b, 1) * valueBytes[type];
    const start = Math.ceil(this.#offset / alignment) * alignment;
    writeSync(this.#file, Buffer.alloc(start - this.#offset));
    for (let at = 0; at < length; at += bytes.length)
      writeSync(this.#file, bytes, 0, Math.min(bytes.length, length - at));
    this.#offset = start + length;
    const place = { location: this.#dataName, offset: start, length };
    const external = Object.entries(place).map(([key, value]) =>
      part(13, message(part(1, key), part(2, String(value)))),
    );
    this.#parts.push(part(5, message(tensorHead(name, type, sizes), external, integer(14, 1))));
    return name;
  }

  /** Small and whole, in the graph itself. */
  constant(name, sizes, values) {
    const bytes = Buffer.from(BigInt64Array.from(values, BigInt).buffer);
    this.#parts.push(part(5, message(tensorHead(name, "i64", sizes), part(9, bytes))));
    return name;
  }

  input(name, type, sizes) {
    this.#parts.push(part(11, valueInfo(name, type, sizes)));
  }

  output(name, type, sizes) {
    this.#parts.push(part(12, valueInfo(name, type, sizes)));
  }

  write(path) {
    closeSync(this.#file);
    const opsets = [
      ["", 21],
      [microsoft, 1],
    ].map(([name, version]) => part(8, message(part(1, name), integer(2, version))));
    const graph = message(this.#parts, part(2, "model"));
    writeFileSync(path, message(integer(1, 10), part(2, "deadlift bench"), part(7, graph), opsets));
  }
}

const tensorHead = (name, type, sizes) => [
  ...sizes.map((size) => integer(1, size)),
  integer(2, dataTypes[type]),
  part(8, name),
];

/** A number with a point is a float: `{ epsilon: real }` takes a Float32Array of one. */
function attribute(name, value) {
  if (value instanceof Float32Array) return message(part(1, name), real(2, value[0]), integer(20, 1));
  return message(part(1, name), integer(3, value), integer(20, 2));
}

function valueInfo(name, type, sizes) {
  const dims = sizes.map((size) => part(1, typeof size === "string" ? part(2, size) : integer(1, size)));
  const tensor = message(integer(1, dataTypes[type]), part(2, message(dims)));
  return message(part(1, name), part(2, part(1, tensor)));
}

/** x times a matrix (rows, columns), as f32 (stored by columns) or in blocks of 4 bits. */
function multiply(graph, x, name, rows, columns, type) {
  const out = `${name}.out`;
  if (type === "fp32") return graph.node("MatMul", [x, graph.stored(name, "f32", [columns, rows], "values")], [out]);
  const blocks = columns / block;
  const codes = graph.stored(`${name}.codes`, "u8", [rows, blocks, block / 2], "codes");
  const scales = graph.stored(`${name}.scales`, "f32", [rows * blocks], "scales");
  // Accuracy 4: activations become 8-bit integers, the fastest that there is.
  const sizes = { K: columns, N: rows, bits: 4, block_size: block, accuracy_level: 4 };
  return graph.node("MatMulNBits", [x, codes, scales], [out], sizes, microsoft);
}

/** The values of a row that are past: their number less one for each sequence, and their number. */
function lengths(graph) {
  graph.constant("one", [1], [1]);
  graph.constant("index_one", [], [1]);
  graph.constant("index_last", [1], [-1]);
  graph.node("ReduceSum", ["attention_mask", "one"], ["counts"], { keepdims: 0 });
  graph.node("Sub", ["counts", "one"], ["last"]);
  graph.node("Cast", ["last"], ["seqlens_k"], { to: dataTypes.i32 });
  graph.node("Shape", ["attention_mask"], ["mask_shape"]);
  graph.node("Gather", ["mask_shape", "index_one"], ["total"], { axis: 0 });
  graph.node("Cast", ["total"], ["total_length"], { to: dataTypes.i32 });
}

function rotary(graph, { context, headDim, theta }) {
  const half = headDim / 2;
  const angles = Float32Array.from(
    { length: context * half },
    (_, i) => Math.floor(i / half) * theta ** (-(i % half) / half),
  );
  for (const name of ["cos", "sin"]) {
    graph.stored(name, "f32", [context, half], Buffer.from(angles.map((angle) => Math[name](angle)).buffer));
  }
}

function layer(graph, i, x, skip, shape, type) {
  const { dim, ffn, heads, kvHeads, headDim, epsilon } = shape;
  const at = `layers.${i}`;
  const norm = (name, x, skip) => {
    const weight = graph.stored(`${at}.${name}`, "f32", [dim], "ones");
    const options = { epsilon: Float32Array.of(epsilon) };
    if (!skip) {
      graph.node("SimplifiedLayerNormalization", [x, weight], [`${at}.${name}.out`], {
        ...options,
        axis: -1,
        stash_type: 1,
      });
      return [`${at}.${name}.out`, x];
    }
    const outputs = [`${at}.${name}.out`, "", "", `${at}.${name}.sum`];
    graph.node("SkipSimplifiedLayerNormalization", [x, skip, weight], outputs, options, microsoft);
    return [outputs[0], outputs[3]];
  };
  const product = (x, name, rows, columns) => multiply(graph, x, `${at}.${name}`, rows, columns, type);
  const [a, before] = norm("attention_norm", x, skip);
  const q = product(a, "q", heads * headDim, dim);
  const [k, v] = ["k", "v"].map((name) => product(a, name, kvHeads * headDim, dim));
  const past = ["key", "value"].map((name) => `past_key_values.${i}.${name}`);
  const present = ["key", "value"].map((name) => `present.${i}.${name}`);
  for (const name of past) graph.input(name, "f32", [batch, kvHeads, "past_sequence_length", headDim]);
  for (const name of present) graph.output(name, "f32", [batch, kvHeads, total, headDim]);
  graph.node(
    "GroupQueryAttention",
    [q, k, v, ...past, "seqlens_k", "total_length", "cos", "sin"],
    [`${at}.mixed`, ...present],
    { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1, rotary_interleaved: 0 },
    microsoft,
  );
  const [f, middle] = norm("ffn_norm", before, product(`${at}.mixed`, "o", dim, heads * headDim));
  const gate = product(f, "gate", ffn, dim);
  const up = product(f, "up", ffn, dim);
  graph.node("Sigmoid", [gate], [`${at}.sigmoid`]);
  graph.node("Mul", [gate, `${at}.sigmoid`], [`${at}.silu`]);
  graph.node("Mul", [`${at}.silu`, up], [`${at}.gated`]);
  return [middle, product(`${at}.gated`, "down", dim, ffn)];
}

/** A folder that transformers.js opens with that `dtype`, "fp32" or "q4". */
export function writeOnnx(folder, shape, type) {
  const { dim, layers, vocab, epsilon } = shape;
  const name = type === "fp32" ? "model.onnx" : `model_${type}.onnx`;
  mkdirSync(join(folder, "onnx"), { recursive: true });
  const graph = new Graph(join(folder, "onnx"), `${name}_data`);
  graph.input("input_ids", "i64", [batch, "sequence_length"]);
  graph.input("attention_mask", "i64", [batch, total]);
  graph.output("logits", "f32", [batch, 1, vocab]);
  lengths(graph);
  rotary(graph, shape);
  graph.stored("embed", "f32", [vocab, dim], "values");
  let [x, skip] = [graph.node("Gather", ["embed", "input_ids"], ["embedded"], { axis: 0 }), undefined];
  for (let i = 0; i < layers; i++) [x, skip] = layer(graph, i, x, skip, shape, type);
  graph.node("Add", [x, skip], ["residual"]);
  graph.node("Gather", ["residual", "index_last"], ["final"], { axis: 1 });
  const weight = graph.stored("norm", "f32", [dim], "ones");
  const options = { epsilon: Float32Array.of(epsilon), axis: -1, stash_type: 1 };
  graph.node("SimplifiedLayerNormalization", ["final", weight], ["normed"], options);
  graph.node("Identity", [multiply(graph, "normed", "output", vocab, dim, type)], ["logits"]);
  graph.write(join(folder, "onnx", name));
  const config = { ...modelConfig(shape), "transformers.js_config": { use_external_data_format: true } };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
}
