// Decoders beside llama.cpp (node-llama-cpp) and transformers.js, both installed into temporary folders: the same shape,
// threads and prompts, in turns. Prints tables of all, their ratios, and the shares of the machine's limits that we reach.
//
//   npm run bench:peers -- [--shape 1.1B] [--types BF16,Q8_0,Q4_K_M] [--pairs 5] [--prompt 512] [--new 64] [--repeats 2]
//                          [--streams 1] [--threads N] [--peers llama,transformers] [--isa avx2] [--folder DIR] [--keep]
//
//   npm run bench:peers -- --encoders [options of embed.mjs]     encoders beside the engine of transformers.js, instead
//
// llama.cpp runs the same files. transformers.js reads only ONNX: it runs a model of the same shape, f32 beside F32, and
// blocks of 4 bits beside Q4_0. --isa holds us and llama.cpp to an instruction set. --folder keeps the models for the
// next time.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { quantizeModel } from "../dist/index.js";
import { installLlama, installTransformers, limitLlama } from "./peers/install.mjs";
import { writeOnnx } from "./peers/onnx_model.mjs";
import { keep } from "./results.mjs";
import { shapes } from "./shapes.mjs";

const encoders = process.argv.indexOf("--encoders");
if (encoders >= 0) {
  process.argv.splice(encoders, 1);
  await import("./embed.mjs");
  process.exit(0);
}

