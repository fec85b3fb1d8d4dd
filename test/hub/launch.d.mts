// The types of launch.mjs.

import type { HubSpec } from "./process.js";

export interface LaunchedHub {
  endpoint: string;
  cdn: string;
  /** Repository id -> commit of its main branch at the start. */
  heads: Record<string, string>;
  pid: number;
  /** One of the methods of process.ts, called in the Hub's process. */
  call(method: string, ...args: unknown[]): Promise<unknown>;
  close(): Promise<void>;
}

/** Bundles the server, starts it and resolves when it serves. Rejects when a repository cannot be made. */
export function launchHub(spec: HubSpec): Promise<LaunchedHub>;
