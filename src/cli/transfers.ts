// What the events of a download add up to: the files on their way, and all of it.

import type { DownloadProgress } from "../index.js";
import type { BarFacts } from "./bar_line.js";
import { oneLine, plural } from "./output.js";
import { Rate } from "./rate.js";

interface Transfer {
  progress: DownloadProgress;
  readonly rate: Rate;
}

const REMARKS: Partial<Record<DownloadProgress["stage"], string>> = {
  wait: "waiting", // another process downloads it
  verify: "checking",
};

export class Transfers {
  /** The latest event. */
  latest: DownloadProgress | undefined;
  readonly #running = new Map<string, Transfer>();

  add(progress: DownloadProgress): void {
    const { file, stage, fileBytes } = progress;
    this.latest = progress;
    if (file === undefined) return;
    if (stage === "done") {
      this.#running.delete(file);
      return;
    }
    const transfer = this.#running.get(file) ?? { progress, rate: new Rate() };
    transfer.progress = progress;
    transfer.rate.add(fileBytes, performance.now());
    this.#running.set(file, transfer);
  }

  isRunning(file: string): boolean {
    return this.#running.has(file);
  }

  get isComplete(): boolean {
    return this.latest !== undefined && this.latest.files === this.latest.totalFiles;
  }

  get running(): BarFacts[] {
    return [...this.#running].map(([name, { progress, rate }]) => ({
      name: oneLine(name),
      done: progress.fileBytes,
      total: progress.fileSize,
      bytesPerSecond: rate.perSecond(performance.now()),
      remark: REMARKS[progress.stage],
    }));
  }

  get all(): BarFacts {
    const { repo = "", files = 0, totalFiles = 0, bytes = 0, totalBytes = 0, bytesPerSecond = 0 } = this.latest ?? {};
    return {
      name: oneLine(repo),
      count: `  ${files}/${plural(totalFiles, "file")}`,
      ...{ done: bytes, total: totalBytes, bytesPerSecond },
    };
  }
}
