// Programs in the place of the one that probes: they say what a test wants, or crash.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { AdapterReport } from "../../src/backends/webgpu/adapters.js";
import { gpu } from "./reports.js";

export const folder = mkdtempSync(join(tmpdir(), "deadlift-probe-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tell =
  'import { appendFileSync, writeSync } from "node:fs"; const tell = (e) => writeSync(3, JSON.stringify(e) + "\\n");';
export const found = (...adapters: AdapterReport[]) =>
  `tell({ event: "found", adapters: ${JSON.stringify(adapters.map(({ name, backends }) => ({ name, backends })))} });`;
export const examined = (adapter: AdapterReport) =>
  `tell({ event: "opening", name: ${JSON.stringify(adapter.name)} }); tell({ event: "adapter", adapter: ${JSON.stringify(adapter)} });`;
export const done = 'tell({ event: "done" });';
export const fast = gpu({ name: "Fast One", bandwidthGbs: 1000 });
export const slow = gpu({ name: "Slow One", bandwidthGbs: 100 });

let count = 0;
/** A program in the place of the probe's. */
export function program(...lines: string[]): string {
  const path = join(folder, `program${++count}.mjs`);
  writeFileSync(path, [tell, ...lines].join("\n"));
  return path;
}
