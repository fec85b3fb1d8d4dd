// Makes a fresh clone ready to run, and does nothing when it is: packages, native addon, JavaScript.
//
//   node setup.mjs            everything that is missing or older than its sources
//   node setup.mjs native     the addon only (what `npm install deadlift` runs)
//   node setup.mjs check      formatting, lint and types
//   node setup.mjs format     formats TypeScript and C++
//   --force                   rebuilds

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const force = process.argv.includes("--force");
const mode = process.argv.slice(2).find((word) => !word.startsWith("-")) ?? "all";

const steps = {
  packages: {
    title: "installing packages",
    sources: ["package.json", "package-lock.json"],
    stamp: "node_modules/.deadlift-stamp",
    // Not `npm ci`: it refuses a lockfile that lacks the optional binaries of platforms a registry does not carry.
    run: () => run("npm", ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]),
  },
  native: {
    title: "building the native addon (a minute or two, once)",
    sources: ["CMakeLists.txt", "native", "kernels/cpu"],
    stamp: "build/.deadlift-stamp",
    run: buildNative,
  },
  javascript: {
    title: "compiling TypeScript",
    sources: ["tsconfig.json", "package.json", "src"],
    stamp: "dist/.deadlift-stamp",
    run: buildJavaScript,
  },
};

try {
  checkNode();
  if (mode === "all") for (const step of Object.values(steps)) await bringUpToDate(step);
  else if (mode === "native") await bringUpToDate(steps.native);
  else if (mode === "check") await check();
  else if (mode === "format") await format();
  else fail(`unknown mode "${mode}": expected native, check or format`);
} catch (error) {
  fail(error.message);
}

async function bringUpToDate(step) {
  const current = fingerprint(step.sources);
  const stamp = join(root, step.stamp);
  if (!force && existsSync(stamp) && readFileSync(stamp, "utf8") === current) return;
  say(`${step.title} …`);
  const startedAt = Date.now();
  await step.run();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, current);
  say(`${step.title}: done in ${((Date.now() - startedAt) / 1000).toFixed(0)} s`);
}

function buildNative() {
  for (const [tool, advice] of [
    ["cmake", "install it, e.g. `apt install cmake`"],
    ["c++", "install a C++20 compiler, e.g. `apt install g++`"],
  ]) {
    if (spawnSync(tool, ["--version"]).error) fail(`"${tool}" was not found: ${advice}`);
  }
  const cmakeJs = join(packageFolder("cmake-js"), "bin/cmake-js");
  // A cache of another folder or generator would make cmake refuse to go on.
  if (force || !existsSync(join(root, "build/CMakeCache.txt")))
    rmSync(join(root, "build"), { recursive: true, force: true });
  run(process.execPath, [cmakeJs, "compile", "--log-level", "error"]);
}

async function buildJavaScript() {
  rmSync(join(root, "dist"), { recursive: true, force: true });
  run(process.execPath, [join(root, "node_modules/typescript/bin/tsc")]);
  // The CommonJS twin of dist/index.js, for require("deadlift") on every supported Node. By its function, not by its
  // command: that is a script or, where its install script ran, a program.
  const { buildSync } = await import("esbuild");
  buildSync({
    absWorkingDir: root,
    entryPoints: ["dist/index.js"],
    bundle: true,
    platform: "node",
    format: "cjs",
    packages: "external",
    target: "node20",
    define: { "import.meta.url": "__importMetaUrl" },
    banner: { js: 'const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
    outfile: "dist/index.cjs",
    logLevel: "warning",
  });
  writeFileSync(join(root, "dist/index.d.cts"), 'export * from "./index.js";\n');
}

async function check() {
  await bringUpToDate(steps.packages);
  const results = [
    attempt("types", process.execPath, ["node_modules/typescript/bin/tsc", "-p", "test"]),
    attempt("lint and format", process.execPath, [
      "node_modules/@biomejs/biome/bin/biome",
      "check",
      "--error-on-warnings",
    ]),
    attempt("C++ format", process.execPath, [clangFormat(), "--dry-run", "--Werror", ...cppFiles()]),
  ];
  if (results.includes(false)) process.exit(1);
}

async function format() {
  await bringUpToDate(steps.packages);
  run(process.execPath, ["node_modules/@biomejs/biome/bin/biome", "check", "--write"]);
  run(process.execPath, [clangFormat(), "-i", ...cppFiles()]);
}

function clangFormat() {
  const folder = packageFolder("clang-format-node");
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof bin === "string" ? bin : bin["clang-format"]);
}

function cppFiles() {
  return files(["native", "kernels/cpu"]).filter((file) => /\.(cc|h)$/.test(file));
}

/** Hash of the names, sizes and times of all source files: cheap enough for every start. */
function fingerprint(sources) {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  for (const file of files(sources)) {
    const { size, mtimeMs } = statSync(join(root, file));
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

function files(sources) {
  return sources.flatMap((source) => {
    const path = join(root, source);
    if (!existsSync(path)) return [];
    if (!statSync(path).isDirectory()) return [source];
    const entries = readdirSync(path).sort();
    return files(entries.map((entry) => join(source, entry)));
  });
}

function packageFolder(name) {
  for (let folder = root; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) fail(`package "${name}" is not installed: run \`npm ci\``);
  }
}

function run(command, args) {
  const shell = process.platform === "win32" && command === "npm";
  // What setup prints is for people and goes to stderr: stdout belongs to the program that runs after it.
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", process.stderr, "inherit"],
    shell,
  });
  if (error) fail(`${command}: ${error.message}`);
  if (status !== 0) fail(`"${[command, ...args].join(" ").slice(0, 200)}" failed with exit status ${status}`);
}

function attempt(title, command, args) {
  say(title);
  return spawnSync(command, args, { cwd: root, stdio: "inherit" }).status === 0;
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const fits = (major === 20 && minor >= 17) || (major === 22 && minor >= 9) || major > 22;
  if (!fits) fail(`Node ${process.versions.node} is too old: expected 20.17 or later (or 22.9 or later)`);
}

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
