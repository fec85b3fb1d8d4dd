// The version of deadlift, from its own package.json.

import { existsSync, readFileSync } from "node:fs";
import { DeadliftError } from "../error.js";

let known: string | undefined;

/** "1.2.3". Throws Internal for a broken installation. */
export function deadliftVersion(): string {
  known ??= readVersion();
  return known;
}

function readVersion(): string {
  // One folder up from dist/index.cjs (all in one file), two from dist/hub/.
  for (const path of ["../package.json", "../../package.json"]) {
    const url = new URL(path, import.meta.url);
    if (!existsSync(url)) continue;
    const { name, version } = JSON.parse(readFileSync(url, "utf8"));
    if (name === "deadlift") return version;
  }
  throw new DeadliftError("Internal", "the package.json of deadlift is missing; install deadlift again");
}
