// A folder of files for one test, removed after it.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/** Writes `files` (name to bytes, text, or an object as JSON) into a new folder and returns its path. */
export function tempFolder(files: Readonly<Record<string, Uint8Array | string | object>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "deadlift-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    const raw = typeof content === "string" || content instanceof Uint8Array;
    writeFileSync(path, raw ? content : JSON.stringify(content));
  }
  return folder;
}
