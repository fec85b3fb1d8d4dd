// Speed of single ops on the CPU: one row per op, quant and number of tokens, beside the streaming read speed of that minute.
//
//   node bench/micro.mjs [WORD ...] [--threads N] [--isa NAME] [--keep]     only rows whose name contains every WORD

import { randomFillSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Benchmark from "benchmark";
import { CpuBackend } from "../dist/backends/cpu.js";
import { MappedFile } from "../dist/native.js";
import { codecOf, quantOf, rowBytes, runnable } from "../dist/quants/index.js";
import { keep } from "./results.mjs";

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { threads: { type: "string" }, isa: { type: "string" }, keep: { type: "boolean", default: false } },
});

const dim = 1024;
const heads = 16;
const repeats = 24; // ops in a row, each with a weight of its own: more than the caches hold

/** A program of an embedding, `repeats` times what `record` appends, and a select. */
function chain(record) {
  const program = { ops: [], buffers: [], weights: [], ropes: [], layers: [] };
  const quants = [];
  const buffer = (rows = "tokens") => program.buffers.push({ width: dim, rows }) - 1;
  const weight = (quant, shape) => {
    quants.push(quant);
    return program.weights.push({ name: `w${quants.length}`, shape }) - 1;
  };
  const append = (op) => {
    const out = buffer();
    program.ops.push({ ...op, out });
    return out;
  };
  let x = append({ kind: "embed", table: weight("F32", [8, dim]) });
  for (let i = 0; i < repeats; i++) x = record({ x, append, weight, program });
  program.output = buffer("outputs");
  program.ops.push({ kind: "select", out: program.output, x });
  return { program, quants };
}

const linear = (quant) => () =>
  chain(({ x, append, weight }) => append({ kind: "linear", x, weight: weight(quant, [dim, dim]), bias: undefined }));

const attend = () =>
  chain(({ x, append, program }) => {
    const layer = program.layers.push({ kvHeads: heads, headDim: dim / heads }) - 1;
    return append({
      kind: "attend",
      q: x,
      k: x,
      v: x,
      layer,
      heads,
      scale: 0.125,
      window: undefined,
      sinks: undefined,
    });
  });

const norm = () =>
  chain(({ x, append, weight }) => append({ kind: "norm", x, weight: weight("F32", [dim]), epsilon: 1e-5 }));

const rope = () =>
  chain(({ x, append, program }) => {
    const frequencies = Float32Array.from({ length: 32 }, (_, i) => 10000 ** (-i / 32));
    if (program.ropes.length === 0) program.ropes.push({ frequencies, magnitude: 1, layout: "half" });
    return append({ kind: "rope", x, rope: 0, headDim: 64 });
  });

const glu = () => chain(({ x, append }) => append({ kind: "glu", gate: x, up: x, activation: "silu" }));

const mixture = { experts: 8, used: 2 };

/** A router, the products of the experts that it chooses, and their mix. */
const experts = (quant) => () =>
  chain(({ x, append, weight, program }) => {
    const wide = { width: mixture.used * dim, rows: "tokens" };
    const router = append({ kind: "linear", x, weight: weight("F32", [mixture.experts, dim]), bias: undefined });
    program.buffers[router] = { ...wide, width: mixture.experts };
    const chosen = append({ kind: "route", x: router });
    const weights = append({ kind: "gather", x: router, chosen });
    for (const each of [chosen, weights]) program.buffers[each] = { ...wide, width: mixture.used };
    const stack = weight(quant, [mixture.experts, dim, dim]);
    const products = append({ kind: "expert_linear", x, chosen, weight: stack, bias: undefined });
    program.buffers[products] = wide;
    return append({ kind: "mix", x: products, weights });
  });

/** What people publish; any other type that a WORD names is measured too. */
const usual = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS", "MXFP4"];
const types = runnable.filter((quant) => usual.includes(quant) || words.includes(quant));

/** What a row moves and computes per op: bytes of weights or of keys and values, floating point operations. */
const rows = [
  ...types.flatMap((quant) =>
    [1, 8, 128].map((tokens) => ({
      name: `linear ${quant} ${tokens}`,
      make: linear(quant),
      tokens,
      bytes: rowBytes(quant, dim) * dim,
      flops: 2 * dim * dim * tokens,
    })),
  ),
  {
    name: "attend 1 of 1024",
    make: attend,
    tokens: 1,
    position: 1023,
    bytes: 2 * 2 * 1024 * dim,
    flops: 4 * 1024 * dim,
  },
  { name: "attend 128 of 128", make: attend, tokens: 128, flops: 2 * 128 * 128 * dim },
  ...[1, 8, 128].map((tokens) => ({
    name: `expert_linear MXFP4 ${tokens}`,
    make: experts("MXFP4"),
    tokens,
    flops: 2 * dim * dim * mixture.used * tokens,
  })),
  { name: "norm 128", make: norm, tokens: 128 },
  { name: "rope 128", make: rope, tokens: 128 },
  { name: "glu 128", make: glu, tokens: 128 },
].filter(({ name }) => words.every((word) => name.includes(word)));

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

async function measure(backend, row, path) {
  const made = row.make();
  const { file, tensors } = write(made, path);
  const options = { pages: 64, pageTokens: 16, maxTokens: 128, maxOutputs: 1, kvType: "bf16" };
  const executable = await backend.compile(made.program, tensors, options);
  const { tokens: count, position = 0 } = row;
  // Pages that nobody has written would all be the same one of zeros.
  for (let page = 1; page * 16 <= position; page++) await executable.copyPage(0, page);
  const batch = {
    tokens: new Int32Array(count),
    spans: [{ count, position, pages: Int32Array.from({ length: 64 }, (_, i) => i) }],
    outputs: [{ token: count - 1 }],
  };
  const benchmark = new Benchmark(row.name, {
    defer: true,
    maxTime: 1,
    fn: (deferred) => executable.run(batch).then(() => deferred.resolve()),
  });
  await new Promise((resolve) => benchmark.on("complete", resolve).run({ async: true }));
  await executable.dispose();
  file.close();
  const seconds = benchmark.stats.sample.sort((a, b) => a - b)[benchmark.stats.sample.length >> 1] / repeats;
  const per = (amount) => (amount ? Number((amount / seconds / 1e9).toFixed(1)) : undefined);
  return { op: row.name, us: Number((seconds * 1e6).toFixed(2)), GBps: per(row.bytes), GFLOPps: per(row.flops) };
}

const backend = new CpuBackend({ isa: flags.isa, threads: flags.threads ? Number(flags.threads) : undefined });
const folder = mkdtempSync(join(tmpdir(), "deadlift-micro-"));
const results = [];
for (const [i, row] of rows.entries()) results.push(await measure(backend, row, join(folder, `${i}.bin`)));
const streaming = Number((await backend.bandwidth(1 << 29)).toFixed(1));
console.table(results);
console.log(`${backend.isa}, ${backend.threads} threads, streaming read ${streaming} GB/s`);
if (flags.keep)
  console.log(keep("micro", { isa: backend.isa, threads: backend.threads, streamingGBps: streaming, results }));
await backend.dispose();
rmSync(folder, { recursive: true });
