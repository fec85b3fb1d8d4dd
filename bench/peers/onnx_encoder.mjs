// Writes an encoder of a given shape as ONNX, in f32 or with matrices of 8-bit integers.
//
// The graph is what ONNX Runtime makes of exports when it opens them: attention of all heads, norms with their residual, and
// units with their bias in one op each; matrices of integers meet activations that are made integers as they come.

import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Graph, microsoft } from "./onnx_graph.mjs";

const sizes = ["batch_size", "sequence_length"];

/** `values`: numbers by transformers' names; `type`: "fp32" or "int8". */
export function writeOnnxEncoder(path, shape, type, values) {
  mkdirSync(dirname(path), { recursive: true });
  const graph = new Graph(dirname(path), `${path.split("/").at(-1)}_data`);
  for (const name of ["input_ids", "token_type_ids"]) graph.input(name, "i64", sizes);
  graph.output("last_hidden_state", "f32", [...sizes, shape.dim]);
  const { embedded, norm } = parts(graph, shape, values);
  let x = norm("embeddings.LayerNorm", ...embedded);
  for (let i = 0; i < shape.layers; i++) x = layer({ graph, shape, type, values, norm }, `encoder.layer.${i}`, x);
  graph.node("Identity", [x], ["last_hidden_state"]);
  graph.write(path);
}

function parts(graph, { dim, vocab, positions }, values) {
  const stored = (name, ...sizes) => graph.stored(name, "f32", sizes, bytesOf(values.get(name)));
  const table = (name, count) => stored(`embeddings.${name}_embeddings.weight`, count, dim);
  const gather = (name, ids) => graph.node("Gather", [name, ids], [`${name}.out`], { axis: 0 });
  graph.constant("zero", [], [0]);
  graph.constant("one", [], [1]);
  graph.constant("first", [1], [0]);
  graph.node("Shape", ["input_ids"], ["shape"]);
  graph.node("Gather", ["shape", "one"], ["length"], { axis: 0 });
  graph.node("Range", ["zero", "length", "one"], ["positions"]);
  const words = gather(table("word", vocab), "input_ids");
  const places = gather(table("position", positions), "positions");
  const types = gather(table("token_type", 2), "token_type_ids");
  graph.node("Unsqueeze", [places, "first"], ["placed"]);
  graph.node("Add", [words, types], ["read"]);
  // Not fused: a batch's residual has the shape of its texts, positions have not.
  graph.node("Add", ["read", "placed"], ["embedded"]);
  const epsilon = Float32Array.of(1e-12);
  const norm = (name, x, residual) => {
    const [weight, bias] = ["weight", "bias"].map((part) => stored(`${name}.${part}`, dim));
    const out = [`${name}.out`];
    if (residual === undefined) return graph.node("LayerNormalization", [x, weight, bias], out, { axis: -1, epsilon });
    return graph.node("SkipLayerNormalization", [x, residual, weight, bias], out, { epsilon }, microsoft);
  };
  return { embedded: ["embedded"], norm };
}

function layer({ graph, shape, type, values, norm }, at, x) {
  const { dim, ffn, heads } = shape;
  const linear = (x, name, rows, columns, bias = true) =>
    multiply(graph, x, { name: `${at}.${name}`, rows, columns, bias }, type, values);
  const [q, k, v] = ["query", "key", "value"].map((name) => linear(x, `attention.self.${name}`, dim, dim));
  graph.node("MultiHeadAttention", [q, k, v], [`${at}.mixed`], { num_heads: heads }, microsoft);
  const a = norm(`${at}.attention.output.LayerNorm`, linear(`${at}.mixed`, "attention.output.dense", dim, dim), x);
  const wide = linear(a, "intermediate.dense", ffn, dim, false);
  const bias = graph.stored(
    `${at}.intermediate.bias`,
    "f32",
    [ffn],
    bytesOf(values.get(`${at}.intermediate.dense.bias`)),
  );
  graph.node("BiasGelu", [wide, bias], [`${at}.gelu`], {}, microsoft);
  return norm(`${at}.output.LayerNorm`, linear(`${at}.gelu`, "output.dense", dim, ffn), a);
}

/** x times a matrix (rows, columns), which ONNX stores by columns, plus its bias. */
function multiply(graph, x, { name, rows, columns, bias }, type, values) {
  const turned = transposed(values.get(`${name}.weight`), rows, columns);
  const added = bias ? graph.stored(`${name}.bias`, "f32", [rows], bytesOf(values.get(`${name}.bias`))) : "";
  if (type === "fp32") {
    const matrix = graph.stored(`${name}.weight`, "f32", [columns, rows], bytesOf(turned));
    graph.node("MatMul", [x, matrix], [`${name}.product`]);
    return bias ? graph.node("Add", [`${name}.product`, added], [`${name}.out`]) : `${name}.product`;
  }
  const most = turned.reduce((a, b) => Math.max(a, Math.abs(b)), 0) / 127;
  const codes = Int8Array.from(turned, (value) => Math.round(value / most));
  const matrix = graph.stored(`${name}.codes`, "s8", [columns, rows], bytesOf(codes));
  const scale = graph.stored(`${name}.scale`, "f32", [1], bytesOf(Float32Array.of(most)));
  const inputs = [x, matrix, scale, "", ...(bias ? [added] : [])];
  return graph.node("DynamicQuantizeMatMul", inputs, [`${name}.out`], {}, microsoft);
}

function transposed(values, rows, columns) {
  return values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
}

const bytesOf = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength);
