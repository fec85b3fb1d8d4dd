// The tests' Hub in a process of its own: for throughput, for Python and for tests that kill.

import type { Content, Fault, HubOptions, RequestMatch, RequestRecord } from "./contract.js";
import { launchHub } from "./launch.mjs";
import type { SpawnedRepo } from "./process.js";

export type { SpawnedRepo } from "./process.js";

export interface SpawnedHub {
  readonly endpoint: string;
  readonly cdn: string;
  /** Repository id -> commit of its main branch at the start. */
  readonly heads: Record<string, string>;
  readonly pid: number;
  requests(): Promise<RequestRecord[]>;
  bytesSent(match?: RequestMatch): Promise<number>;
  /** Resolves when the rule holds; to a function that removes it. */
  when(match: RequestMatch, fault: Fault): Promise<() => Promise<void>>;
  expireSignedUrls(): Promise<void>;
  /** A new commit, as TestRepo.commit; returns its id. */
  commit(id: string, files: Record<string, Content | null>, branch?: string): Promise<string>;
  close(): Promise<void>;
}

/** Starts the Hub with these repositories, their contents hashed. It ends with this process if not closed before. */
export async function spawnHub(repos: SpawnedRepo[], options: HubOptions = {}): Promise<SpawnedHub> {
  const { endpoint, cdn, heads, pid, call, close } = await launchHub({ repos, options });
  return {
    endpoint,
    cdn,
    heads,
    pid,
    requests: () => call("requests") as Promise<RequestRecord[]>,
    bytesSent: (match) => call("bytesSent", match) as Promise<number>,
    async when(match, fault) {
      const rule = await call("when", match, fault);
      return async () => {
        await call("removeRule", rule);
      };
    },
    expireSignedUrls: () => call("expireSignedUrls") as Promise<void>,
    commit: (id, files, branch) => call("commit", id, files, branch) as Promise<string>,
    close,
  };
}
