// Runs once before the peers' suites: installs node-llama-cpp and transformers.js, or finds out why that cannot be.

import type { TestProject } from "vitest/node";
import { installLlama, installTransformers } from "../../bench/peers/install.mjs";

export interface Peer {
  /** Where node_modules has it. */
  folder?: string;
  /** Why it is not there. */
  missing?: string;
}

declare module "vitest" {
  interface ProvidedContext {
    llama: Peer;
    transformers: Peer;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  project.provide("llama", await peer("node-llama-cpp", installLlama));
  project.provide("transformers", await peer("transformers.js", installTransformers));
}

async function peer(name: string, install: () => Promise<string>): Promise<Peer> {
  const found = await install().then(
    (folder): Peer => ({ folder }),
    (error): Peer => ({ missing: `${name} could not be installed: ${lastLine(error)}` }),
  );
  if (found.missing) console.warn(`suites against ${name} are skipped: ${found.missing}`);
  return found;
}

/** What npm said last. */
function lastLine(error: Error & { stderr?: string }): string {
  return (error.stderr || error.message).trim().split("\n").at(-1)!;
}
