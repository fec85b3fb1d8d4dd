// A Hub, an empty cache and short ways to download from one into the other, for the tests of downloads.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RepoFolder } from "../../src/hub/cache/layout.js";
import { fetchSnapshot, type Snapshot, type SnapshotRequest } from "../../src/hub/download/snapshot.js";
import { type HubSettings, hubSettings } from "../../src/hub/settings.js";
import { type HubOptions, startHub, type TestHub } from "./server.js";

export const repoId = "org/model";
export const mib = 2 ** 20;

export class DownloadCase {
  private constructor(
    readonly hub: TestHub,
    readonly cacheDir: string,
  ) {}

  static async start(options: HubOptions = {}): Promise<DownloadCase> {
    return new DownloadCase(await startHub(options), await mkdtemp(join(tmpdir(), "deadlift-download-")));
  }

  async end(): Promise<void> {
    await this.hub.close();
    await rm(this.cacheDir, { recursive: true, force: true });
  }

  settings(changes: Partial<HubSettings> = {}): HubSettings {
    const options = { endpoint: this.hub.endpoint, cacheDir: this.cacheDir, token: false } as const;
    return { ...hubSettings(options, {}), ...changes };
  }

  get folder(): RepoFolder {
    return new RepoFolder(this.settings(), repoId);
  }

  /** All files of main unless told otherwise; waits between tries are short. */
  fetch(changes: Partial<SnapshotRequest> = {}): Promise<Snapshot> {
    return fetchSnapshot({
      repo: repoId,
      revision: "main",
      choose: (files) => files.map(({ path }) => path),
      settings: this.settings(),
      retry: { sleep: (_ms, signal) => nap(signal) },
      ...changes,
    });
  }

  /** Names in blobs/ of downloads that are not complete. */
  async leftovers(): Promise<string[]> {
    const names = await readdir(this.folder.blobs).catch(() => []);
    return names.filter((name) => name.endsWith(".incomplete")).sort();
  }

  /** Bytes of contents that the CDN sent. */
  get contentBytes(): number {
    const contents = this.hub.requests.filter(({ host, status }) => host === "cdn" && status < 300);
    return contents.reduce((sum, { sent }) => sum + sent, 0);
  }
}

/** A wait between tries that lasts long enough for the network to be another one. */
async function nap(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  signal?.throwIfAborted();
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: mib })) hash.update(piece);
  return hash.digest("hex");
}

/** The error that something must fail with. */
export async function failureOf(work: Promise<unknown>): Promise<Error & { code: string }> {
  try {
    await work;
  } catch (error) {
    return error as Error & { code: string };
  }
  throw new Error("expected an error, and there was none");
}

/** What is there, links not followed. */
export function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
