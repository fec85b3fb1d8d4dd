// Decoders beside llama.cpp (node-llama-cpp, installed into a temporary folder): the same files, threads and prompts, in
// turns. Prints a table of both, their ratio, and the share of the machine's streaming read that decoding reaches.
//
//   npm run bench:peers -- [--shape 1.1B] [--types BF16,Q8_0,Q4_K_M] [--pairs 5] [--prompt 512] [--new 64]
//                          [--streams 1] [--threads N] [--folder DIR] [--keep]
//
// --folder keeps the models for the next time.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { quantizeModel } from "../dist/index.js";
import { installLlama } from "./peers/install.mjs";
import { keep } from "./results.mjs";

const { values } = parseArgs({
  options: {
    shape: { type: "string", default: "1.1B" },
    types: { type: "string", default: "BF16,F16,Q8_0,Q6_K,Q4_K_M,Q4_0" },
    pairs: { type: "string", default: "5" },
    prompt: { type: "string", default: "512" },
    new: { type: "string", default: "64" },
    repeats: { type: "string", default: "2" },
    streams: { type: "string", default: "1" },
    threads: { type: "string", default: String(availableParallelism()) },
    folder: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const { shape, prompt, threads, repeats, streams } = values;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const numbers = [prompt, values.new, threads, repeats, streams];

/** The last line that a script prints. */
function run(args) {
  const { status, stdout, stderr, signal } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${args[0]} ended with ${signal ?? status}:\n${stderr}`);
  return stdout.trim().split("\n").at(-1);
}

const measure = (args) => JSON.parse(run(args));

async function modelOf(type, folder) {
  const plain = join(folder, `${shape}-BF16.gguf`);
  if (!existsSync(plain)) run([here("make_model.mjs"), shape, "BF16", plain]);
  const path = join(folder, `${shape}-${type}.gguf`);
  if (!existsSync(path)) await quantizeModel(plain, path, { type });
  return path;
}

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];
const round = (value) => Number(value.toPrecision(3));
const medianOf = (runs, key) => median(runs.map((one) => one[key]));

/** One type: pairs of processes, ours and theirs. */
function compare(model, peer) {
  const pairs = [];
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    const ours = measure([here("peers/deadlift.mjs"), model, ...numbers]);
    const theirs = measure([here("peers/llama.mjs"), peer, model, ...numbers]);
    pairs.push({ ours, theirs });
    const speeds = (one) => ["prefillTps", "decodeTps"].map((key) => medianOf(one.runs, key).toFixed(1)).join(" / ");
    console.error(`  pair ${pair + 1}: ${speeds(ours)} and ${speeds(theirs)} tokens/s`);
  }
  return pairs;
}

function summary(type, pairs) {
  const both = (of) => {
    const ours = median(pairs.map((pair) => of(pair.ours)));
    const peer = median(pairs.map((pair) => of(pair.theirs)));
    const ratio = median(pairs.map((pair) => of(pair.ours) / of(pair.theirs)));
    return { ours: round(ours), peer: round(peer), ratio: round(ratio) };
  };
  const decode = both((one) => medianOf(one.runs, "decodeTps"));
  const readShare = median(
    pairs.map(({ ours }) => (medianOf(ours.runs, "decodeTps") * ours.mappedMb) / 1000 / ours.bandwidthGbs),
  );
  return {
    type,
    prefillTps: both((one) => medianOf(one.runs, "prefillTps")),
    decodeTps: decode,
    loadMs: both((one) => one.loadMs),
    ownMb: both((one) => one.ownMb),
    mappedMb: round(pairs[0].ours.mappedMb),
    bandwidthGbs: round(median(pairs.map(({ ours }) => ours.bandwidthGbs))),
    ...(streams === "1" && { shareOfStreamingRead: round(readShare) }),
  };
}

const text = ({ ours, peer, ratio }) => `${ours} / ${peer} = ${ratio}`;
const peer = await installLlama();
const folder = values.folder ?? mkdtempSync(join(tmpdir(), "deadlift-bench-peers-"));
mkdirSync(folder, { recursive: true });
const rows = [];
try {
  for (const type of values.types.split(",")) {
    console.error(type);
    rows.push(summary(type, compare(await modelOf(type, folder), peer)));
  }
} finally {
  if (!values.folder) rmSync(folder, { recursive: true, force: true });
}
console.table(
  Object.fromEntries(
    rows.map(({ type, prefillTps, decodeTps, loadMs, ownMb, shareOfStreamingRead }) => [
      type,
      {
        "prefill, ours / peer": text(prefillTps),
        "decode, ours / peer": text(decodeTps),
        "load ms": text(loadMs),
        "MB beyond the file": text(ownMb),
        ...(shareOfStreamingRead && { "share of streaming read": shareOfStreamingRead }),
      },
    ]),
  ),
);
const results = { ...{ shape, prompt, new: values.new, streams, threads, pairs: values.pairs }, rows };
if (values.keep) console.log(keep(`peers_${shape}${streams === "1" ? "" : `_${streams}_streams`}`, results));
