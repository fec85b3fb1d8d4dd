// What was asked of the Hub and the cache, what came of it, and both together as an Inspection.

import type { RepoFolder } from "../hub/cache/layout.js";
import type { RepoFile } from "../hub/gguf_files.js";
import type { RepoInfo } from "../hub/info.js";
import type { Wanted } from "../hub/select.js";
import type { HubSettings } from "../hub/settings.js";
import type { Choice } from "./choice.js";
import type { HubFacts, Inspection, InspectOptions } from "./inspection.js";
import type { Looked } from "./local.js";

/** What is asked for, and where answers may be. */
export interface Question {
  readonly name: string;
  readonly repo: string;
  readonly revision: string;
  readonly wanted: Wanted;
  readonly folder: RepoFolder;
  readonly settings: HubSettings;
  readonly options: InspectOptions;
}

/** What was found out; together it is an Inspection. */
export interface Answer extends Omit<Looked, "files"> {
  readonly source: "hub" | "cache";
  readonly repo: string;
  readonly commit: string;
  readonly choice: Choice;
  readonly files: readonly RepoFile[];
  readonly info: RepoInfo | undefined;
  readonly summary: string | undefined;
  readonly traffic: { readonly requests: number; readonly bytes: number };
}

/** Puts an answer into the shape that users see. */
export function compose({ name, revision, folder }: Question, answer: Answer): Inspection {
  const { source, repo, commit, choice, facts, info, licence, summary, traffic } = answer;
  const { selection, choices } = choice;
  const { format, quant, weights, texts } = selection;
  const sizes = new Map(answer.files.map(({ path, size }) => [path, size]));
  return {
    name,
    source,
    path: source === "cache" ? folder.snapshot(commit) : undefined,
    format,
    repo,
    revision,
    commit,
    quant,
    choices: choices.map(({ quant, file, size }) => ({ quant, file, size })),
    ...facts,
    licence: hubLicence(info) ?? licence,
    summary,
    ...hubFacts(info),
    files: weights.map((path) => ({ path, size: sizes.get(path) ?? 0 })),
    totalBytes: bytesOf([...weights, ...texts], answer.files),
    traffic,
  };
}

function hubLicence(info: RepoInfo | undefined): string | undefined {
  return info?.licence === "other" ? (info.licenceName ?? info.licence) : info?.licence;
}

function hubFacts(info: RepoInfo | undefined): HubFacts {
  return {
    gated: info?.gated,
    private: info?.private,
    task: info?.task,
    library: info?.library,
    tags: info?.tags ?? [],
    downloads: info?.downloads,
    likes: info?.likes,
  };
}

/** Bytes of the files that are wanted. */
export function bytesOf(paths: readonly string[], files: readonly RepoFile[]): number {
  const wanted = new Set(paths);
  return files.reduce((sum, { path, size }) => sum + (wanted.has(path) ? size : 0), 0);
}
