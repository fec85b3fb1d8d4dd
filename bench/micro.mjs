// Speed of single ops on the CPU: a table for each instruction set, one row per op, quant and number of tokens, beside
// what the machine reads and computes at most in that minute.
//
//   node bench/micro.mjs [WORD ...] [--isa NAME|all] [--types Q4_K,IQ2_S|--all-types] [--threads N] [--seconds 1] [--keep]
//
// Only rows whose name contains every WORD; `all` is every instruction set that this machine runs.

import { randomFillSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Benchmark from "benchmark";
import { CpuBackend } from "../dist/backends/cpu.js";
import { MappedFile, native } from "../dist/native.js";
import { codecOf, quantOf, rowBytes, runnable } from "../dist/quants/index.js";
import { createSampler } from "../dist/sampling.js";
import { microRows, pageTokens } from "./micro_rows.mjs";
import { keep } from "./results.mjs";

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string" },
    isa: { type: "string" },
    types: { type: "string", default: "F32,F16,BF16,Q8_0,Q4_0,Q4_K,Q5_K,Q6_K,IQ4_XS,MXFP4" }, // what people publish
    "all-types": { type: "boolean", default: false },
    seconds: { type: "string", default: "1" },
    keep: { type: "boolean", default: false },
  },
});
const types = flags["all-types"] ? runnable : flags.types.split(",");
const isWanted = ({ name }) => words.every((word) => name.includes(word));

/** Random weights in a file of their own, as tensors. */
function write({ program, quants }, path) {
  const parts = program.weights.map(({ shape }, i) => {
    const length = shape.reduce((a, b) => a * b);
    const bytes = new Uint8Array(rowBytes(quants[i], length));
    const { encode } = codecOf(quants[i], "weight");
    // Blocks may hold anything, infinities and NaN too: that costs SIMD no time, and searching for codes would.
    if (!encode || quantOf(quants[i]).block > 1) return randomFillSync(bytes);
    encode(
      Float32Array.from({ length }, () => (Math.random() - 0.5) / 16),
      bytes,
    );
    return bytes;
  });
  writeFileSync(path, Buffer.concat(parts));
  const file = MappedFile.open(path);
  let offset = 0;
  const tensors = program.weights.map(({ name, shape }, i) => {
    offset += i ? parts[i - 1].length : 0;
    return { name, shape, quant: quants[i], file, offset, byteLength: parts[i].length };
  });
  return { file, tensors };
}

/** Median seconds of a function. */
async function time(name, fn, defer) {
  const benchmark = new Benchmark(name, { defer, maxTime: Number(flags.seconds), fn });
  await new Promise((resolve) => benchmark.on("complete", resolve).run({ async: defer }));
  if (benchmark.error) throw benchmark.error;
  return benchmark.stats.sample.sort((a, b) => a - b)[benchmark.stats.sample.length >> 1];
}

async function measure(backend, row, { program, tensors }) {
  const { tokens: count, position, kvType, repeats } = row;
  const pages = Int32Array.from({ length: Math.ceil((position + count) / pageTokens) }, (_, i) => i);
  const options = { pages: pages.length, pageTokens, maxTokens: 128, maxOutputs: 1, kvType };
  const executable = await backend.compile(program, tensors, options);
  const batch = (position, count) => ({
    tokens: Int32Array.from({ length: count }, (_, i) => i % 8),
    spans: [{ count, position, pages }],
    outputs: [{ token: count - 1 }],
  });
  if (position > 0) {
    // Memory that was never written would all be read from one page of zeros.
    await executable.run(batch(0, pageTokens));
    for (const page of pages.subarray(1)) await executable.copyPage(0, page);
  }
  const step = batch(position, count);
  const seconds = await time(row.name, (deferred) => executable.run(step).then(() => deferred.resolve()), true);
  await executable.dispose();
  return resultOf(row, seconds / repeats);
}

function resultOf({ name, bytes, flops }, seconds) {
  const per = (amount) => (amount ? Number((amount / seconds / 1e9).toFixed(1)) : undefined);
  return { op: name, us: Number((seconds * 1e6).toFixed(2)), GBps: per(bytes), GFLOPps: per(flops) };
}

/** Sampling is the same code on every instruction set, and runs on one thread. */
async function measureSampling() {
  const vocab = 128256;
  const logits = Float32Array.from({ length: vocab }, () => 10 * Math.random());
  const cases = {
    greedy: { temperature: 0 },
    "topK 50": { temperature: 1, topK: 50 },
    "topP 0.9": { temperature: 1, topK: 0, topP: 0.9 },
    "repetitionPenalty 1.1": { temperature: 0, repetitionPenalty: 1.1 },
  };
  const results = [];
  for (const [name, options] of Object.entries(cases)) {
    const row = { name: `sample ${name} of ${vocab}`, bytes: 4 * vocab };
    if (!isWanted(row)) continue;
    const { sampler } = createSampler(
      { ...options, seed: 1 },
      {},
      vocab,
      new Int32Array(512).map((_, i) => 7 * i),
    );
    results.push(resultOf(row, await time(name, () => native().samplerSample(sampler, logits), false)));
  }
  return results;
}

const threads = flags.threads ? Number(flags.threads) : undefined;
const isas = flags.isa === "all" ? native().cpuInfo().isas : [flags.isa];
const suites = isas.map((isa) => ({ backend: new CpuBackend({ isa, threads }), results: [] }));
const folder = mkdtempSync(join(tmpdir(), "deadlift-micro-"));
try {
  for (const row of microRows(types).filter(isWanted)) {
    const path = join(folder, "weights.bin");
    const made = row.make();
    const { file, tensors } = write(made, path);
    for (const { backend, results } of suites) {
      results.push(await measure(backend, row, { program: made.program, tensors }));
    }
    file.close();
    rmSync(path);
  }
} finally {
  rmSync(folder, { recursive: true });
}
const kept = [];
for (const { backend, results } of suites) {
  const streamingGBps = Number((await backend.bandwidth(1 << 29)).toFixed(1));
  const peakGFLOPps = Number((1000 * (await backend.peak())).toFixed(1));
  console.table(results);
  console.log(`${backend.isa}, ${backend.threads} threads: at most ${streamingGBps} GB/s and ${peakGFLOPps} GFLOP/s\n`);
  kept.push({ isa: backend.isa, threads: backend.threads, streamingGBps, peakGFLOPps, results });
  await backend.dispose();
}
const sampling = await measureSampling();
if (sampling.length > 0) console.table(sampling);
if (flags.keep) console.log(keep("micro", { suites: kept, sampling }));
