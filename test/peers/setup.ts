// Runs once before the peers' suites: installs node-llama-cpp in a cache folder outside the tree, to be used again.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { lastLine, once } from "../reference/once.js";

export interface Peer {
  /** Where node_modules has it. */
  folder?: string;
  /** Why it is not there. */
  missing?: string;
}

declare module "vitest" {
  interface ProvidedContext {
    llama: Peer;
  }
}

const version = "3.22.1";
/** Only the processor's build: the others are hundreds of megabytes. */
const builds: Record<string, string> = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
  "darwin-arm64": "mac-arm64-metal",
  "darwin-x64": "mac-x64",
  "win32-x64": "win-x64",
};

export default async function setup(project: TestProject): Promise<void> {
  const llama = await findLlama();
  if (llama.missing) console.warn(`suites against llama.cpp are skipped: ${llama.missing}`);
  project.provide("llama", llama);
}

async function findLlama(): Promise<Peer> {
  const given = process.env.DEADLIFT_PEERS;
  if (given) {
    const found = existsSync(join(given, "node_modules/node-llama-cpp/package.json"));
    return found ? { folder: given } : { missing: `DEADLIFT_PEERS: ${given} has no node_modules/node-llama-cpp` };
  }
  const build = builds[`${process.platform}-${process.arch}`];
  if (!build) return { missing: `node-llama-cpp has no build for ${process.platform}-${process.arch}` };
  const packages = [`node-llama-cpp@${version}`, `@node-llama-cpp/${build}@${version}`];
  const key = createHash("sha256").update(packages.join(" ")).digest("hex").slice(0, 12);
  const folder = join(tmpdir(), `deadlift-peers-${key}`);
  try {
    await once(folder, () => install(folder, packages));
    return { folder };
  } catch (error) {
    return { missing: `node-llama-cpp could not be installed with npm: ${lastLine(error)}` };
  }
}

async function install(folder: string, packages: string[]): Promise<void> {
  const flags = ["--prefix", folder, "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save"];
  const shell = process.platform === "win32";
  await promisify(execFile)("npm", ["install", ...flags, ...packages], { timeout: 600_000, shell });
}
