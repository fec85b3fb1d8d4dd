// Downloads one file from a Hub on loopback, as we and as Python's huggingface_hub (without Xet) do, in turns.
//
//   node bench/hub.mjs [--python PATH] [--pairs 5] [--bytes 1000000000] [--connections 8] [--keep]
//
// Each download has a process and an empty cache of its own; the time begins when its modules are loaded.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const repo = "bench/model";
const file = "model.safetensors";
/** The monitor wakes every `resolution` ms; what it is late by is the delay. */
const resolution = 1;

const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    pairs: { type: "string", default: "5" },
    bytes: { type: "string", default: "1000000000" },
    connections: { type: "string", default: "8" },
    keep: { type: "boolean", default: false },
    child: { type: "boolean", default: false },
  },
});
/** In a process of its own: prints one line of JSON. */
async function download() {
  const { downloadModel } = await import("../dist/index.js");
  await import("undici");
  const monitor = monitorEventLoopDelay({ resolution });
  monitor.enable();
  const startedAt = performance.now();
  await downloadModel(repo, { include: [file], connections: Number(values.connections) });
  const seconds = (performance.now() - startedAt) / 1000;
  monitor.disable();
  const late = (ns) => Math.max(0, ns / 1e6 - resolution);
  const delay = { p50: late(monitor.percentile(50)), p99: late(monitor.percentile(99)), max: late(monitor.max) };
  console.log(JSON.stringify({ seconds, peakMb: process.resourceUsage().maxRSS / 1000, delay }));
}

const pythonSource = `
import json, resource, time, huggingface_hub
started = time.perf_counter()
huggingface_hub.hf_hub_download("${repo}", "${file}")
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "peakMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
                  "version": huggingface_hub.__version__}))`;

async function compare() {
  const { launchHub } = await import("../test/hub/launch.mjs");
  const { keep } = await import("./results.mjs");
  const bytes = Number(values.bytes);
  const hub = await launchHub({ repos: [{ id: repo, files: { [file]: { seed: 1, size: bytes } } }] });
  const ours = [process.execPath, fileURLToPath(import.meta.url), "--child", "--connections", values.connections];
  const rows = { deadlift: [], huggingface_hub: [] };
  try {
    for (let pair = 0; pair < Number(values.pairs); pair++) {
      rows.deadlift.push(run(ours, hub.endpoint));
      rows.huggingface_hub.push(run([values.python, "-c", pythonSource], hub.endpoint));
      const [a, b] = [rows.deadlift, rows.huggingface_hub].map((runs) => bytes / 1e6 / runs.at(-1).seconds);
      const { p99 } = rows.deadlift.at(-1).delay;
      console.log(
        `pair ${pair + 1}: ${a.toFixed(0)} and ${b.toFixed(0)} MB/s, ratio ${(a / b).toFixed(2)}, p99 ${p99.toFixed(1)} ms`,
      );
    }
  } finally {
    await hub.close();
  }
  const results = summary(rows, bytes);
  console.table({ deadlift: results.deadlift, huggingface_hub: results.huggingface_hub });
  console.log(`${results.ratio} times as fast`);
  if (values.keep) console.log(keep("hub", results));
}

function run([command, ...args], endpoint) {
  const home = mkdtempSync(join(tmpdir(), "deadlift-bench-hub-"));
  const quiet = { HF_HUB_DISABLE_XET: "1", HF_HUB_DISABLE_PROGRESS_BARS: "1", HF_HUB_DISABLE_TELEMETRY: "1" };
  const env = { ...process.env, ...quiet, HF_HOME: home, HF_HUB_CACHE: join(home, "hub"), HF_ENDPOINT: endpoint };
  try {
    const { status, stdout, stderr, error } = spawnSync(command, args, { env, encoding: "utf8" });
    if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr}`);
    return JSON.parse(stdout.trim().split("\n").at(-1));
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function summary({ deadlift, huggingface_hub: python }, bytes) {
  const speed = (runs) => Math.round(median(runs.map(({ seconds }) => bytes / 1e6 / seconds)));
  const peakMb = (runs) => Math.round(Math.max(...runs.map((one) => one.peakMb)));
  const round = (value) => Number(value.toFixed(2));
  const delay = (name) => round(median(deadlift.map((one) => one.delay[name])));
  const ratio = round(median(deadlift.map(({ seconds }, i) => python[i].seconds / seconds)));
  return {
    bytes,
    pairs: deadlift.length,
    connections: Number(values.connections),
    processors: availableParallelism(),
    deadlift: {
      mbPerSecond: speed(deadlift),
      peakMb: peakMb(deadlift),
      eventLoopMs: `${delay("p50")} / ${delay("p99")} / ${delay("max")}`,
    },
    huggingface_hub: { version: python[0].version, mbPerSecond: speed(python), peakMb: peakMb(python) },
    eventLoopDelayMs: { p50: delay("p50"), p99: delay("p99"), max: delay("max") },
    ratio,
  };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

if (values.child) await download();
else await compare();
