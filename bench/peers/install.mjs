// Installs the peers that we are measured and judged against, once, in cache folders outside the tree.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";

const version = "3.22.1";
const transformersVersion = "4.3.2";
/** Only the processor's build: the others are hundreds of megabytes. */
const builds = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
  "darwin-arm64": "mac-arm64-metal",
  "darwin-x64": "mac-x64",
  "win32-x64": "win-x64",
};

/** The folder whose node_modules has node-llama-cpp; DEADLIFT_PEERS names one that is there already. */
export async function installLlama() {
  const given = process.env.DEADLIFT_PEERS;
  if (given) {
    if (existsSync(join(given, "node_modules/node-llama-cpp/package.json"))) return given;
    throw new Error(`DEADLIFT_PEERS: ${given} has no node_modules/node-llama-cpp`);
  }
  const build = builds[`${process.platform}-${process.arch}`];
  if (!build) throw new Error(`node-llama-cpp has no build for ${process.platform}-${process.arch}`);
  return install([`node-llama-cpp@${version}`, `@node-llama-cpp/${build}@${version}`], ["--omit=optional"]);
}

/** The folder whose node_modules has transformers.js and its engine; that of DEADLIFT_PEERS if it does. */
export async function installTransformers() {
  const given = process.env.DEADLIFT_PEERS;
  if (given && existsSync(join(given, "node_modules/@huggingface/transformers/package.json"))) return given;
  // Its engine's install script would fetch CUDA; the processor's build comes with the package.
  return install([`@huggingface/transformers@${transformersVersion}`], []);
}

async function install(packages, more) {
  const key = createHash("sha256").update(packages.join(" ")).digest("hex").slice(0, 12);
  const folder = join(tmpdir(), `deadlift-peers-${key}`);
  const ready = join(folder, "ready");
  if (existsSync(ready)) return folder;
  await mkdir(folder, { recursive: true });
  const flags = ["--prefix", folder, ...more, "--ignore-scripts", "--no-audit", "--no-fund", "--no-save"];
  const shell = process.platform === "win32";
  await promisify(execFile)("npm", ["install", ...flags, ...packages], { timeout: 600_000, shell });
  await writeFile(ready, packages.join("\n"));
  return folder;
}

/** Builds of llama.cpp that use no more than our instruction set of that name; it takes the best that is there. */
const buildsWithin = {
  scalar: ["x64"],
  avx2: ["x64", "sse42", "sandybridge", "ivybridge", "haswell"],
  avx512: [
    ...["x64", "sse42", "sandybridge", "ivybridge", "haswell", "skylakex", "cannonlake", "cascadelake", "icelake"],
    ...["cooperlake", "zen4"],
  ],
};

/**
 * A copy of an installed node-llama-cpp without the builds for newer processors than `isa`. Of node-llama-cpp and its
 * libraries only: what else it needs is linked to.
 */
export function limitLlama(folder, isa) {
  const kept = buildsWithin[isa];
  if (!kept) throw new Error(`expected one of ${Object.keys(buildsWithin).join(", ")} for --isa, received ${isa}`);
  const limited = join(tmpdir(), `deadlift-peers-${isa}-${process.pid}`);
  rmSync(limited, { recursive: true, force: true });
  const build = builds[`${process.platform}-${process.arch}`];
  const isWanted = (path) => {
    const name = /^libggml-cpu-(.+)\.so$/.exec(basename(path))?.[1];
    return name === undefined || kept.includes(name);
  };
  const [from, to] = [folder, limited].map((one) => join(one, "node_modules"));
  for (const name of ["node-llama-cpp", `@node-llama-cpp/${build}`]) {
    cpSync(join(from, name), join(to, name), { recursive: true, filter: isWanted });
  }
  for (const name of readdirSync(from)) {
    if (!name.startsWith(".") && !existsSync(join(to, name))) symlinkSync(join(from, name), join(to, name), "junction");
  }
  return limited;
}
