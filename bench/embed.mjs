// Encoders beside the engine of transformers.js (onnxruntime-node, installed into a temporary folder): the same numbers, texts
// and threads, in turns. Prints texts and tokens per second of both, in each precision, and their ratios.
//
//   npm run bench:peers -- --encoders [--shapes MiniLM-L6,bge-small] [--sizes 64x16,64x64,64x256,1x16] [--pairs 5] [--repeats 6]
//                          [--threads N] [--folder DIR] [--keep]

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { encoderShapes, encoderTensors, encoderValues, writeEncoder } from "./encoder_model.mjs";
import { installTransformers } from "./peers/install.mjs";
import { writeOnnxEncoder } from "./peers/onnx_encoder.mjs";
import { keep } from "./results.mjs";

const { values } = parseArgs({
  options: {
    shapes: { type: "string", default: "MiniLM-L6,bge-small" },
    sizes: { type: "string", default: "64x16,64x64,64x256,1x16" },
    pairs: { type: "string", default: "5" },
    repeats: { type: "string", default: "6" },
    threads: { type: "string", default: String(availableParallelism()) },
    folder: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const { threads, repeats, pairs } = values;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

function measure(args) {
  const { status, stdout, stderr, signal } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${args[0]} ended with ${signal ?? status}:\n${stderr}`);
  const result = JSON.parse(stdout.trim().split("\n").at(-1));
  return { ...result, ms: median(result.times) };
}

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];
const round = (value) => Number(value.toPrecision(3));

/** The model for all of them, with the same numbers. */
function modelsOf(name, folder) {
  const shape = encoderShapes[name];
  if (!shape)
    throw new Error(`expected one of ${Object.keys(encoderShapes).join(", ")} for --shapes, received ${name}`);
  const paths = {
    ours: join(folder, name),
    fp32: join(folder, `${name}.onnx`),
    int8: join(folder, `${name}_int8.onnx`),
  };
  if (Object.values(paths).every((path) => existsSync(path))) return paths;
  const numbers = encoderValues(encoderTensors(shape));
  writeEncoder(paths.ours, shape, "F32", numbers);
  for (const type of ["fp32", "int8"]) writeOnnxEncoder(paths[type], shape, type, numbers);
  return paths;
}

function compare(paths, size) {
  const [batch, tokens] = size.split("x");
  const run = (script, path, ...more) => measure([here(script), ...path, batch, tokens, threads, repeats, ...more]);
  const contestants = {
    exact: () => run("peers/encode_ours.mjs", [paths.ours], "exact"),
    fast: () => run("peers/encode_ours.mjs", [paths.ours], "fast"),
    fp32: () => run("peers/encode_ort.mjs", [packages, paths.fp32]),
    int8: () => run("peers/encode_ort.mjs", [packages, paths.int8]),
  };
  const rounds = [];
  for (let pair = 1; pair <= Number(pairs); pair++) {
    rounds.push(Object.fromEntries(Object.entries(contestants).map(([name, one]) => [name, one()])));
    const texts = Object.entries(rounds.at(-1)).map(([name, { ms }]) => `${name} ${ms.toFixed(1)} ms`);
    console.error(`  ${size}, pair ${pair}: ${texts.join(", ")}`);
  }
  return summary(size, rounds);
}

function summary(size, rounds) {
  const [batch, tokens] = size.split("x").map(Number);
  const ms = (name) => median(rounds.map((one) => one[name].ms));
  const ratio = (a, b) => round(median(rounds.map((one) => one[b].ms / one[a].ms)));
  const perSecond = (name) => Math.round((1000 * batch * tokens) / ms(name));
  const names = ["exact", "fast", "fp32", "int8"];
  return {
    size,
    ms: Object.fromEntries(names.map((name) => [name, round(ms(name))])),
    tokensPerSecond: Object.fromEntries(names.map((name) => [name, perSecond(name)])),
    exactToFp32: ratio("exact", "fp32"),
    fastToFp32: ratio("fast", "fp32"),
    fastToInt8: ratio("fast", "int8"),
    eventLoopMaxMs: Object.fromEntries(names.map((name) => [name, median(rounds.map((one) => one[name].delays.max))])),
    isa: rounds[0].exact.isa,
  };
}

const packages = await installTransformers();
const folder = values.folder ?? mkdtempSync(join(tmpdir(), "deadlift-bench-embed-"));
mkdirSync(folder, { recursive: true });
const results = {};
try {
  for (const name of values.shapes.split(",")) {
    console.error(name);
    const paths = modelsOf(name, folder);
    results[name] = values.sizes.split(",").map((size) => compare(paths, size));
  }
} finally {
  if (!values.folder) rmSync(folder, { recursive: true, force: true });
}
for (const [name, rows] of Object.entries(results)) {
  console.log(`${name}: ours / onnxruntime, tokens per second`);
  console.table(
    rows.map(
      ({
        size,
        tokensPerSecond: { exact, fast, fp32, int8 },
        exactToFp32,
        fastToFp32,
        fastToInt8,
        eventLoopMaxMs,
      }) => ({
        "texts x tokens": size,
        "exact / fp32": `${exact} / ${fp32} = ${exactToFp32}`,
        "fast / fp32": `${fast} / ${fp32} = ${fastToFp32}`,
        "fast / int8": `${fast} / ${int8} = ${fastToInt8}`,
        "event loop held, ms": `${eventLoopMaxMs.exact} / ${eventLoopMaxMs.fp32}`,
      }),
    ),
  );
}
if (values.keep) console.log(keep("embed", { threads, pairs, shapes: results }));