const { values } = parseArgs({
  options: {
    shape: { type: "string", default: "1.1B" },
    types: { type: "string", default: "F32,BF16,F16,Q8_0,Q6_K,Q4_K_M,Q4_0" },
    pairs: { type: "string", default: "5" },
    prompt: { type: "string", default: "512" },
    new: { type: "string", default: "64" },
    repeats: { type: "string", default: "2" },
    streams: { type: "string", default: "1" },
    threads: { type: "string", default: String(availableParallelism()) },
    peers: { type: "string", default: "llama,transformers" },
    isa: { type: "string" },
    folder: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const { shape, prompt, threads, repeats, streams, isa } = values;
if (!shapes[shape]) throw new Error(`expected one of ${Object.keys(shapes).join(", ")} for --shape, received ${shape}`);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const numbers = [prompt, values.new, threads, repeats, streams];
/** What transformers.js calls the nearest that it has. */
const onnxTypes = { F32: "fp32", Q4_0: "q4" };

/** The last line that a script prints. */
function run(args, env = {}) {
  const options = { encoding: "utf8", env: { ...process.env, ...env } };
  const { status, stdout, stderr, signal } = spawnSync(process.execPath, args, options);
  if (status !== 0) throw new Error(`${args[0]} ended with ${signal ?? status}:\n${stderr}`);
  return stdout.trim().split("\n").at(-1);
}

const measure = (args, env) => JSON.parse(run(args, env));

/** Dense ones as llama.cpp's quantiser mixes types; mixtures as make_model.mjs writes them, whose originals are huge. */
async function modelOf(type, folder) {
  const path = join(folder, `${shape}-${type}.gguf`);
  const make = (type, path) => existsSync(path) || run([here("make_model.mjs"), shape, type, path]);
  if (shapes[shape].experts || type === "BF16") make(type, path);
  if (existsSync(path)) return path;
  const plain = join(folder, `${shape}-BF16.gguf`);
  make("BF16", plain);
  await quantizeModel(plain, path, { type });
  return path;
}

function onnxOf(dtype, folder) {
  const path = join(folder, `${shape}-onnx`);
  const name = dtype === "fp32" ? "model.onnx" : `model_${dtype}.onnx`;
  if (!existsSync(join(path, "onnx", name))) writeOnnx(path, shapes[shape], dtype);
  return path;
}

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];
const round = (value) => Number(value.toPrecision(3));
const medianOf = (runs, key) => median(runs.map((one) => one[key]));
const speedsOf = (one) => ["prefillTps", "decodeTps"].map((key) => medianOf(one.runs, key).toFixed(1)).join(" / ");

/** How to measure each peer that can run this type. */
async function contestants(type, folder) {
  const model = await modelOf(type, folder);
  const all = { ours: () => measure([here("peers/deadlift.mjs"), model, ...numbers], isa && { DEADLIFT_ISA: isa }) };
  if (llama) all.llama = () => measure([here("peers/llama.mjs"), llama, model, ...numbers]);
  const dtype = onnxTypes[type];
  if (transformers && dtype) {
    const onnx = onnxOf(dtype, folder);
    all.transformers = () => measure([here("peers/transformers.mjs"), transformers, onnx, dtype, ...numbers]);
  }
  return all;
}

/** One type: rounds of one process of each. */
function compare(all) {
  const rounds = [];
  for (let pair = 1; pair <= Number(values.pairs); pair++) {
    rounds.push(Object.fromEntries(Object.entries(all).map(([name, measured]) => [name, measured()])));
    const texts = Object.entries(rounds.at(-1)).map(([name, one]) => `${name} ${speedsOf(one)}`);
    console.error(`  pair ${pair}: ${texts.join(", ")} tokens/s`);
  }
  return rounds;
}

/** Figures of ours and of a peer: medians, and the median of the pairs' ratios. */
function beside(rounds, name) {
  const both = (of) => {
    const ours = median(rounds.map((one) => of(one.ours)));
    const peer = median(rounds.map((one) => of(one[name])));
    const ratio = median(rounds.map((one) => of(one.ours) / of(one[name])));
    return { ours: round(ours), peer: round(peer), ratio: round(ratio) };
  };
  return {
    prefillTps: both((one) => medianOf(one.runs, "prefillTps")),
    decodeTps: both((one) => medianOf(one.runs, "decodeTps")),
    loadMs: both((one) => one.loadMs),
    ownMb: both((one) => one.ownMb),
    eventLoopP99: both((one) => one.delays.generating.p99),
    eventLoopP99Loading: both((one) => one.delays.loading.p99),
  };
}

function summary(type, rounds) {
  const ours = rounds.map((one) => one.ours);
  const share = (of) => round(median(ours.map(of)));
  const steps = ({ runs }) => medianOf(runs, "decodeTps") / Number(streams);
  return {
    type,
    ...Object.fromEntries(
      Object.keys(rounds[0])
        .filter((name) => name !== "ours")
        .map((name) => [name, beside(rounds, name)]),
    ),
    isa: ours[0].isa,
    mappedMb: round(ours[0].mappedMb),
    bandwidthGbs: share((one) => one.bandwidthGbs),
    peakTflops: share((one) => one.peakTflops),
    shareOfPeak: share((one) => (one.promptFlops * medianOf(one.runs, "prefillTps")) / 1e12 / one.peakTflops),
    shareOfStreamingRead: ours[0].stepBytes && share((one) => (one.stepBytes * steps(one)) / 1e9 / one.bandwidthGbs),
  };
}

const text = ({ ours, peer, ratio }) => `${ours} / ${peer} = ${ratio}`;

function print(name, rows) {
  const lines = rows.map(({ type, [name]: figures, shareOfPeak, shareOfStreamingRead }) => [
    name === "transformers" ? `${type} / ${onnxTypes[type]}` : type,
    {
      prefill: text(figures.prefillTps),
      decode: text(figures.decodeTps),
      "load ms": text(figures.loadMs),
      "MB beyond the file": text(figures.ownMb),
      "event loop p99 ms": `${figures.eventLoopP99.ours} / ${figures.eventLoopP99.peer}`,
      "ours of peak": shareOfPeak,
      "ours of streaming read": shareOfStreamingRead,
    },
  ]);
  console.log(`ours / ${name}${streams === "1" ? "" : `, ${streams} streams`}`);
  console.table(Object.fromEntries(lines));
}

/** A peer, or undefined with a word on why. */
async function wanted(name, install) {
  if (!values.peers.split(",").includes(name)) return undefined;
  try {
    return await install();
  } catch (error) {
    console.error(`${name} is left out: ${(error.stderr || error.message).trim().split("\n").at(-1)}`);
    return undefined;
  }
}

const llama = await wanted("llama", async () => {
  const installed = await installLlama();
  return isa ? limitLlama(installed, isa) : installed;
});
const transformers = await wanted("transformers", () => {
  if (isa) throw new Error("its engine cannot be held to an instruction set");
  if (shapes[shape].experts) throw new Error("only dense shapes are written as ONNX");
  return installTransformers();
});
const folder = values.folder ?? mkdtempSync(join(tmpdir(), "deadlift-bench-peers-"));
mkdirSync(folder, { recursive: true });
const rows = [];
try {
  for (const type of values.types.split(",")) {
    console.error(type);
    rows.push(summary(type, compare(await contestants(type, folder))));
  }
} finally {
  if (!values.folder) rmSync(folder, { recursive: true, force: true });
  if (llama && isa) rmSync(llama, { recursive: true, force: true });
}
for (const name of ["llama", "transformers"]) {
  const those = rows.filter((row) => row[name]);
  if (those.length > 0) print(name, those);
}
const results = { ...{ shape, prompt, new: values.new, streams, threads, pairs: values.pairs }, rows };
const suffix = `${streams === "1" ? "" : `_${streams}_streams`}${isa ? `_${isa}` : ""}`;
if (values.keep) console.log(keep(`peers_${shape}${suffix}`, results));
