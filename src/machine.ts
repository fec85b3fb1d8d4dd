// What this machine has, for `deadlift doctor` and for plans of memory.

import { existsSync, readFileSync } from "node:fs";
import { freemem, homedir, totalmem } from "node:os";
import { join } from "node:path";
import { type CpuInfo, native } from "./native.js";

export interface MachineInfo {
  /** Version of deadlift. */
  readonly deadlift: string;
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  /** undefined when the addon cannot be loaded. */
  readonly cpu: CpuInfo | undefined;
  /** Instruction set that runs by default (DEADLIFT_ISA respected). */
  readonly isa: string | undefined;
  /** Bytes. */
  readonly memory: { readonly total: number; readonly available: number };
  readonly addon: { readonly loaded: boolean; readonly error: string | undefined };
  readonly gpu: { readonly available: boolean; readonly reason: string };
  /** The Hugging Face cache, shared with Python. */
  readonly cache: { readonly path: string; readonly exists: boolean };
  readonly problems: readonly { readonly problem: string; readonly advice: string }[];
}

export function machineInfo(): MachineInfo {
  const { cpu, error } = probeCpu();
  const forced = process.env.DEADLIFT_ISA || undefined;
  const cachePath = hubCachePath();
  return {
    deadlift: JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version,
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    cpu,
    isa: forced && cpu?.isas.includes(forced) ? forced : cpu?.isas.at(-1),
    memory: { total: totalmem(), available: availableMemory() },
    addon: { loaded: cpu !== undefined, error },
    gpu: { available: false, reason: "this version of deadlift runs on the CPU only" },
    cache: { path: cachePath, exists: existsSync(cachePath) },
    problems: findProblems(cpu, error, forced),
  };
}

/** Bytes that can be taken without swapping; page cache counts as free. */
export function availableMemory(): number {
  return process.availableMemory?.() ?? freemem();
}

function probeCpu(): { cpu: CpuInfo | undefined; error: string | undefined } {
  try {
    return { cpu: native().cpuInfo(), error: undefined };
  } catch (error) {
    return { cpu: undefined, error: (error as Error).message };
  }
}

function findProblems(cpu: CpuInfo | undefined, error: string | undefined, forced: string | undefined) {
  const problems: { problem: string; advice: string }[] = [];
  if (error) problems.push({ problem: error, advice: "build the native addon: npm run build" });
  if (cpu && forced && !cpu.isas.includes(forced)) {
    problems.push({
      problem: `DEADLIFT_ISA=${forced} is not available here`,
      advice: `set it to one of ${cpu.isas.join(", ")}, or unset it`,
    });
  }
  if (cpu?.isas.length === 1) {
    problems.push({
      problem: `no vectorised kernels for this ${process.arch} machine: only the scalar ones run`,
      advice: "expect low speed; x86-64 with AVX2 or AVX-512 is supported",
    });
  }
  return problems;
}

/** HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else ~/.cache. */
function hubCachePath(): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = process.env;
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  return HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || join(home, "hub");
}
