// Writes a Llama of a given shape with random weights as ONNX, for engines that read nothing else.
//
// The graph is what exporters make for ONNX Runtime on processors: grouped attention with its rotary embedding in one op,
// fused norms, matrices in f32 or in blocks of 4 bits. Logits are those of the last token only, which many exports lack.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { modelConfig } from "../shapes.mjs";
import { dataTypes, Graph, microsoft } from "./onnx_graph.mjs";

/** Sizes that vary, by the names that transformers.js knows. */
const [batch, total] = ["batch_size", "total_sequence_length"];
const block = 32;

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
