// What the measuring processes of all peers share.

import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** Memory of this process beside mapped files, in MB; where the system does not tell, all that is resident. */
export function ownMb() {
  try {
    return Number(/RssAnon:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1000;
  } catch {
    return process.memoryUsage.rss() / 1e6;
  }
}

/** How late the event loop is: a monitor wakes every `resolution` ms. */
export class EventLoop {
  #resolution = 1;
  #monitor = monitorEventLoopDelay({ resolution: this.#resolution });

  constructor() {
    this.#monitor.enable();
  }

  restart() {
    this.#monitor.reset();
  }

  /** The delays since the start, in ms. */
  async delays() {
    await new Promise((resolve) => setTimeout(resolve, 10)); // a block at the very end is noticed only now
    const ms = (ns) => Number(Math.max(0, ns / 1e6 - this.#resolution).toFixed(2));
    return { p99: ms(this.#monitor.percentile(99)), max: ms(this.#monitor.max) };
  }
}

/** The same ids for everybody, others for each run and stream, so that no prefix is known yet. */
export function promptIds(count, run, stream) {
  return Array.from({ length: count }, (_, i) => ((i * 7919 + run * 104729 + stream * 1299709) % 31000) + 300);
}

/**
 * Tokens per second of all streams together. Decoding takes from the first stream's first token to the last one's last;
 * `spans` has both times of each.
 */
export function speeds({ streams, promptTokens, newTokens, prefillMs, spans }) {
  const first = Math.min(...spans.map((span) => span.first));
  const last = Math.max(...spans.map((span) => span.last));
  return {
    prefillTps: (1000 * streams * promptTokens) / prefillMs,
    decodeTps: (1000 * streams * (newTokens - 1)) / (last - first),
  };
}
