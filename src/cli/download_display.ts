// What people see of a download on standard error: bars at a terminal, a line now and then elsewhere.

import { type DownloadProgress, hubSettings } from "../index.js";
import { Bars } from "./bars.js";
import { interruption, sayWhenInterrupted } from "./interruption.js";
import { bytes, bytesOf, clock, notice, oneLine, plural } from "./output.js";
import { Progress } from "./progress.js";
import { Transfers } from "./transfers.js";

export interface DownloadDisplay {
  show(progress: DownloadProgress): void;
  /** Takes off the screen what does not stay there. */
  stop(): void;
}

/**
 * Respects HF_HUB_DISABLE_PROGRESS_BARS. `quiet`: nothing but bars, for those who read JSON and expect nothing beside it.
 */
export function downloadDisplay(quiet: boolean): DownloadDisplay {
  const display = displayFor(quiet);
  return {
    show(progress) {
      if (progress.bytes < progress.totalBytes) sayWhenInterrupted("stopped; the same command goes on from here");
      display.show(progress);
    },
    stop() {
      if (!interruption.aborted) sayWhenInterrupted(undefined);
      display.stop();
    },
  };
}

function displayFor(quiet: boolean): DownloadDisplay {
  if (!hubSettings().progressBars) return { show() {}, stop() {} };
  if (process.stderr.isTTY && process.env.TERM !== "dumb") return new BarDisplay();
  return quiet ? { show() {}, stop() {} } : new LineDisplay();
}

/** A spinner until it is known how much there is to do, then bars. */
class BarDisplay implements DownloadDisplay {
  readonly #transfers = new Transfers();
  readonly #spinner = new Progress("asking the Hub");
  #bars: Bars | undefined;

  show(progress: DownloadProgress): void {
    this.#transfers.add(progress);
    if (this.#bars || progress.bytes >= progress.totalBytes) return;
    this.#spinner.stop();
    this.#bars = new Bars(() => ({ total: this.#transfers.all, files: this.#transfers.running }));
  }

  stop(): void {
    this.#spinner.stop();
    this.#bars?.stop();
    this.#bars = undefined;
  }
}

const LINE_INTERVAL = 10_000; // ms

/** For logs: a line for each file that came, and now and then how far it is. */
class LineDisplay implements DownloadDisplay {
  readonly #transfers = new Transfers();
  readonly #waiting = new Set<string>();
  readonly #timer = setInterval(() => this.#sayState(), LINE_INTERVAL).unref();
  #arrived = 0;

  show(progress: DownloadProgress): void {
    const { file, stage, fileSize } = progress;
    const hasArrived = stage === "done" && file !== undefined && this.#transfers.isRunning(file);
    this.#transfers.add(progress);
    if (hasArrived) {
      this.#arrived++;
      notice(`downloaded ${oneLine(file)} (${bytes(fileSize)})`);
    } else if (stage === "wait" && file !== undefined && !this.#waiting.has(file)) {
      this.#waiting.add(file);
      notice(`waiting for another process, which downloads ${oneLine(file)}`);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    if (this.#transfers.isComplete && this.#arrived > 0) this.#sayState();
  }

  #sayState(): void {
    const { latest } = this.#transfers;
    if (latest && latest.totalFiles > 0) notice(stateOf(latest));
  }
}

/** "org/name: 3 of 12 files, 1.20/14.9 GB (8 %), 146 MB/s, 1:34 left". */
function stateOf(progress: DownloadProgress): string {
  const { repo, bytes: done, totalBytes, files, totalFiles, bytesPerSecond, etaMs } = progress;
  const share = totalBytes > 0 ? Math.floor((100 * done) / totalBytes) : 100;
  const facts = [`${files} of ${plural(totalFiles, "file")}`, `${bytesOf(done, totalBytes)} (${share} %)`];
  if (files < totalFiles) {
    facts.push(`${bytes(Math.round(bytesPerSecond))}/s`);
    if (etaMs !== undefined) facts.push(`${clock(etaMs)} left`);
  }
  return `${oneLine(repo)}: ${facts.join(", ")}`;
}
