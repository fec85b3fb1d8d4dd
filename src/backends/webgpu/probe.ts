// What GPUs this machine has and how fast they are: measured once, and remembered in a file until something changes.

import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism, cpus, release } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../root.js";
import { type AskOptions, askProbe, isReport, type ProbeResult } from "./ask_probe.js";
import { driverPlaces } from "./driver_places.js";

export type { ProbeResult };

export interface ProbeOptions extends AskOptions {
  /** Where the answer is kept; default: nowhere. */
  readonly folder?: string | undefined;
  /** Ask again, whatever is known. */
  readonly fresh?: boolean | undefined;
  /** Files and folders whose change is a change of drivers; default: those of the system. */
  readonly places?: readonly string[] | undefined;
}

/** Counts up when the same machine would give another answer. */
const version = 1;
const dayMs = 24 * 60 * 60 * 1000;
/** A card may have grown slower or faster by what nobody here sees. */
const longestMs = 30 * dayMs;
/** Without a usable GPU: whoever repairs that should not have to know about a file. */
const longestFailureMs = dayMs;
const filePattern = /^gpu-[0-9a-f]{16}\.json$/;

/** Answers being found in this process, so that models loaded at once do not measure each other. */
const asking = new Map<string, Promise<ProbeResult>>();

/** Never throws. Takes about a second where nothing is known yet, and milliseconds else. */
export async function probe(options: ProbeOptions = {}): Promise<ProbeResult> {
  const key = await keyOf(options);
  const path = options.folder && join(options.folder, `gpu-${key}.json`);
  if (!options.fresh && path) {
    const known = await recall(path);
    if (known) return known;
  }
  const id = `${path} ${key}`;
  const pending = asking.get(id) ?? ask(path, options);
  asking.set(id, pending);
  return pending.finally(() => asking.delete(id));
}

async function ask(path: string | undefined, options: ProbeOptions): Promise<ProbeResult> {
  const result = await askProbe(options);
  // An answer that cannot be kept is still one.
  if (path) await keep(path, result).catch(() => {});
  return result;
}

/** What a kept answer holds for. */
async function keyOf({ places = driverPlaces(), software, program }: ProbeOptions): Promise<string> {
  const drivers = await Promise.all(places.map(stateOf));
  const { model } = cpus()[0] ?? { model: "" };
  const known = [
    ...[version, await versionIn(join(packageRoot, "package.json")), await webgpuVersion()],
    ...[process.platform, process.arch, release(), model, availableParallelism()],
    ...[software, program, drivers],
    ...Object.entries(process.env)
      .filter(([name]) => driverVariable.test(name))
      .sort(),
  ];
  return createHash("sha256").update(JSON.stringify(known)).digest("hex").slice(0, 16);
}

/** Variables that choose drivers: of the Vulkan loader, Mesa, Dawn, NVIDIA's containers and the dynamic linker. */
const driverVariable = /^(VK_|MESA_VK_|DRI_PRIME|DAWNNODE_|NVIDIA_|LD_LIBRARY_PATH$|LD_PRELOAD$)/;

/** What tells one state of a place from another. Devices, and all below /sys, are made anew at every start of the system. */
async function stateOf(place: string): Promise<unknown> {
  const found = await stat(place).catch(() => undefined);
  if (!found) return [place];
  if (found.isDirectory()) {
    const names = await readdir(place).catch((): string[] => []);
    return [place, ...(await Promise.all(names.sort().map((name) => stateOf(join(place, name)))))];
  }
  if (place.startsWith("/sys/")) return [place, await readFile(place, "utf8").catch(() => "")];
  return [place, found.isFile() && [found.size, found.mtimeMs]];
}

async function webgpuVersion(): Promise<string | undefined> {
  try {
    return await versionIn(createRequire(import.meta.url).resolve("webgpu/package.json"));
  } catch {
    return undefined;
  }
}

async function versionIn(path: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch(() => "{}");
  return (JSON.parse(text) as { version?: string }).version;
}

/** undefined for none, an old one, or one that makes no sense. */
async function recall(path: string): Promise<ProbeResult | undefined> {
  try {
    const { at, result } = JSON.parse(await readFile(path, "utf8")) as { at: number; result: ProbeResult };
    const age = Date.now() - at;
    if (!Array.isArray(result.adapters) || !result.adapters.every(isReport)) return undefined;
    return age >= 0 && age < longest(result) ? result : undefined;
  } catch {
    return undefined;
  }
}

function longest({ adapters, error }: ProbeResult): number {
  return error || !adapters.some(({ usable }) => usable) ? longestFailureMs : longestMs;
}

async function keep(path: string, result: ProbeResult): Promise<void> {
  const folder = join(path, "..");
  await mkdir(folder, { recursive: true });
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await writeFile(temporary, `${JSON.stringify({ at: Date.now(), result })}\n`, { flag: "wx" });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await sweep(folder);
}

/** Answers of machines and drivers that are no more. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!filePattern.test(name)) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > longestMs) await rm(path, { force: true });
  }
}
