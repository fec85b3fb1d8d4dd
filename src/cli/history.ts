// What was typed into chats, across runs, in the user's state folder (XDG Base Directory Specification). Never in the way:
// where it cannot be read or written, there is none.

import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

function path(): string {
  const { XDG_STATE_HOME, LOCALAPPDATA } = process.env;
  const local = process.platform === "win32" ? LOCALAPPDATA : undefined;
  return join(XDG_STATE_HOME || local || join(homedir(), ".local", "state"), "deadlift", "history");
}

/** At most `count` lines, the latest first. A file that has grown to twice that is cut. */
export function readHistory(count: number): string[] {
  try {
    const lines = readFileSync(path(), "utf8").split("\n").filter(Boolean);
    const latest = lines.slice(-count);
    if (lines.length > 2 * count) writeFileSync(path(), `${latest.join("\n")}\n`, { mode: 0o600 });
    return latest.reverse();
  } catch {
    return [];
  }
}

/** Appends a line; readable by its writer only. */
export function remember(line: string): void {
  try {
    mkdirSync(dirname(path()), { recursive: true, mode: 0o700 });
    appendFileSync(path(), `${line}\n`, { mode: 0o600 });
  } catch {
    // A chat without history is still a chat.
  }
}
