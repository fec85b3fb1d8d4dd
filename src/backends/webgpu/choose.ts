// Where a model runs under `auto`: on the GPU or the CPU, by what each is expected to take for a token.

import type { AdapterReport } from "./adapters.js";
import type { ProbeResult } from "./ask_probe.js";

/** What a model asks of a device. */
export interface Demand {
  /** All that is read for a token: of mixtures, the experts it takes. */
  readonly weightBytes: number;
  /** All that must lie on the device, with the KV cache; default: weightBytes. */
  readonly residentBytes?: number | undefined;
  /** Multiplications and additions for a token; default: what memory gives decides alone. */
  readonly flops?: number | undefined;
  /** What the CPU does with the threads wanted; default: what the probe measured. */
  readonly cpu?: { readonly bandwidthGbs: number } | undefined;
}

export interface Choice {
  /** "cpu", or the name of an adapter, for Device.open. */
  readonly device: string;
  /** A sentence for people. */
  readonly reason: string;
}

/** Encoding a step of some hundred dispatches, submitting it and reading a few numbers back, on the thread that does it. */
const stepMs = 1.5;
/** A model's kernels reach less of what a plain read reaches than those of the CPU do: a GPU must promise so much more. */
const margin = 1.25;

/** The rest is the system's, other programs' and the activations'. */
const shareOfMemory = 0.9;

/** The faster of what may be used and has room, and the CPU in doubt. Never a software adapter. */
export function chooseFaster(demand: Demand, { adapters, cpu, error }: ProbeResult): Choice {
  const onCpu = (reason: string) => ({ device: "cpu", reason });
  const usable = adapters.filter(({ usable, facts }) => usable && !facts?.software);
  if (usable.length === 0) return onCpu(whyNone(adapters, error));
  const { weightBytes, residentBytes = weightBytes } = demand;
  const roomy = usable.filter(({ memory }) => memory === undefined || residentBytes <= memory * shareOfMemory);
  if (roomy.length === 0) return onCpu(`it takes ${inGb(residentBytes)}, and ${usable.map(roomOf).join(", ")}`);
  const bandwidthGbs = demand.cpu?.bandwidthGbs ?? cpu?.bandwidthGbs;
  if (!bandwidthGbs) return onCpu(error ?? "the CPU's memory was not measured");
  const cpuMs = weightBytes / bandwidthGbs / 1e6;
  const timed = roomy.map((one) => ({ ...one, ms: tokenMs(demand, one) }));
  const best = timed.reduce((a, b) => (b.ms < a.ms ? b : a));
  const reason = `expected for a token: ${inMs(best.ms)} on ${best.name}, ${inMs(cpuMs)} on the CPU`;
  if (best.ms >= cpuMs) return onCpu(reason);
  return { device: best.name, reason: best.memory ? reason : `${reason}; how much memory it has is not known` };
}

function tokenMs({ weightBytes, flops = 0 }: Demand, { bandwidthGbs, tflops }: AdapterReport): number {
  return stepMs + margin * Math.max(weightBytes / bandwidthGbs! / 1e6, tflops ? flops / tflops / 1e9 : 0);
}

function whyNone(adapters: ProbeResult["adapters"], error: string | undefined): string {
  if (adapters.length === 0) return error ?? "there is no GPU adapter";
  return adapters.map(({ name, reason }) => `${name}: ${reason ?? "software"}`).join("; ");
}

function roomOf({ name, memory }: AdapterReport): string {
  return `${name} has ${inGb(memory!)}`;
}

function inGb(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function inMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
