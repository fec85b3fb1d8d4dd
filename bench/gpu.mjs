// Speed on a GPU: prompts and answers of real shapes with random weights, beside what the card reads when it does nothing else,
// with the time of each kernel.
//
//   node bench/gpu.mjs [--shapes 1.1B,8B] [--types BF16,Q8_0,Q4_K_M] [--device gpu] [--prompt 512] [--new 128]
//                      [--streams 1,8] [--llama LLAMA_BENCH] [--folder DIR] [--keep NAME]
//
// --llama: llama.cpp's llama-bench, built for this card; it is run in turns with ours on the same files.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { keep } from "./results.mjs";

const { values } = parseArgs({
  options: {
    shapes: { type: "string", default: "1.1B,8B" },
    types: { type: "string", default: "BF16,Q8_0,Q4_K_M" },
    device: { type: "string", default: "gpu" },
    prompt: { type: "string", default: "512" },
    new: { type: "string", default: "128" },
    streams: { type: "string", default: "1,8" },
    llama: { type: "string" },
    folder: { type: "string", default: join(tmpdir(), "deadlift-gpu-bench") },
    keep: { type: "string" },
  },
});
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Standard output of a program, which must succeed. */
function run(program, args) {
  const { status, stdout, error } = spawnSync(program, args, {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}`);
  return stdout;
}

function makeModel(shape, type) {
  const path = join(values.folder, `${shape}-${type}.gguf`);
  if (!existsSync(path)) run(process.execPath, [here("make_model.mjs"), shape, type, path]);
  return path;
}

function ours(path, streams) {
  const measured = ["-p", values.prompt, "-n", values.new, "--streams", streams, "--device", values.device, "--json"];
  return JSON.parse(run(process.execPath, [here("../dist/cli/main.js"), "bench", path, ...measured]));
}

/** Tokens a second of llama.cpp's own benchmark, all layers on the card. */
function theirs(path) {
  const tests = ["-p", values.prompt, "-n", values.new, "-ngl", "999", "-o", "json"];
  const rows = JSON.parse(run(values.llama, ["-m", path, ...tests]));
  const speed = (test) => rows.find(test)?.avg_ts;
  return { prefillTps: speed((row) => row.n_gen === 0), decodeTps: speed((row) => row.n_prompt === 0) };
}

function measure(shape, type) {
  const path = makeModel(shape, type);
  try {
    const rows = values.streams.split(",").map((streams) => ours(path, streams));
    const llama = values.llama && theirs(path);
    const profile = ["--prompt", values.prompt, "--depth", values.prompt, "--json"];
    const steps = JSON.parse(run(process.execPath, [here("gpu_profile.mjs"), path, ...profile])).steps;
    for (const row of rows)
      console.log(shape, type, `${row.streams} streams`, row.prefillTps, row.decodeTps, row.decodeShare);
    if (llama) console.log(shape, type, "llama.cpp", llama.prefillTps, llama.decodeTps);
    return { shape, type, rows: rows.map(({ model: _, ...row }) => row), llama, profile: steps };
  } finally {
    rmSync(path, { force: true });
  }
}

mkdirSync(values.folder, { recursive: true });
const results = [];
for (const shape of values.shapes.split(","))
  for (const type of values.types.split(",")) results.push(measure(shape, type));
if (values.keep) console.log(keep(values.keep, results));
