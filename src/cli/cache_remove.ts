// `deadlift cache rm TARGET...` and `deadlift cache prune`: frees room, after asking.

import { Command } from "commander";
import { pruneCache, pruneQuantized, type RemoveOptions, removeFromCache, removeQuantized } from "../index.js";
import { checkCanConfirm, confirm } from "./ask.js";
import { addCacheFlag, type CacheFlags } from "./hub_flags.js";
import { bytes, colors, errorColors, notice, oneLine, printJson } from "./output.js";
import { Progress } from "./progress.js";
import { type Removal, type RemovedLine, together } from "./removals.js";
import { type Column, printRows } from "./table.js";

interface Flags extends CacheFlags {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const RM_EXAMPLES = `
A target is org/name, org/name@revision, dataset/org/name, or a commit (6 digits of it suffice); org/name:Q8_0 is the copy
that --quantize made of it. Files that another revision or repository uses stay.

Examples:
  deadlift cache rm Qwen/Qwen3-0.6B
  deadlift cache rm Qwen/Qwen3-0.6B@v1.0 2f3a9c --dry-run
  deadlift cache rm Qwen/Qwen3-0.6B --yes --json`;

const PRUNE_EXAMPLES = `
Examples:
  deadlift cache prune --dry-run
  deadlift cache prune --yes`;

export function cacheRemoveCommand(): Command {
  const command = new Command("rm")
    .summary("remove repositories or revisions")
    .description("remove repositories or revisions from the cache")
    .argument("<TARGET...>", "what to remove");
  return addRemovalFlags(command, RM_EXAMPLES).action(async (targets: readonly string[], flags: Flags) => {
    const { kept, dryRun } = await removeAfterAsking((options) => remove(targets, options), flags);
    if (kept.length > 0 && !dryRun) process.exitCode = 1; // it was asked for, and stays
  });
}

const isCopy = (target: string) => /^[^:]+:[^:/\\]+$/.test(target) || target.endsWith(".gguf");

function remove(targets: readonly string[], options: RemoveOptions): Promise<Removal> {
  const copies = targets.filter(isCopy);
  const others = targets.filter((target) => !isCopy(target));
  return together(
    others.length > 0 ? () => removeFromCache(others, options) : undefined,
    copies.length > 0 ? () => removeQuantized(copies, options) : undefined,
  );
}

function prune(options: RemoveOptions): Promise<Removal> {
  return together(
    () => pruneCache(options),
    () => pruneQuantized(options),
  );
}

export function cachePruneCommand(): Command {
  const command = new Command("prune")
    .summary("remove what nobody asks for any more")
    .description(
      "remove revisions without a branch or tag, broken downloads, blobs that nothing uses, and quantised copies whose originals are gone",
    );
  return addRemovalFlags(command, PRUNE_EXAMPLES).action(async (flags: Flags) => {
    await removeAfterAsking(prune, flags);
  });
}

function addRemovalFlags(command: Command, examples: string): Command {
  command.option("--dry-run", "only say what would be removed").option("-y, --yes", "do not ask");
  return addCacheFlag(command).addHelpText("after", examples);
}

type Remove = (options: RemoveOptions) => Promise<Removal>;

/** What was removed; of a dry run, what would be. */
async function removeAfterAsking(remove: Remove, flags: Flags): Promise<Removal> {
  const { cacheDir, yes, dryRun, json } = flags;
  if (!yes && !dryRun) checkCanConfirm();
  const options = cacheDir === undefined ? {} : { cacheDir };
  const plan = yes && !dryRun ? undefined : await quietly(remove({ ...options, dryRun: true }));
  if (plan && !json) printRemoval(plan);
  const removal = plan && (dryRun || !(await isWanted(plan))) ? plan : await quietly(remove(options));
  if (json) printJson(removal);
  else if (!plan) printRemoval(removal);
  if (!json && removal.removed.length > 0 && (dryRun || !removal.dryRun)) {
    notice(`${dryRun ? "would free" : "freed"} ${bytes(removal.freedBytes)}`);
  }
  return removal;
}

async function isWanted({ removed, freedBytes }: Removal): Promise<boolean> {
  if (removed.length === 0) return false;
  const wanted = await confirm(`Remove this (${bytes(freedBytes)})?`);
  if (!wanted) notice("nothing was removed");
  return wanted;
}

async function quietly(removal: Promise<Removal>): Promise<Removal> {
  using _ = new Progress("looking through the cache");
  return await removal;
}

function printRemoval({ removed, kept }: Removal): void {
  if (removed.length > 0) printRows(ITEMS, removed);
  else notice("nothing to remove");
  for (const { name, reason } of kept) notice(`${errorColors.yellow("stays:")} ${oneLine(`${name}: ${reason}`)}`);
}

const ITEMS: readonly Column<RemovedLine>[] = [
  { head: "what", text: ({ kind }) => kind, paint: colors.dim },
  { head: "name", text: ({ name }) => name, cut: "middle", least: 30 },
  {
    head: "size",
    text: ({ bytes: size }) => bytes(size),
    plain: ({ bytes: size }) => String(size),
    align: "right",
    paint: colors.bold,
  },
];
