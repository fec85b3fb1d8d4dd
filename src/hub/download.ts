// downloadModel(): a model of the Hub, or the files of it that somebody names, into the cache.

import { DeadliftError, expected } from "../error.js";
import type { TreeFile } from "./api.js";
import type { DownloadProgress } from "./download/progress.js";
import { fetchSnapshot, maxConnections } from "./download/snapshot.js";
import { type HubName, parseHubName } from "./names.js";
import { filterPaths } from "./patterns.js";
import { selectFiles } from "./select.js";
import { type HubOptions, hubOptionKeys, hubSettings } from "./settings.js";

export interface DownloadOptions extends HubOptions {
  /** Branch, tag or commit; default: what the name says after "@", else "main". */
  readonly revision?: string;
  /** Of the GGUF to take, such as "Q4_K_M"; default: what the name says after ":". */
  readonly quant?: string;
  /** Only files that match one of these patterns, of all there are: `*` also matches "/". */
  readonly include?: readonly string[];
  /** No files that match one of these. */
  readonly exclude?: readonly string[];
  /** All files; default: those that a load needs, weights in one format and the texts beside them. */
  readonly all?: boolean;
  /** Say what would be downloaded, and write nothing. */
  readonly dryRun?: boolean;
  /** Download again what is in the cache. */
  readonly force?: boolean;
  /** At the same time, of all files together; default 8, at most 64. */
  readonly connections?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

export interface DownloadedFile {
  /** In the repository. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** It was in the cache before. */
  readonly cached: boolean;
}

export interface DownloadedModel {
  readonly repo: string;
  readonly revision: string;
  /** What the revision stands for. */
  readonly commit: string;
  /** The folder that holds the files; after a dry run it may not be there. */
  readonly path: string;
  readonly files: readonly DownloadedFile[];
  /** Over the network, now. */
  readonly downloadedBytes: number;
  /** Of all these files. */
  readonly totalBytes: number;
  readonly dryRun: boolean;
}

const optionKeys = [
  ...hubOptionKeys,
  ...["revision", "quant", "include", "exclude", "all", "dryRun", "force", "connections", "signal", "onProgress"],
];

/**
 * Downloads "org/repo[@revision][:QUANT]", "hf://..." or the address of a model's page into the cache that Python's
 * huggingface_hub uses, unless it is there. Throws UnknownOption, InvalidArgument, what choosing files throws (NotAModel,
 * AmbiguousModel, QuantNotFound, EntryNotFound), and what fetchSnapshot throws.
 */
export async function downloadModel(name: string, options: DownloadOptions = {}): Promise<DownloadedModel> {
  checkOptions(options);
  const settings = hubSettings(options);
  const parsed = typeof name === "string" ? parseHubName(name, settings) : undefined;
  if (!parsed)
    throw new DeadliftError("InvalidArgument", expected('the name of a model on the Hub, "org/repo",', "name", name));
  const quant = one(parsed.quant, options.quant, "quant", parsed.repo);
  const revision = one(parsed.revision, options.revision, "revision", parsed.repo) ?? "main";
  const wanted = { ...parsed, quant };
  checkChoice(wanted, options);
  const { dryRun = false, force = false, connections, signal, onProgress } = options;
  const snapshot = await fetchSnapshot({
    repo: parsed.repo,
    revision,
    choose: (files, read) => choose(files, read, wanted, options),
    settings,
    dryRun,
    force,
    ...(connections !== undefined && { connections }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  const { repo, commit, path, entries, downloadedBytes } = snapshot;
  const totalBytes = entries.reduce((sum, { size }) => sum + size, 0);
  return { repo, revision, commit, path, files: entries, downloadedBytes, totalBytes, dryRun };
}

type Wanted = Pick<HubName, "repo" | "quant" | "file">;

async function choose(
  files: readonly TreeFile[],
  read: (path: string) => Promise<string>,
  { repo, quant, file }: Wanted,
  { include, exclude, all }: DownloadOptions,
): Promise<string[]> {
  const paths = files.map(({ path }) => path);
  let base = paths;
  if (file !== undefined && paths.includes(file) && !isWeights(file)) base = [file];
  else if (include === undefined && !all) {
    const wanted = { ...(quant !== undefined && { quant }), ...(file !== undefined && { file }) };
    const { texts, weights } = await selectFiles(files, wanted, read, repo);
    base = [...texts, ...weights];
  }
  const chosen = filterPaths(base, include, exclude);
  if (chosen.length > 0 || (include === undefined && exclude === undefined)) return chosen;
  const patterns = [include && `include ${include.join(" ")}`, exclude && `exclude ${exclude.join(" ")}`];
  throw new DeadliftError(
    "EntryNotFound",
    `none of the ${base.length} files of ${repo} is left by ${patterns.filter(Boolean).join(", ")}; patterns are matched with the whole path`,
  );
}

function isWeights(file: string): boolean {
  return /\.(gguf|safetensors|safetensors\.index\.json)$/.test(file);
}

/** The name and the options may both say it, but not differently. */
function one(named: string | undefined, option: string | undefined, what: string, repo: string): string | undefined {
  if (named === undefined || option === undefined || named === option) return option ?? named;
  throw new DeadliftError(
    "InvalidArgument",
    `expected one ${what} for ${repo}, received "${named}" in its name and "${option}" in the options`,
  );
}

function checkChoice({ quant, file }: Wanted, { include, all }: DownloadOptions): void {
  const given = { "a quant": quant, "a file": file, include, all: all || undefined };
  const names = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (names.length <= 1 || (names.length === 2 && quant !== undefined && file !== undefined)) return;
  throw new DeadliftError("InvalidArgument", `expected one way to choose files, received ${names.join(" and ")}`);
}

function checkOptions(options: DownloadOptions): void {
  const unknown = Object.keys(options).find((key) => !optionKeys.includes(key));
  if (unknown !== undefined) {
    throw new DeadliftError("UnknownOption", `unknown option "${unknown}"; expected one of ${optionKeys.join(", ")}`);
  }
  const check = (fits: boolean, what: string, key: keyof DownloadOptions) => {
    if (options[key] !== undefined && !fits)
      throw new DeadliftError("InvalidArgument", expected(what, key, options[key]));
  };
  for (const key of ["revision", "quant"] as const) check(typeof options[key] === "string", "a text", key);
  for (const key of ["include", "exclude"] as const) check(isTexts(options[key]), "a list of patterns", key);
  for (const key of ["all", "dryRun", "force"] as const) check(typeof options[key] === "boolean", "true or false", key);
  check(isConnections(options.connections), `1 to ${maxConnections}`, "connections");
  check(options.signal instanceof AbortSignal, "an AbortSignal", "signal");
  check(typeof options.onProgress === "function", "a function", "onProgress");
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string" && item !== "");
}

function isConnections(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= maxConnections;
}
