// Asks the probe process what GPUs there are. That it crashes, hangs or says nothing is an answer as well.

import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { packageRoot } from "../../root.js";
import type { AdapterReport, ListedAdapter } from "./adapters.js";
import type { ProbeEvent } from "./probe_process.js";

/** What there is to run on, and how fast it is. */
export interface ProbeResult {
  readonly adapters: readonly AdapterReport[];
  /** Only where an adapter is usable: its streaming read with all cores, GB/s (10^9 bytes). */
  readonly cpu?: { readonly bandwidthGbs: number; readonly threads: number } | undefined;
  /** What kept the probe from an end, or from finding anything. */
  readonly error?: string | undefined;
  /** What the drivers and Dawn said. */
  readonly said?: string | undefined;
}

export interface AskOptions {
  /** Overall; default: 10 seconds. */
  readonly limitMs?: number | undefined;
  /** The program that probes; default: the one of this package. */
  readonly program?: string | undefined;
  /** Measure software adapters, too, and call them usable. */
  readonly software?: boolean | undefined;
}

const program = `${packageRoot}dist/backends/webgpu/probe_process.js`;
const mostSaid = 4096;
/** In the environment of the probe process: an application whose execPath is not Node would start itself without end. */
const marker = "DEADLIFT_PROBE";

/** Never throws, and never takes longer than its limit. */
export async function askProbe(options: AskOptions = {}): Promise<ProbeResult> {
  if (process.env[marker]) return { adapters: [], error: "the probe of the GPU was started by itself" };
  const { limitMs = 10_000, software = false } = options;
  const asked = new Asked();
  const args = [options.program ?? program, String(limitMs), software ? "software" : ""];
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, args, {
      env: { ...process.env, [marker]: "1", ELECTRON_RUN_AS_NODE: "1" },
      stdio: ["ignore", "ignore", "pipe", "pipe"],
      windowsHide: true,
    });
  } catch (error) {
    return { adapters: [], error: `the probe of the GPU could not be started: ${(error as Error).message}` };
  }
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  try {
    return asked.result(await endOf(child, asked, limitMs));
  } finally {
    process.removeListener("exit", kill);
    // What hangs in a driver may outlive the signal; nothing waits for it.
    kill();
    child.unref();
    for (const stream of [child.stderr, child.stdio[3] as Readable | null]) stream?.destroy();
  }
}

/** What went wrong; undefined when it has said all. */
function endOf(child: ChildProcess, asked: Asked, limitMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const late = `the probe of the GPU had not ended after ${limitMs / 1000} seconds`;
    const timer = setTimeout(() => resolve(late), limitMs);
    const end = (error?: string) => {
      clearTimeout(timer);
      resolve(error);
    };
    child.on("error", (error) => end(`the probe of the GPU could not be started: ${error.message}`));
    child.on("close", (code, signal) => {
      if (signal) end(`the probe of the GPU ended with signal ${signal}`);
      else end(`the probe of the GPU ended with status ${code} and without an answer`);
    });
    child.stderr!.setEncoding("utf8").on("data", (text: string) => asked.says(text));
    const events = child.stdio[3] as Readable;
    events.on("error", () => {}); // "close" follows
    events.setEncoding("utf8").on("data", (text: string) => {
      if (asked.hears(text)) end();
    });
  });
}

/** What has been heard so far. */
class Asked {
  readonly #reports = new Map<string, AdapterReport>();
  #listed: readonly ListedAdapter[] = [];
  #opening: string | undefined;
  #cpu: ProbeResult["cpu"];
  #error: string | undefined;
  #said = "";
  #rest = "";

  says(text: string): void {
    this.#said = (this.#said + text).slice(0, mostSaid);
  }

  /** Whether that was the last of it. */
  hears(text: string): boolean {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!.slice(0, 1 << 20);
    return lines.some((line) => this.#take(line));
  }

  result(error: string | undefined): ProbeResult {
    const unheard = error && { usable: false, reason: error };
    const reason = this.#error ?? error;
    return {
      adapters: this.#listed.map((listed) => {
        const report = this.#reports.get(listed.name);
        if (report) return report;
        if (listed.name === this.#opening && unheard) return { ...listed, ...unheard };
        return { ...listed, usable: false, reason: `not looked at${reason ? `: ${reason}` : ""}` };
      }),
      cpu: this.#cpu,
      error: reason,
      said: this.#said.trim() || undefined,
    };
  }

  #take(line: string): boolean {
    let heard: ProbeEvent;
    try {
      heard = JSON.parse(line) as ProbeEvent;
    } catch {
      return false; // a driver's, not ours
    }
    switch (heard?.event) {
      case "found":
        this.#listed = heard.adapters.filter(isListed);
        break;
      case "opening":
        this.#opening = heard.name;
        break;
      case "adapter":
        if (isReport(heard.adapter)) this.#reports.set(heard.adapter.name, heard.adapter);
        break;
      case "cpu":
        if (heard.bandwidthGbs > 0) this.#cpu = { bandwidthGbs: heard.bandwidthGbs, threads: heard.threads };
        break;
      case "error":
        this.#error = String(heard.message);
        break;
      case "done":
        return true;
    }
    return false;
  }
}

function isListed(value: unknown): value is ListedAdapter {
  const { name, backends } = (value ?? {}) as Partial<ListedAdapter>;
  return typeof name === "string" && Array.isArray(backends);
}

/** What is usable has been measured. */
export function isReport(value: unknown): value is AdapterReport {
  if (!isListed(value)) return false;
  const { usable, facts, bandwidthGbs } = value as AdapterReport;
  return usable === false || (usable === true && typeof facts === "object" && Number(bandwidthGbs) > 0);
}
