// How much memory a GPU has, asked of its driver's own tools: WebGPU does not tell.

import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { AdapterFacts } from "./device.js";

/** What Metal recommends to use of memory that the CPU shares; more may be taken, and is then swapped. */
const shareOfUnified = 0.75;
const patienceMs = 3000;

/** Bytes; undefined where nobody tells. `name` is the adapter's. */
export async function adapterMemory(name: string, { vendor }: AdapterFacts): Promise<number | undefined> {
  if (process.platform === "darwin" && process.arch === "arm64") return totalmem() * shareOfUnified;
  if (vendor === "nvidia") return nvidiaMemory(name);
  if (vendor === "amd") return amdMemory();
  return undefined;
}

async function nvidiaMemory(name: string): Promise<number | undefined> {
  const ask = ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"];
  const answer = await promisify(execFile)("nvidia-smi", ask, { timeout: patienceMs, windowsHide: true }).catch(
    () => undefined,
  );
  return answer && memoryOf(name, answer.stdout);
}

/** From lines of "NAME, MiB": the least of those of this name, and of all where none has it. */
export function memoryOf(name: string, listing: string): number | undefined {
  const cards = [...listing.matchAll(/^(.+), *(\d+)\s*$/gm)].map(([, card, mib]) => ({
    card,
    bytes: Number(mib) * 2 ** 20,
  }));
  const same = cards.filter(({ card }) => card === name);
  const sizes = (same.length > 0 ? same : cards).map(({ bytes }) => bytes);
  return sizes.length > 0 ? Math.min(...sizes) : undefined;
}

/** The card's of a machine with one; of several nobody says which is which. */
async function amdMemory(root = "/sys/class/drm"): Promise<number | undefined> {
  const cards = (await readdir(root).catch(() => [])).filter((name) => /^card\d+$/.test(name));
  const read = (card: string) => readFile(join(root, card, "device/mem_info_vram_total"), "utf8").catch(() => "");
  const sizes = (await Promise.all(cards.map(read))).filter(Boolean).map(Number);
  return sizes.length === 1 && sizes[0]! > 0 ? sizes[0] : undefined;
}
