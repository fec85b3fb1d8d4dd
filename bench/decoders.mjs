// Speed of whole models of a published shape with random weights, one row per type; `deadlift bench` does the measuring.
//
//   node bench/decoders.mjs [1.1B] [FOLDER] [--types BF16,F16,Q8_0,Q4_0] [--streams 1] [--depth 0] [--keep]
//
// FOLDER keeps the models (default: a temporary one). BF16 is safetensors, and so are the experts of a mixture in MXFP4;
// the others are GGUF.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { keep } from "./results.mjs";
import { shapes } from "./shapes.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    types: { type: "string", default: "BF16,F16,Q8_0,Q4_0" },
    streams: { type: "string", default: "1" },
    depth: { type: "string", default: "0" },
    keep: { type: "boolean", default: false },
  },
});
const [shape = "1.1B", folder] = positionals;
const { streams, depth } = values;
const place = folder ?? mkdtempSync(join(tmpdir(), "deadlift-bench-"));
const script = (path) => fileURLToPath(new URL(path, import.meta.url));
const run = (...args) =>
  execFileSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

mkdirSync(place, { recursive: true });
const rows = [];
for (const type of values.types.split(",")) {
  const isFolder = type === "BF16" || (type === "MXFP4" && shapes[shape]?.experts !== undefined);
  const model = join(place, `${shape}-${type}${isFolder ? "" : ".gguf"}`);
  if (!existsSync(model)) run(script("make_model.mjs"), shape, type, model);
  const sizes = ["-p", "512", "-n", "64", "--streams", streams, "--depth", depth];
  const measured = JSON.parse(run(script("../dist/cli/main.js"), "bench", model, ...sizes, "--json"));
  const { loadMs, prefillTps, prefillShare, decodeTps, decodeShare, peakTflops, bandwidthGbs } = measured;
  const { rssMb, mappedMb } = measured;
  rows.push({
    ...{ type, format: isFolder ? "safetensors" : "GGUF", loadMs },
    ...{ prefillTps, prefillShare, decodeTps, decodeShare, peakTflops, bandwidthGbs, rssMb, mappedMb },
  });
  if (!folder) rmSync(model, { recursive: true });
}
console.table(rows);
const suffix = `${streams === "1" ? "" : `_${streams}_streams`}${depth === "0" ? "" : `_after_${depth}`}`;
if (values.keep) console.log(keep(`decoders_${shape}${suffix}`, rows));
if (!folder) rmSync(place, { recursive: true });
