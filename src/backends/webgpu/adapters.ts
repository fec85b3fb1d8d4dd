// Every GPU adapter of this machine: what it can do, how fast it is, and whether `auto` may take it. Drivers may crash in it.

import { DeadliftError } from "../../error.js";
import { adapterMemory } from "./adapter_memory.js";
import { type AdapterFacts, Device } from "./device.js";
import { measure, type Speed } from "./measure.js";

/** An adapter as it was found. */
export interface AdapterReport {
  /** By which Device.open finds it. */
  readonly name: string;
  /** Through which it can be reached: "vulkan", "metal", "d3d12" ... */
  readonly backends: readonly string[];
  /** undefined where it could not be opened. */
  readonly facts?: AdapterFacts | undefined;
  /** undefined where it was not measured. */
  readonly bandwidthGbs?: number | undefined;
  readonly tflops?: number | undefined;
  /** Bytes; undefined where nobody tells. */
  readonly memory?: number | undefined;
  /** Whether `auto` may take it, where it is faster. */
  readonly usable: boolean;
  /** Why not. */
  readonly reason?: string | undefined;
}

export interface ListedAdapter {
  readonly name: string;
  readonly backends: readonly string[];
}

export interface ExamineOptions {
  /** Software adapters are measured, too, and count as usable: only tests want that. */
  readonly software?: boolean | undefined;
}

/** Part of the name of no adapter: Dawn then names all there are. */
const nobody = "<none>";
const listing = /^ \* backend: '([^']*)', name: '(.*)'/gm;

/** By name, in the order of the system. Throws GpuUnavailable: webgpu cannot be loaded, or there is no driver. */
export async function listAdapters(): Promise<ListedAdapter[]> {
  let message = "";
  try {
    const device = await Device.open({ adapter: nobody });
    await device.destroy();
  } catch (error) {
    // With a cause: not Dawn's answer, but what kept it from being asked.
    if (!(error instanceof DeadliftError) || error.cause) throw error;
    message = error.message;
  }
  const backends = new Map<string, string[]>();
  for (const [, backend, name] of message.matchAll(listing)) {
    backends.set(name!, [...(backends.get(name!) ?? []), backend!]);
  }
  if (backends.size > 0) return [...backends].map(([name, backends]) => ({ name, backends: [...new Set(backends)] }));
  throw new DeadliftError("GpuUnavailable", "the system has no GPU driver that Dawn can use");
}

/** Opens an adapter, and measures it unless it is software. Never throws: what goes wrong is the answer. */
export async function examine(
  listed: ListedAdapter,
  { software = false }: ExamineOptions = {},
): Promise<AdapterReport> {
  let facts: AdapterFacts | undefined;
  let measured: (Speed & { memory: number | undefined }) | undefined;
  let reason: string | undefined;
  try {
    const device = await Device.open({ adapter: listed.name });
    try {
      facts = device.facts;
      if (facts.software && !software)
        reason = "a program on the CPU that looks like a GPU: slower than the CPU itself";
      else measured = { ...(await measure(device)), memory: await adapterMemory(listed.name, facts) };
    } finally {
      await device.destroy();
    }
  } catch (error) {
    reason = (error as Error).message;
  }
  return { ...listed, facts, ...measured, usable: reason === undefined, reason };
}
