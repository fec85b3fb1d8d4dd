// What the measuring processes of all peers share.

import { readFileSync } from "node:fs";

/** Memory of this process beside mapped files, in MB; where the system does not tell, all that is resident. */
export function ownMb() {
  try {
    return Number(/RssAnon:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1000;
  } catch {
    return process.memoryUsage.rss() / 1e6;
  }
}

/** The same ids for everybody, others for each run and stream, so that no prefix is known yet. */
export function promptIds(count, run, stream) {
  return Array.from({ length: count }, (_, i) => ((i * 7919 + run * 104729 + stream * 1299709) % 31000) + 300);
}
