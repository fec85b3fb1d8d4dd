// Writes a model of a given shape with random weights, for measuring: real shapes without a download.
//
//   node bench/make_model.mjs 1.1B Q8_0 /tmp/bench/1.1B-Q8_0.gguf          (every matrix in one type of GGUF)
//   node bench/make_model.mjs 3B Q4_K_M /tmp/bench/3B-Q4_K_M.gguf          (a mix of types, by quantizeModel)
//   node bench/make_model.mjs 135M BF16 /tmp/bench/135M                    (a folder: safetensors in Hub layout)
//   node bench/make_model.mjs 1.8B-A0.4B MXFP4 /tmp/bench/mixture[.gguf]   (experts in MXFP4, all else in BF16)

import { spawnSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { copyFileSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeGguf } from "../dist/formats/gguf_write.js";
import { embeddedModel, quantizeModel } from "../dist/index.js";
import { fileTypeOf } from "../dist/quants/file_types.js";
import { quantOf, quants } from "../dist/quants/index.js";
import { ggufEntries, ggufTensors, modelConfig, safetensorsTensors, shapes } from "./shapes.mjs";

const [shapeName, type, out] = process.argv.slice(2);
const shape = shapes[shapeName];
if (!shape || !type || !out) {
  console.error(`usage: node bench/make_model.mjs ${Object.keys(shapes).join("|")} F32|F16|BF16|Q8_0|Q4_K_M|... OUT`);
  process.exit(2);
}
const packed = type === "MXFP4" && shape.experts !== undefined;

/** The type of a tensor of a GGUF file: what is no product stays F32, as converters write it. */
function storedAs(kind) {
  if (kind === "experts") return type;
  if (kind === "matrix") return packed ? "BF16" : type;
  return "F32";
}

const product = (sizes) => sizes.reduce((a, b) => a * b, 1);
const bytesOf = (sizes, { block, bytes }) => (product(sizes) / block) * bytes;

/** Stretches of bytes that tensors are cut from: normal random numbers of a type, ones, or packed codes and scales. */
const patterns = new Map();

function pattern(kind, quant) {
  const key = `${kind === "norm" || kind === "blocks" || kind === "scales" ? kind : "values"} ${quant}`;
  if (!patterns.has(key)) patterns.set(key, makePattern(kind, quantOf(quant)));
  return patterns.get(key);
}

function makePattern(kind, { codec, block, bytes }) {
  if (kind === "blocks") return randomFillSync(new Uint8Array(1 << 20));
  if (kind === "scales") return new Uint8Array(1 << 20).fill(120); // 2^-7: the codes' values are up to 6
  const values = new Float32Array(1 << 18);
  if (kind === "norm") values.fill(1);
  else fillNormal(values);
  const encoded = new Uint8Array((values.length / block) * bytes);
  codec.encode(values, encoded);
  return encoded;
}

function fillNormal(values) {
  let state = 1n;
  const uniform = () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number(state >> 40n) / 2 ** 24;
  };
  for (let i = 0; i < values.length; i++) {
    values[i] = 0.02 * Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  }
}

/** The bytes of a tensor, piece by piece. */
function* pieces(sizes, kind, quant) {
  const bytes = pattern(kind, quant);
  const length = bytesOf(sizes, quantOf(quant));
  for (let at = 0; at < length; at += bytes.length) yield bytes.subarray(0, length - at);
}

function writeSafetensors() {
  mkdirSync(out, { recursive: true });
  const plain = packed ? "BF16" : type;
  const list = safetensorsTensors(shape, packed).map(([name, sizes, kind]) => ({
    ...{ name, sizes, kind },
    quant: kind === "blocks" || kind === "scales" ? "U8" : plain,
  }));
  const header = {};
  let end = 0;
  for (const { name, sizes, quant } of list) {
    const start = end;
    end += bytesOf(sizes, quantOf(quant));
    header[name] = { dtype: quant, shape: sizes, data_offsets: [start, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(join(out, "model.safetensors"), "w");
  writeSync(file, Buffer.concat([length, text]));
  for (const { sizes, kind, quant } of list) for (const piece of pieces(sizes, kind, quant)) writeSync(file, piece);
  writeFileSync(join(out, "config.json"), JSON.stringify(modelConfig(shape, packed)));
  copyFileSync(join(embeddedModel, "tokenizer.json"), join(out, "tokenizer.json"));
}

async function writeOneType() {
  mkdirSync(dirname(out), { recursive: true });
  const list = ggufTensors(shape);
  async function* all() {
    for (const [, sizes, kind] of list) yield* pieces(sizes, kind, storedAs(kind));
  }
  const tensors = list.map(([name, sizes, kind]) => ({ name, shape: sizes, quant: storedAs(kind) }));
  await writeGguf(out, { entries: ggufEntries(shape), tensors }, all());
}

/** Mixes, and types whose blocks some rows do not fill: by way of a file in BF16, which is gone afterwards. */
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

const quant = quants.get(type);
const fits = ggufTensors(shape).every(
  ([, sizes, kind]) => sizes.at(-1) % (quants.get(storedAs(kind))?.block ?? 1) === 0,
);
if (!quant?.codec?.encode || !fits) await writeQuantized();
else if (out.endsWith(".gguf")) await writeOneType();
else if (packed || ["F32", "F16", "BF16"].includes(type)) writeSafetensors();
else throw new Error(`${type} is no type of safetensors: give the file a name that ends in .gguf`);
console.log(`${out}: ${shapeName}, ${type}`);
