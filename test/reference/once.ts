// Fills a folder once, whatever number of processes want it: installations that suites share.

import { existsSync } from "node:fs";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Runs `fill` unless it has succeeded before, here or in another process; others wait meanwhile. */
export async function once(folder: string, fill: () => Promise<void>): Promise<void> {
  await mkdir(folder, { recursive: true });
  const ready = join(folder, "ready");
  await alone(join(folder, "lock"), async () => {
    if (existsSync(ready)) return;
    await fill();
    await writeFile(ready, "");
  });
}

/** What a command that failed said last. */
export function lastLine(error: unknown): string {
  const text = (error as { stderr?: string }).stderr || String(error);
  return text.trim().split("\n").at(-1)!;
}

/** Runs `work` while no other process does; a lock whose owner has died is taken over. */
async function alone<T>(path: string, work: () => Promise<T>): Promise<T> {
  for (;;) {
    const file = await open(path, "wx").catch(() => undefined);
    if (file) {
      await file.writeFile(String(process.pid));
      await file.close();
      break;
    }
    const owner = Number(await readFile(path, "utf8").catch(() => ""));
    if (owner > 0 && !alive(owner)) await rm(path, { force: true });
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
