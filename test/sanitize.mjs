// Runs the suite with an addon that checks itself: addresses and undefined behaviour, or races between threads.
//
//   node test/sanitize.mjs [address | thread] [FILE ...]     address is the default, all files where none is named
//
// Each file has a process of its own: a sanitizer ends it at its first finding, which is printed, and the others go on.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const words = process.argv.slice(2);
const kind = words[0] === "thread" ? "thread" : "address";
const named = words.filter((word) => word !== "address" && word !== "thread");

/** Tests of what runs on several threads. */
const threaded =
  "session states model lifetime generation speculate threads read_ahead repack encode kernels attention_ops recurrent".split(
    " ",
  );

const kinds = {
  address: {
    sanitizers: "address,undefined",
    runtime: "libasan.so",
    // Leaks are not looked for: Node frees little of its own at the end. `filesMapped` and the collection of models are
    // held to tests of their own. A size that no memory has gives null, as without a sanitizer.
    options: { ASAN_OPTIONS: "detect_leaks=0:allocator_may_return_null=1", UBSAN_OPTIONS: "print_stacktrace=1" },
    files: allFiles,
  },
  thread: {
    sanitizers: "thread",
    runtime: "libtsan.so",
    // Code that is not built for it is not seen: what of Node it does see is not ours. Nobody joins the threads of a
    // process that ends in the middle of a step.
    options: { TSAN_OPTIONS: "halt_on_error=1:ignore_noninstrumented_modules=1:report_thread_leaks=0" },
    files: () => threaded.map(path),
  },
};

const { sanitizers, runtime, options, files } = kinds[kind];
const addon = join(root, "build", kind, "Release/deadlift.node");
build();
const environment = {
  ...process.env,
  ...options,
  DEADLIFT_ADDON: addon,
  // Node itself is not built for it: the runtime has to be there first.
  LD_PRELOAD: runtimeOf(process.env.CXX ?? "c++"),
};
const failed = [];
const queue = named.length > 0 ? named : files();
await Promise.all([worker(), worker()]);
if (failed.length > 0) fail(`${failed.length} failed: ${failed.join(", ")}`);
say("nothing found");

function path(name) {
  return `test/${name}.test.ts`;
}

function allFiles() {
  return readdirSync(join(root, "test"))
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `test/${name}`);
}

function build() {
  say(`building with -fsanitize=${sanitizers} ...`);
  const cmakeJs = join(root, "node_modules/cmake-js/bin/cmake-js");
  const wanted = ["--out", join("build", kind), `--CDDEADLIFT_SANITIZE=${sanitizers}`];
  const { status } = spawnSync(process.execPath, [cmakeJs, "compile", "--log-level", "error", ...wanted], {
    cwd: root,
    stdio: ["ignore", process.stderr, "inherit"],
  });
  if (status !== 0) fail("the addon could not be built");
}

function runtimeOf(compiler) {
  const found = spawnSync(compiler, [`-print-file-name=${runtime}`], { encoding: "utf8" }).stdout?.trim();
  if (!found || !existsSync(found)) fail(`${compiler} has no ${runtime}: set CXX to a g++ that has`);
  return found;
}

async function worker() {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const startedAt = Date.now();
    const { passed, output } = await run(file);
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(0);
    say(`${passed ? "passed" : "FAILED"} ${file} (${seconds} s)`);
    if (passed) continue;
    failed.push(file);
    process.stderr.write(`${output}\n`);
  }
}

function run(file) {
  const slow = ["--testTimeout", "900000", "--hookTimeout", "900000"];
  const vitest = [join(root, "node_modules/vitest/vitest.mjs"), "run", file, ...slow];
  const child = spawn(process.execPath, vitest, { cwd: root, env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  return new Promise((done) => child.on("close", (status) => done({ passed: status === 0, output })));
}

function say(text) {
  process.stderr.write(`sanitize: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
