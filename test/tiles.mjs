// Runs suites with an addon whose matrix unit is emulated: the set of AMX where a processor has AVX-512 with BF16 only.
//
//   node test/tiles.mjs [FILE ...]     kernels, goldens and perplexity where none is named

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const named = process.argv.slice(2);
const addon = join(root, "build/tiles/Release/deadlift.node");

run("cmake-js/bin/cmake-js", [
  "compile",
  ...["--log-level", "error", "--out", join("build", "tiles"), "--CDDEADLIFT_EMULATE_TILES=ON"],
]);
const { isas } = createRequire(import.meta.url)(addon).cpuInfo();
if (!isas.includes("amx"))
  fail(`this machine has no AVX512_BF16, or the emulated tiles compute wrong: ${isas.join(", ")}`);
run("vitest/vitest.mjs", [
  "run",
  ...(named.length > 0
    ? named
    : ["kernels", "attention_ops", "golden", "perplexity_isas"].map((name) => `test/${name}.test.ts`)),
]);

function run(script, args) {
  const { status } = spawnSync(process.execPath, [join(root, "node_modules", script), ...args], {
    cwd: root,
    env: { ...process.env, DEADLIFT_ADDON: addon },
    stdio: "inherit",
  });
  if (status !== 0) fail(`${script} ended with ${status}`);
}

function fail(text) {
  process.stderr.write(`tiles: ${text}\n`);
  process.exit(1);
}
