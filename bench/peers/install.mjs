// Installs the peers that we are measured and judged against, once, in a cache folder outside the tree.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const version = "3.22.1";
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
  const packages = [`node-llama-cpp@${version}`, `@node-llama-cpp/${build}@${version}`];
  const key = createHash("sha256").update(packages.join(" ")).digest("hex").slice(0, 12);
  const folder = join(tmpdir(), `deadlift-peers-${key}`);
  const ready = join(folder, "ready");
  if (existsSync(ready)) return folder;
  await mkdir(folder, { recursive: true });
  const flags = ["--prefix", folder, "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save"];
  const shell = process.platform === "win32";
  await promisify(execFile)("npm", ["install", ...flags, ...packages], { timeout: 600_000, shell });
  await writeFile(ready, version);
  return folder;
}
