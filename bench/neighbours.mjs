// Speed beside others who want the processor: alone, with a busy process on every core, on one core, and with a quota of
// one core, in turns. Without --threads we choose ourselves how many; llama.cpp gets as many as there are cores, since
// what node-llama-cpp chooses, at least 4, stands still on fewer.
//
//   node bench/neighbours.mjs [--shape 1.1B] [--type Q4_K_M] [--pairs 3] [--prompt 256] [--new 64] [--threads N]
//                             [--peer] [--minutes 5] [--folder DIR] [--keep]
//
// --peer: llama.cpp, too; its threads wait for each other, and what does not end within --minutes counts as speed 0.
// Linux only: taskset, and a control group of our own where the system lets us make one.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installLlama } from "./peers/install.mjs";
import { keep } from "./results.mjs";

const { values } = parseArgs({
  options: {
    shape: { type: "string", default: "1.1B" },
    type: { type: "string", default: "Q4_K_M" },
    pairs: { type: "string", default: "3" },
    prompt: { type: "string", default: "256" },
    new: { type: "string", default: "64" },
    threads: { type: "string" },
    peer: { type: "boolean", default: false },
    minutes: { type: "string", default: "5" },
    folder: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const { shape, type } = values;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const cores = availableParallelism();

/** Spins until it is ended, or whoever began it is gone. */
const busySource = "const parent = process.ppid; while (process.ppid === parent) for (let i = 0; i < 1e8; i++);";

function startBusy() {
  const children = Array.from({ length: cores }, (_, core) =>
    spawn("taskset", ["-c", String(core), process.execPath, "-e", busySource], { stdio: "ignore" }),
  );
  return () => {
    for (const child of children) child.kill("SIGKILL");
  };
}

/** A control group that gets the time of one core, or why there is none. Version 2, else version 1. */
function makeQuota() {
  const root = "/sys/fs/cgroup";
  const name = `deadlift-bench-${process.pid}`;
  const isUnified = existsSync(`${root}/cgroup.controllers`);
  const path = isUnified ? join(root, name) : join(root, "cpu", name);
  try {
    mkdirSync(path);
  } catch (error) {
    return { missing: error.message };
  }
  const remove = () => rmdirSync(path);
  try {
    if (isUnified) writeFileSync(join(path, "cpu.max"), "100000 100000");
    else {
      writeFileSync(join(path, "cpu.cfs_period_us"), "100000");
      writeFileSync(join(path, "cpu.cfs_quota_us"), "100000");
    }
    return { path, remove };
  } catch (error) {
    remove();
    return { missing: error.message };
  }
}

/** Runs a script under a command such as taskset; the last line that it prints, undefined when it takes too long. */
function run(args, under = [], timeout = undefined) {
  const [command, ...rest] = [...under, process.execPath, ...args];
  const options = { encoding: "utf8", timeout, killSignal: "SIGKILL" };
  const { status, stdout, stderr, error, signal } = spawnSync(command, rest, options);
  if (error?.code === "ETIMEDOUT") return undefined;
  if (status !== 0) throw new Error(`${args[0]} ended with ${error?.message ?? signal ?? status}:\n${stderr}`);
  return stdout.trim().split("\n").at(-1);
}

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];
const round = (value) => Number(value.toPrecision(3));

function measure(args, under) {
  const said = run(args, under, Number(values.minutes) * 60_000);
  if (said === undefined) return { prefillTps: 0, decodeTps: 0, threads: undefined };
  const { runs, threads } = JSON.parse(said);
  const of = (key) => median(runs.map((one) => one[key]));
  return { prefillTps: of("prefillTps"), decodeTps: of("decodeTps"), threads };
}

/** Name -> how to measure a script in that situation. */
function situations(quota) {
  const inGroup = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', join(quota.path ?? "", "cgroup.procs")];
  const besideBusy = (args) => {
    const stop = startBusy();
    try {
      return measure(args);
    } finally {
      stop();
    }
  };
  return {
    alone: (args) => measure(args),
    [`${cores} busy processes`]: besideBusy,
    "taskset -c 0": (args) => measure(args, ["taskset", "-c", "0"]),
    ...(quota.path && { "quota of 1 core": (args) => measure(args, inGroup) }),
  };
}

function summary(rounds, name, who) {
  const of = (key, situation) => median(rounds.map((one) => one[situation][who][key]));
  const share = (key) => median(rounds.map((one) => one[name][who][key] / (one.alone[who][key] || 1)));
  return {
    prefillTps: round(of("prefillTps", name)),
    decodeTps: round(of("decodeTps", name)),
    prefillOfAlone: round(share("prefillTps")),
    decodeOfAlone: round(share("decodeTps")),
    threads: rounds[0][name][who].threads,
  };
}

async function measureAll(model, quota) {
  const numbers = (threads) => [model, values.prompt, values.new, values.threads ?? threads, "2", "1"];
  const programs = { ours: [here("peers/deadlift.mjs"), ...numbers("0")] };
  if (values.peer) programs.llama = [here("peers/llama.mjs"), await installLlama(), ...numbers(String(cores))];
  const rounds = [];
  for (let pair = 1; pair <= Number(values.pairs); pair++) {
    const round = {};
    for (const [name, measured] of Object.entries(situations(quota))) {
      round[name] = Object.fromEntries(Object.entries(programs).map(([who, args]) => [who, measured(args)]));
      const speeds = Object.entries(round[name]).map(
        ([who, one]) => `${who} ${one.prefillTps.toFixed(1)} / ${one.decodeTps.toFixed(1)}`,
      );
      console.error(`pair ${pair}, ${name}: ${speeds.join(", ")} tokens/s`);
    }
    rounds.push(round);
  }
  const names = Object.keys(rounds[0]);
  return Object.fromEntries(
    names.map((name) => [
      name,
      Object.fromEntries(Object.keys(programs).map((who) => [who, summary(rounds, name, who)])),
    ]),
  );
}

const folder = values.folder ?? mkdtempSync(join(tmpdir(), "deadlift-bench-neighbours-"));
mkdirSync(folder, { recursive: true });
const quota = makeQuota();
if (quota.missing) console.error(`no quota is measured: ${quota.missing}`);
try {
  const model = join(folder, `${shape}-${type}.gguf`);
  if (!existsSync(model)) run([here("make_model.mjs"), shape, type, model]);
  const results = await measureAll(model, quota);
  for (const who of Object.keys(results.alone)) {
    console.log(who);
    console.table(Object.fromEntries(Object.entries(results).map(([name, one]) => [name, one[who]])));
  }
  const { prompt, pairs } = values;
  const load = readFileSync("/proc/loadavg", "utf8").split(" ").slice(0, 3).join(" ");
  const document = { shape, type, prompt, new: values.new, pairs, cores, load, noQuota: quota.missing, results };
  if (values.keep) console.log(keep(`neighbours_${shape}_${type}`, document));
} finally {
  quota.remove?.();
  if (!values.folder) rmSync(folder, { recursive: true, force: true });
}
