// `deadlift cache ls [REPO]`: what the cache has, how large it is and when it was used.

import { Command, Option } from "commander";
import {
  type CachedRepo,
  type CachedRevision,
  type CacheListing,
  DeadliftError,
  listCache,
  listQuantized,
  type QuantizedModel,
} from "../index.js";
import { ago, iso } from "./dates.js";
import { addCacheFlag, type CacheFlags } from "./hub_flags.js";
import { bytes, colors, errorColors, notice, oneLine, plural, printJson, say, visible } from "./output.js";
import { type Column, printRows } from "./table.js";

interface Flags extends CacheFlags {
  readonly revisions?: boolean;
  readonly sort: keyof typeof ORDERS;
  readonly json?: boolean;
}

/** What comes first. */
const ORDERS = {
  size: (a: CachedRepo, b: CachedRepo) => b.sizeOnDisk - a.sizeOnDisk,
  used: (a: CachedRepo, b: CachedRepo) => b.lastAccessed - a.lastAccessed,
  name: (a: CachedRepo, b: CachedRepo) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
};

const EXAMPLES = `
Examples:
  deadlift cache ls
  deadlift cache ls --sort used --json
  deadlift cache ls Qwen/Qwen3-0.6B --revisions`;

export function cacheListCommand(): Command {
  const command = new Command("ls")
    .description("list what the cache has")
    .argument("[REPO]", "this repository only")
    .option("--revisions", "each revision on its own line")
    .addOption(new Option("--sort <by>", "what comes first").choices(Object.keys(ORDERS)).default("size"));
  return addCacheFlag(command).addHelpText("after", EXAMPLES).action(run);
}

async function run(repo: string | undefined, { cacheDir, revisions, sort, json }: Flags): Promise<void> {
  const options = cacheDir === undefined ? {} : { cacheDir };
  const [listing, copies] = await Promise.all([listCache(options), listQuantized(options)]);
  const repos = listing.repos.filter(({ id, type }) => repo === undefined || isNamed(repo, id, type));
  const quantized = copies.models.filter(({ model }) => repo === undefined || isNamed(repo, model, "model"));
  if (repo !== undefined && repos.length + quantized.length === 0) {
    throw new DeadliftError("RepoNotFound", `${repo} is not in the cache ${listing.path}`);
  }
  repos.sort(ORDERS[sort]);
  if (json) return printJson({ ...listing, repos, quantized });
  if (revisions) printRevisions(repos);
  else if (repos.length > 0) printRows(REPO_COLUMNS, repos);
  if (quantized.length > 0) printRows(COPY_COLUMNS, quantized);
  if (process.stdout.isTTY && repo === undefined) printSum(listing);
  for (const warning of listing.warnings) notice(`${errorColors.yellow("warning:")} ${oneLine(warning)}`);
}

/** "org/name" or "dataset/org/name". */
const isNamed = (name: string, id: string, type: string) =>
  [id, `${type}/${id}`].some((one) => one.toLowerCase() === name.toLowerCase());

const REPO_COLUMNS: readonly Column<CachedRepo>[] = [
  { head: "repository", text: ({ id }) => id, cut: "middle", least: 40 },
  { head: "type", text: ({ type }) => type, leaveOut: 3 },
  {
    head: "size",
    text: ({ sizeOnDisk }) => bytes(sizeOnDisk),
    plain: ({ sizeOnDisk }) => String(sizeOnDisk),
    align: "right",
    paint: colors.bold,
  },
  { head: "revisions", text: ({ revisions }) => String(revisions.length), align: "right", leaveOut: 2 },
  {
    head: "last used",
    text: ({ lastAccessed }) => ago(lastAccessed),
    plain: ({ lastAccessed }) => iso(lastAccessed),
    leaveOut: 1,
  },
  { head: "refs", text: ({ revisions }) => revisions.flatMap(({ refs }) => refs).join(" "), cut: "end", leaveOut: 4 },
];

/** What `--quantize` made of models. */
const COPY_COLUMNS: readonly Column<QuantizedModel>[] = [
  { head: "quantised copy", text: ({ model, type }) => `${model}:${type}`, cut: "middle", least: 40 },
  {
    head: "size",
    text: ({ size }) => bytes(size),
    plain: ({ size }) => String(size),
    align: "right",
    paint: colors.bold,
  },
  {
    head: "last used",
    text: ({ lastAccessed }) => ago(lastAccessed),
    plain: ({ lastAccessed }) => iso(lastAccessed),
    leaveOut: 1,
  },
  { head: "original", text: ({ orphaned }) => (orphaned ? "gone" : "there"), leaveOut: 2 },
];

interface Line extends CachedRevision {
  readonly repo: CachedRepo;
}

function printRevisions(repos: readonly CachedRepo[]): void {
  const lines = repos.flatMap((repo) => repo.revisions.map((revision) => ({ ...revision, repo })));
  if (lines.length > 0) printRows(REVISION_COLUMNS, lines);
}

const REVISION_COLUMNS: readonly Column<Line>[] = [
  { head: "repository", text: ({ repo }) => repo.id, cut: "middle", least: 24 },
  { head: "commit", text: ({ commit }) => commit.slice(0, 12), plain: ({ commit }) => commit },
  { head: "refs", text: ({ refs }) => refs.join(" "), cut: "end" },
  {
    head: "size",
    text: ({ sizeOnDisk }) => bytes(sizeOnDisk),
    plain: ({ sizeOnDisk }) => String(sizeOnDisk),
    align: "right",
    paint: colors.bold,
  },
  { head: "files", text: ({ files }) => String(files.length), align: "right", leaveOut: 3 },
  {
    head: "complete",
    text: ({ complete }) => (complete === undefined ? "?" : complete ? "yes" : "no"),
    paint: (text) => (text === "no" ? colors.yellow(text) : text),
    leaveOut: 2,
  },
  {
    head: "modified",
    text: ({ lastModified }) => ago(lastModified),
    plain: ({ lastModified }) => iso(lastModified),
    leaveOut: 1,
  },
];

function printSum({ path, repos, sizeOnDisk, incomplete }: CacheListing): void {
  const count = `${repos.length === 1 ? "1 repository" : `${repos.length} repositories`}`;
  say(
    repos.length === 0
      ? `nothing in ${visible(path)}`
      : colors.dim(`${count}, ${bytes(sizeOnDisk)} in ${visible(path)}`),
  );
  if (incomplete.length === 0) return;
  const size = bytes(incomplete.reduce((sum, one) => sum + one.size, 0));
  say(
    colors.yellow(`${plural(incomplete.length, "unfinished download")}, ${size}: "deadlift cache prune" removes them`),
  );
}
