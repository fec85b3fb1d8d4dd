// Writes one GGUF file in another type, as we and as llama.cpp's library do, in turns: time, and memory beyond mappings.
//
//   node bench/quantize.mjs --llama LIBS [--type Q4_K_M] [--shape 1.1B] [--pairs 5] [--threads 2] [--python PATH] [--keep]
//
// LIBS: a folder with libllama, such as node_modules/@node-llama-cpp/linux-x64/bins/linux-x64. Linux only (/proc).

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { keep } from "./results.mjs";

/** llama.h: LLAMA_FTYPE_* */
const fileTypes = { F16: 1, Q4_0: 2, Q8_0: 7, Q2_K: 10, Q3_K_M: 12, Q4_K_M: 15, Q5_K_M: 17, Q6_K: 18, IQ4_XS: 30 };

const { values } = parseArgs({
  options: {
    llama: { type: "string" },
    type: { type: "string", default: "Q4_K_M" },
    shape: { type: "string", default: "1.1B" },
    pairs: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
    python: { type: "string", default: "python3" },
    keep: { type: "boolean", default: false },
  },
});
const { llama, type, threads } = values;
if (!llama || !(type in fileTypes)) {
  console.error(`usage: node bench/quantize.mjs --llama LIBS [--type ${Object.keys(fileTypes).join("|")}] ...`);
  process.exit(2);
}

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
/** Each prints the seconds it took. */
const ourSource = `
import { quantizeModel } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
const [from, to, type, threads] = process.argv.slice(1);
const startedAt = performance.now();
await quantizeModel(from, to, { type, threads: Number(threads) });
console.log((performance.now() - startedAt) / 1000);`;
const theirSource = `
import ctypes as c, glob, sys, time
libs, source, to, kind, threads = sys.argv[1:]
for pattern in ("libggml-base.so", "libggml.*so"):
    for name in glob.glob(libs + "/" + pattern):
        c.CDLL(name, mode=c.RTLD_GLOBAL)
llama = c.CDLL(glob.glob(libs + "/libllama.v*.so")[0])
log = c.CFUNCTYPE(None, c.c_int, c.c_char_p, c.c_void_p)(lambda level, text, data: None)
llama.llama_log_set(log, None)
class Params(c.Structure):
    _fields_ = ([("threads", c.c_int32), ("type", c.c_int), ("output", c.c_int), ("embedding", c.c_int)]
                + [(f"flag{i}", c.c_bool) for i in range(6)] + [(f"pointer{i}", c.c_void_p) for i in range(4)] + [("buffer", c.c_size_t)])
llama.llama_model_quantize_default_params.restype = Params
params = llama.llama_model_quantize_default_params()
params.type, params.threads = int(kind), int(threads)
started = time.perf_counter()
assert llama.llama_model_quantize(source.encode(), to.encode(), c.byref(params)) == 0
print(time.perf_counter() - started)`;

/** Runs it; the largest memory of its own (RssAnon), in MB, that was seen every few milliseconds. */
function measure(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    let ownMb = 0;
    const timer = setInterval(() => {
      const kilobytes = /RssAnon:\s+(\d+)/.exec(statusOf(child.pid))?.[1] ?? 0;
      ownMb = Math.max(ownMb, kilobytes / 1000);
    }, 20);
    child.stdout.on("data", (text) => {
      said += text;
    });
    child.on("error", reject);
    child.on("close", (status) => {
      clearInterval(timer);
      if (status === 0) resolve({ seconds: Number(said), ownMb });
      else reject(new Error(`${command} ended with status ${status}`));
    });
  });
}

function statusOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return ""; // it has just ended
  }
}

const folder = mkdtempSync(join(tmpdir(), "deadlift-bench-quantize-"));
try {
  const source = join(folder, "source.gguf");
  spawnSync(process.execPath, [here("make_model.mjs"), values.shape, "BF16", source], { stdio: "inherit" });
  const out = join(folder, "out.gguf");
  const runs = { deadlift: [], llama: [] };
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    runs.deadlift.push(
      await measure(process.execPath, ["--input-type=module", "-e", ourSource, "--", source, out, type, threads]),
    );
    const bytes = statSync(out).size;
    runs.llama.push(
      await measure(values.python, ["-c", theirSource, llama, source, out, String(fileTypes[type]), threads]),
    );
    const [ours, theirs] = [runs.deadlift.at(-1), runs.llama.at(-1)];
    console.log(
      `pair ${pair + 1}: ${ours.seconds.toFixed(1)} s (${ours.ownMb.toFixed(0)} MB) and ` +
        `${theirs.seconds.toFixed(1)} s (${theirs.ownMb.toFixed(0)} MB), ${bytes} and ${statSync(out).size} bytes`,
    );
  }
  const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
  const round = (value) => Number(value.toFixed(2));
  const summary = (all) => ({
    seconds: round(median(all.map(({ seconds }) => seconds))),
    ownMb: Math.round(Math.max(...all.map(({ ownMb }) => ownMb))),
  });
  const ratio = round(median(runs.deadlift.map(({ seconds }, i) => seconds / runs.llama[i].seconds)));
  const results = {
    ...{ type, shape: values.shape, threads: Number(threads), pairs: runs.llama.length },
    ...{ deadlift: summary(runs.deadlift), llama: summary(runs.llama), timeRatio: ratio },
  };
  console.log(results);
  if (values.keep) console.log(keep(`quantize_${type}`, results));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
