// The GPUs of this machine, for `auto` and for `deadlift doctor`: found and measured once, and kept beside the Hub's cache.

import { dirname, join } from "node:path";
import { chooseFaster } from "./backends/webgpu/choose.js";
import { type GpuSigns, gpuSigns, hasGpuDevice } from "./backends/webgpu/driver_places.js";
import { type ProbeResult, probe } from "./backends/webgpu/probe.js";
import { adviseOnGpu } from "./gpu_advice.js";
import { type HubOptions, hubSettings } from "./hub/settings.js";

export type GpuAdapter = ProbeResult["adapters"][number];

/** What `deadlift doctor` says about GPUs. */
export interface GpuInfo {
  /** Whether `auto` may take one. */
  readonly available: boolean;
  /** When it does, or why it never does. */
  readonly reason: string;
  readonly adapters: readonly GpuAdapter[];
  /** Streaming read that GPUs are compared with, GB/s (10^9 bytes); undefined where there is nothing to compare. */
  readonly cpuBandwidthGbs: number | undefined;
  /** What kept the probe from an end, or from finding anything. */
  readonly error: string | undefined;
  readonly problems: readonly { readonly problem: string; readonly advice: string }[];
}

/** Of the model that explains what `auto` does: one of 8 billion weights in 4 bits. */
const usualBytes = 4.5e9;

/**
 * What there is and how fast it is: where devices are and nothing is known of them yet, a process of its own finds out in a
 * second. Never throws.
 */
export async function probeGpus(options: Pick<HubOptions, "cacheDir"> = {}): Promise<ProbeResult> {
  if (!hasGpuDevice()) return { adapters: [], error: "this machine has no GPU, or this process may not reach it" };
  return probe({ folder: folderFor(options) });
}

/** Looks anew, whatever is known: takes about a second. Never throws. */
export async function gpuInfo(): Promise<GpuInfo> {
  const folder = hasGpuDevice() ? folderFor({}) : undefined; // else nobody would read it
  return describeGpus(await probe({ folder, fresh: true }), gpuSigns());
}

export function describeGpus(result: ProbeResult, signs: GpuSigns): GpuInfo {
  const { adapters, cpu, error } = result;
  const { device, reason } = chooseFaster({ weightBytes: usualBytes }, result);
  const available = adapters.some(({ usable }) => usable);
  const taken = `"auto" takes ${device === "cpu" ? "the CPU" : device} for a model of ${usualBytes / 1e9} GB`;
  return {
    available,
    reason: available ? `${taken}; ${reason}` : reason,
    adapters,
    cpuBandwidthGbs: cpu?.bandwidthGbs,
    error,
    problems: adviseOnGpu(result, signs),
  };
}

/** undefined where the environment's settings for the Hub contradict themselves: others complain about that. */
function folderFor({ cacheDir }: Pick<HubOptions, "cacheDir">): string | undefined {
  try {
    const settings = hubSettings({ ...(cacheDir !== undefined && { cacheDir }), token: false });
    return join(dirname(settings.cacheDir), "deadlift");
  } catch {
    return undefined;
  }
}
