// Runs once before the peers' suites: installs node-llama-cpp, or finds out why that cannot be.

import type { TestProject } from "vitest/node";
import { installLlama } from "../../bench/peers/install.mjs";

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

export default async function setup(project: TestProject): Promise<void> {
  const llama = await installLlama().then(
    (folder): Peer => ({ folder }),
    (error): Peer => ({ missing: `node-llama-cpp could not be installed: ${lastLine(error)}` }),
  );
  if (llama.missing) console.warn(`suites against llama.cpp are skipped: ${llama.missing}`);
  project.provide("llama", llama);
}

/** What npm said last. */
function lastLine(error: Error & { stderr?: string }): string {
  return (error.stderr || error.message).trim().split("\n").at(-1)!;
}
