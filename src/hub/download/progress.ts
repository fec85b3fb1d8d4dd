// How far a download is, for people and programs: events of a file at most ten times a second, and the exact last one.

/** One event. Bytes count what was in the cache before. */
export interface DownloadProgress {
  readonly stage: "resolve" | "wait" | "download" | "verify" | "done";
  readonly repo: string;
  /** The file that this event is about; undefined when it is about all of them. */
  readonly file: string | undefined;
  readonly fileBytes: number;
  readonly fileSize: number;
  readonly bytes: number;
  readonly totalBytes: number;
  /** Files that are complete. */
  readonly files: number;
  readonly totalFiles: number;
  /** Over the last seconds; 0 while nothing is known. */
  readonly bytesPerSecond: number;
  readonly etaMs: number | undefined;
}

type Stage = DownloadProgress["stage"];

const intervalMs = 100;
const windowMs = 5000;

interface FileState {
  readonly size: number;
  bytes: number;
  done: boolean;
  lastEvent: number;
}

/** Counts bytes of all files. `now` in milliseconds is for tests. */
export class ProgressMeter {
  readonly #files = new Map<string, FileState>();
  readonly #samples: { at: number; received: number }[] = [];
  #bytes = 0;
  #totalBytes = 0;
  #doneFiles = 0;
  #received = 0;

  constructor(
    private readonly repo: string,
    private readonly onProgress: ((progress: DownloadProgress) => void) | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Bytes that came from the network, those that had to come twice included. */
  get received(): number {
    return this.#received;
  }

  /** Before it begins: a file, and what of it is here. */
  add(file: string, size: number, bytes: number): void {
    if (this.#files.has(file)) return;
    this.#files.set(file, { size, bytes, done: false, lastEvent: Number.NEGATIVE_INFINITY });
    this.#bytes += bytes;
    this.#totalBytes += size;
  }

  stage(stage: Stage, file?: string): void {
    this.#emit(stage, file);
  }

  /** So many bytes of a file came; fewer than none when some have to come again. */
  advance(file: string, bytes: number): void {
    const state = this.#files.get(file);
    if (!state) return;
    if (bytes > 0) this.#received += bytes;
    state.bytes += bytes;
    this.#bytes += bytes;
    if (this.now() - state.lastEvent >= intervalMs) this.#emit("download", file);
  }

  /** The file is in its place. */
  finish(file: string): void {
    const state = this.#files.get(file);
    if (!state || state.done) return;
    state.done = true;
    this.#doneFiles++;
    this.#bytes += state.size - state.bytes;
    state.bytes = state.size;
    this.#emit("done", file);
  }

  #emit(stage: Stage, file: string | undefined): void {
    if (!this.onProgress) return;
    const bytesPerSecond = this.#speed();
    const state = file === undefined ? undefined : this.#files.get(file);
    if (state) state.lastEvent = this.now();
    const left = this.#totalBytes - this.#bytes;
    this.onProgress({
      stage,
      repo: this.repo,
      file,
      fileBytes: state?.bytes ?? 0,
      fileSize: state?.size ?? 0,
      bytes: this.#bytes,
      totalBytes: this.#totalBytes,
      files: this.#doneFiles,
      totalFiles: this.#files.size,
      bytesPerSecond,
      etaMs: left === 0 ? 0 : bytesPerSecond > 0 ? (left / bytesPerSecond) * 1000 : undefined,
    });
  }

  /** The first sample of the window is always kept, so that a second event can already tell. Asking the Hub counts not. */
  #speed(): number {
    const at = this.now();
    const samples = this.#samples;
    if (this.#received === 0) samples.length = 0;
    samples.push({ at, received: this.#received });
    while (samples.length > 2 && at - samples[1]!.at > windowMs) samples.shift();
    const first = samples[0]!;
    return at > first.at ? ((this.#received - first.received) / (at - first.at)) * 1000 : 0;
  }
}
