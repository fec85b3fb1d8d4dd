// A graph of ONNX under construction: nodes, and initializers whose bytes go to a file of their own.
//
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto,
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md

import { randomFillSync } from "node:crypto";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { integer, message, part, real } from "./protobuf.mjs";

export const dataTypes = { f32: 1, u8: 2, s8: 3, i32: 6, i64: 7 };
const valueBytes = { f32: 4, u8: 1, s8: 1, i32: 4, i64: 8 };
export const microsoft = "com.microsoft";
/** Where an initializer begins in the data file: pages, so that it can be mapped. */
const alignment = 4096;

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
export class Graph {
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
