// The process that looks for GPUs, so that a driver that crashes or hangs ends only this one. Writes events to descriptor 3.

import { writeSync } from "node:fs";
import { CpuBackend } from "../cpu.js";
import { type AdapterReport, examine, type ListedAdapter, listAdapters } from "./adapters.js";

/** One line of JSON each. */
export type ProbeEvent =
  | { readonly event: "found"; readonly adapters: readonly ListedAdapter[] }
  | { readonly event: "opening"; readonly name: string }
  | { readonly event: "adapter"; readonly adapter: AdapterReport }
  | { readonly event: "cpu"; readonly bandwidthGbs: number; readonly threads: number }
  | { readonly event: "error"; readonly message: string }
  | { readonly event: "done" };

const cpuBytes = 256 * 2 ** 20;

function tell(event: ProbeEvent): void {
  writeSync(3, `${JSON.stringify(event)}\n`);
}

async function main(software: boolean): Promise<void> {
  const found = await listAdapters();
  tell({ event: "found", adapters: found });
  let usable = false;
  for (const listed of found) {
    tell({ event: "opening", name: listed.name });
    const adapter = await examine(listed, { software });
    usable ||= adapter.usable;
    tell({ event: "adapter", adapter });
  }
  // Without a GPU there is nothing to compare the CPU with.
  if (usable) await measureCpu();
}

async function measureCpu(): Promise<void> {
  const backend = new CpuBackend();
  const bandwidthGbs = await backend.bandwidth(cpuBytes);
  tell({ event: "cpu", bandwidthGbs, threads: backend.threads });
  await backend.dispose();
}

// Whoever started this may be gone: it never outlives its time by more than a driver that hangs in a call.
const [limitMs = "10000", software = ""] = process.argv.slice(2);
setTimeout(() => process.exit(1), Number(limitMs)).unref();
main(software === "software")
  .catch((error: Error) => tell({ event: "error", message: error.message }))
  .finally(() => {
    tell({ event: "done" });
    process.exit(0);
  });
