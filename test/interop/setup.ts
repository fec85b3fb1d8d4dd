// Runs once before the interop suites: prepares the Python environments and hands them to the suites.

import type { TestProject } from "vitest/node";
import { type Environments, prepareEnvironments } from "./environments.js";

declare module "vitest" {
  interface ProvidedContext {
    environments: Environments;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  const environments = await prepareEnvironments();
  if (environments.missing) console.warn(`interop suites are skipped: ${environments.missing}`);
  project.provide("environments", environments);
}
