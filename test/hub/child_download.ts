// A download in a process of its own, for tests that kill it: prints one JSON line per stage and one at its end.

import { writeSync } from "node:fs";
import { fetchSnapshot } from "../../src/hub/download/snapshot.js";
import { hubSettings } from "../../src/hub/settings.js";

export interface ChildOrder {
  endpoint: string;
  cacheDir: string;
  repo: string;
  revision: string;
  connections: number;
  /** Aborts when so many bytes are here. */
  abortAt?: number;
}

const {
  abortAt = Number.POSITIVE_INFINITY,
  endpoint,
  cacheDir,
  ...request
} = JSON.parse(process.argv[2]!) as ChildOrder;
const controller = new AbortController();
const say = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`);

try {
  const { downloadedBytes, path } = await fetchSnapshot({
    ...request,
    choose: (files) => files.map(({ path }) => path),
    settings: hubSettings({ endpoint, cacheDir, token: false }),
    signal: controller.signal,
    onProgress({ stage, bytes }) {
      say({ stage, bytes });
      if (bytes >= abortAt) controller.abort();
    },
  });
  say({ downloadedBytes, path });
} catch (error) {
  say({ code: (error as { code?: string }).code ?? "none", message: (error as Error).message });
  process.exitCode = 1;
}
