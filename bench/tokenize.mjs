// How fast 1 MB of text becomes ids: here, in the native library underneath, and in Python where --python names one. Times are
// the processor's, of all threads, so that neighbours on the machine count little; half of the text is prose and code, half
// all languages of the test corpus.
//
//   node bench/tokenize.mjs [FOLDER_WITH_TOKENIZER_JSON ...] [--python PYTHON] [--keep]

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gunzipSync } from "node:zlib";
import { Tokenizer as Library } from "tokenizers";
import { tokenizerFromJson } from "../dist/tokenizer/json.js";
import { keep } from "./results.mjs";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
const rounds = 3;
const size = 1_000_000;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** A text repeated to `bytes` of UTF-8. */
function repeated(text, bytes) {
  const once = Buffer.from(text);
  const whole = Buffer.concat(Array(Math.ceil(bytes / once.length)).fill(once)).subarray(0, bytes);
  return whole.toString().replace(/\ufffd+$/, "");
}

function text() {
  const sources = readdirSync(here("../src"), { recursive: true }).filter((name) => name.endsWith(".ts"));
  const own = [here("../README.md"), ...sources.sort().map((name) => here(`../src/${name}`))];
  const corpus = JSON.parse(gunzipSync(readFileSync(here("../test/fixtures/tokenizer/families.json.gz"))).toString());
  const ours = own.map((path) => readFileSync(path, "utf8")).join("\n");
  return repeated(ours, size / 2) + repeated(corpus.texts.join("\n"), size / 2);
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function timed(work, monitor) {
  collect(); // what the one before left
  monitor.reset();
  monitor.enable();
  const before = process.cpuUsage();
  const { length } = await work();
  const { user, system } = process.cpuUsage(before);
  monitor.disable();
  return { ms: (user + system) / 1e3, tokens: length, blocked: Math.max(0, monitor.max / 1e6 - 1) };
}

/** Times of Python for the same text, one number a line. */
function python(program, file, text) {
  const folder = mkdtempSync(join(tmpdir(), "tokenize-"));
  writeFileSync(join(folder, "text"), text);
  const code = `import sys, time
from tokenizers import Tokenizer
t = Tokenizer.from_file(sys.argv[1]); t.no_truncation(); t.no_padding()
s = open(sys.argv[2], encoding="utf-8", newline="").read()
for _ in range(${rounds}):
    a = time.process_time(); ids = t.encode(s, add_special_tokens=False).ids; print((time.process_time() - a) * 1e3)`;
  try {
    return execFileSync(program, ["-c", code, file, join(folder, "text")], { encoding: "utf8" })
      .trim()
      .split("\n")
      .map(Number);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function row(folder, text, program) {
  const file = join(folder, "tokenizer.json");
  const json = JSON.parse(readFileSync(file, "utf8"));
  const ours = await tokenizerFromJson(json);
  const library = Library.fromString(JSON.stringify({ ...json, truncation: null, padding: null }));
  const monitor = monitorEventLoopDelay({ resolution: 1 });
  const runs = { here: [], library: [] };
  const work = {
    here: () => ours.encode(text, { special: false }),
    library: async () => (await library.encode(text, null, { addSpecialTokens: false })).getIds(),
  };
  for (let round = -1; round < rounds; round++) {
    // Whoever comes second must not always be the same.
    for (const key of round % 2 ? ["here", "library"] : ["library", "here"]) {
      const run = await timed(work[key], monitor);
      if (round >= 0) runs[key].push(run);
    }
  }
  if (runs.here[0].tokens !== runs.library[0].tokens) throw new Error(`other ids than the library's by ${folder}`);
  const of = (key, field) => Number(median(runs[key].map((run) => run[field])).toFixed(1));
  return {
    tokenizer: basename(folder),
    tokens: runs.here[0].tokens,
    hereMs: of("here", "ms"),
    libraryMs: of("library", "ms"),
    ...(program && { pythonMs: Number(median(python(program, file, text)).toFixed(1)) }),
    speed: Number((of("library", "ms") / of("here", "ms")).toFixed(2)),
    blockedMs: of("here", "blocked"),
    libraryBlockedMs: of("library", "blocked"),
  };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { python: { type: "string" }, keep: { type: "boolean" } },
});
const shared = ["gpt2", "minilm", "t5-small"]
  .map((name) => here(`../../shared/weights/tokenizers/${name}`))
  .filter(existsSync);
const folders = positionals.length > 0 ? positionals : [here("../models/tiny"), ...shared];
const rows = [];
const megabyte = text();
for (const folder of folders) rows.push(await row(folder, megabyte, values.python));
console.table(rows);
if (values.keep) console.log(keep("tokenize", rows));
