// What this machine has, for `deadlift doctor` and for plans of memory.

import { existsSync } from "node:fs";
import { freemem, totalmem } from "node:os";
import { type HubSettings, hubSettings } from "./hub/settings.js";
import { deadliftVersion } from "./hub/version.js";
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
  /** The Hugging Face cache, shared with Python. */
  readonly cache: { readonly path: string; readonly exists: boolean };
  /** undefined when the environment's settings for the Hub contradict themselves: see `problems`. */
  readonly hub:
    | {
        readonly endpoint: string;
        readonly offline: boolean;
        /** Which variable or file an access token comes from; source undefined: there is none. */
        readonly token: { readonly source: HubSettings["tokenSource"]; readonly path: string };
      }
    | undefined;
  readonly problems: readonly { readonly problem: string; readonly advice: string }[];
}

/** All but GPUs: finding those takes a process and a second, and is gpuInfo's. */
export function machineInfo(): MachineInfo {
  const { cpu, error } = probeCpu();
  const forced = process.env.DEADLIFT_ISA || undefined;
  const { settings, problems } = probeHub();
  const cachePath = settings?.cacheDir ?? "";
  return {
    deadlift: deadliftVersion(),
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    cpu,
    isa: forced && cpu?.isas.includes(forced) ? forced : cpu?.isas.at(-1),
    memory: { total: totalmem(), available: availableMemory() },
    addon: { loaded: cpu !== undefined, error },
    cache: { path: cachePath, exists: existsSync(cachePath) },
    hub: settings && {
      endpoint: settings.endpoint,
      offline: settings.offline,
      token: { source: settings.tokenSource, path: settings.tokenPath },
    },
    problems: [...nodeProblems(), ...findProblems(cpu, error, forced), ...problems],
  };
}

function probeHub(): { settings: HubSettings | undefined; problems: { problem: string; advice: string }[] } {
  try {
    return { settings: hubSettings(), problems: [] };
  } catch (error) {
    const advice = "correct the variable or file it names; nothing can be loaded from the Hub before";
    return { settings: undefined, problems: [{ problem: (error as Error).message, advice }] };
  }
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

/** As `engines` of package.json has it. */
export function nodeProblems(version = process.versions.node): { problem: string; advice: string }[] {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if ((major === 20 && minor >= 17) || (major === 22 && minor >= 9) || major > 22) return [];
  return [{ problem: `Node ${version} is not supported`, advice: "install Node 20.17, 22.9, or what is newer" }];
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
      advice: "expect low speed; x86-64 with AVX2 or AVX-512 and ARM64 are supported, but for ARM64 on Windows",
    });
  }
  return problems;
}
