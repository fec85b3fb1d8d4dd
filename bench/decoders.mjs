// Speed of whole models of a published shape with random weights, one row per type; `deadlift bench` does the measuring.
//
//   node bench/decoders.mjs 1.1B [FOLDER] [--keep]       FOLDER keeps the models (default: a temporary one)

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { keep } from "./results.mjs";

const [shape = "135M", folder] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const kept = process.argv.includes("--keep");
const place = folder ?? mkdtempSync(join(tmpdir(), "deadlift-bench-"));
const script = (path) => fileURLToPath(new URL(path, import.meta.url));
const run = (...args) =>
  execFileSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

mkdirSync(place, { recursive: true });
const rows = [];
for (const type of ["BF16", "F16", "Q8_0", "Q4_0"]) {
  const model = join(place, `${shape}-${type}${type === "BF16" ? "" : ".gguf"}`);
  if (!existsSync(model)) run(script("make_model.mjs"), shape, type, model);
  const measured = JSON.parse(run(script("../dist/cli/main.js"), "bench", model, "-p", "512", "-n", "64", "--json"));
  const { loadMs, prefillTps, decodeTps, rssMb, mappedMb, bandwidthGbs } = measured;
  const readGbs = Number(((decodeTps * mappedMb) / 1000).toFixed(1));
  rows.push({
    type,
    format: type === "BF16" ? "safetensors" : "GGUF",
    loadMs,
    prefillTps,
    decodeTps,
    readGbs,
    bandwidthGbs,
    rssMb,
    mappedMb,
  });
  if (!folder) rmSync(model, { recursive: true });
}
console.table(rows);
if (kept) console.log(keep(`decoders_${shape}`, rows));
if (!folder) rmSync(place, { recursive: true });
