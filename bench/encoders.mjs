// Speed of the encoders on one core in million values per second, beside llama.cpp's ggml_quantize_chunk, in turns.
//
//   node bench/encoders.mjs [TYPE ...] [--llama libggml-base.so] [--python PATH] [--isa NAME] [--importance] [--rounds 5] [--keep]
//
// Ours also reads a mapped file and looks for infinities. The best of the rounds counts: other programs only slow down.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { MappedFile, native } from "../dist/native.js";
import { quantOf, rowBytes } from "../dist/quants/index.js";
import { keep } from "./results.mjs";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    llama: { type: "string" },
    python: { type: "string", default: "python3" },
    isa: { type: "string" },
    importance: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    keep: { type: "boolean", default: false },
  },
});

const [rows, columns] = [1024, 2048];
const { encoders, isas } = native().cpuInfo();
const isa = flags.isa ?? isas.at(-1);
const types = encoders.filter((name) => (positionals.length ? positionals.includes(name) : quantOf(name).block > 1));

/** Answers each line, a type's number, with seconds. */
const llamaSource = `
import ctypes, sys, time
library, path, weights = ctypes.CDLL(sys.argv[1]), sys.argv[2], sys.argv[3:]
library.ggml_quantize_chunk.restype = ctypes.c_size_t
data = open(path, "rb").read()
out = ctypes.create_string_buffer(len(data))
importance = open(weights[0], "rb").read() if weights else None
for line in sys.stdin:
    started = time.perf_counter()
    library.ggml_quantize_chunk(int(line), data, out, ctypes.c_int64(0), ctypes.c_int64(${rows}), ctypes.c_int64(${columns}), importance)
    print(time.perf_counter() - started, flush=True)
`;

/** A function that has a type's values encoded by llama.cpp and resolves to seconds. */
function startLlama(...files) {
  if (!flags.llama) return undefined;
  const child = spawn(flags.python, ["-c", llamaSource, flags.llama, ...files], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const encode = async (name) => {
    child.stdin.write(`${quantOf(name).id}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`llama.cpp did not encode ${name}`);
    return Number(value);
  };
  return { encode, stop: () => child.stdin.end() };
}

/** Sums of three uniform numbers, which look like weights. */
function weights(count) {
  return Float32Array.from({ length: count }, () => 0.02 * (Math.random() + Math.random() + Math.random() - 1.5));
}

const folder = mkdtempSync(join(tmpdir(), "deadlift-bench-encoders-"));
const [valuesPath, importancePath] = [join(folder, "values"), join(folder, "importance")];
writeFileSync(valuesPath, weights(rows * columns));
const importance = flags.importance ? Float32Array.from({ length: columns }, () => Math.random() ** 4) : null;
if (importance) writeFileSync(importancePath, importance);
const file = MappedFile.open(valuesPath);
const engine = native().engineCreate({ threads: 1, isa, priority: "normal" });
const llama = startLlama(valuesPath, ...(importance ? [importancePath] : []));

async function ours(to) {
  const out = new Uint8Array(rows * rowBytes(to, columns));
  const job = { file: file.handle, offset: 0, from: "F32", to, columns, first: 0, rows, order: null, importance, out };
  const startedAt = performance.now();
  await native().engineEncode(engine, { ...job, next: 0, nextSize: 0 });
  return (performance.now() - startedAt) / 1000;
}

const results = [];
try {
  for (const type of types) {
    const seconds = { deadlift: [], llama: [] };
    for (let round = 0; round < Number(flags.rounds); round++) {
      seconds.deadlift.push(await ours(type));
      if (llama) seconds.llama.push(await llama.encode(type));
    }
    const speed = (all) => Number(((rows * columns) / 1e6 / Math.min(...all)).toFixed(1));
    const row = { type, deadlift: speed(seconds.deadlift) };
    if (llama) Object.assign(row, { llama: speed(seconds.llama) });
    if (llama) row.ratio = Number((row.deadlift / row.llama).toFixed(1));
    results.push(row);
    console.log(JSON.stringify(row));
  }
} finally {
  llama?.stop();
  await native().engineClose(engine);
  file.close();
  rmSync(folder, { recursive: true, force: true });
}
console.table(results);
if (flags.keep) console.log(keep("encoders", { isa, importance: flags.importance, millionValuesPerSecond: results }));
