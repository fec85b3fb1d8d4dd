// `deadlift cache verify [REPO]`: compares what the cache has with the hashes that the Hub stated.

import { Command } from "commander";
import { type CacheVerification, type VerifiedRevision, type VerifyProgress, verifyCache } from "../index.js";
import { Bars } from "./bars.js";
import { addCacheFlag, type CacheFlags } from "./hub_flags.js";
import { interruption } from "./interruption.js";
import { bytes, colors, errorColors, notice, oneLine, plural, printJson } from "./output.js";
import { Rate } from "./rate.js";
import { type Column, printRows } from "./table.js";

interface Flags extends CacheFlags {
  readonly revision?: string;
  readonly json?: boolean;
}

const NOTES = `
The Hub is not asked, and nothing is changed. The exit status is 1 when a file differs; "deadlift download --force"
brings it again. Files that were never downloaded are no fault.

Examples:
  deadlift cache verify
  deadlift cache verify Qwen/Qwen3-0.6B --revision main --json`;

export function cacheVerifyCommand(): Command {
  const command = new Command("verify")
    .summary("compare the files with their hashes")
    .description("compare the files of the cache with the hashes that the Hub stated for them")
    .argument("[REPO]", "this repository only: org/name[@revision]")
    .option("--revision <name>", "branch, tag or commit (default: all)");
  return addCacheFlag(command).addHelpText("after", NOTES).action(run);
}

async function run(repo: string | undefined, flags: Flags): Promise<void> {
  const verification = await verify(repo, flags);
  if (flags.json) printJson(verification);
  else printVerification(verification);
  if (!verification.ok) process.exitCode = 1;
}

async function verify(repo: string | undefined, { revision, cacheDir }: Flags): Promise<CacheVerification> {
  const watch = new Watch();
  try {
    return await verifyCache({
      ...(repo !== undefined && { repo }),
      ...(revision !== undefined && { revision }),
      ...(cacheDir !== undefined && { cacheDir }),
      signal: interruption,
      onProgress: (progress) => watch.show(progress),
    });
  } finally {
    watch.stop();
  }
}

/** One bar, at a terminal. */
class Watch {
  readonly #rate = new Rate();
  #latest: VerifyProgress | undefined;
  #bars: Bars | undefined;

  show(progress: VerifyProgress): void {
    this.#latest = progress;
    this.#rate.add(progress.bytes, performance.now());
    if (process.stderr.isTTY && process.env.TERM !== "dumb") this.#bars ??= new Bars(() => this.#state());
  }

  stop(): void {
    this.#bars?.stop();
  }

  #state() {
    const { repo, file, bytes: done, totalBytes: total } = this.#latest!;
    const bytesPerSecond = this.#rate.perSecond(performance.now());
    return { total: { name: oneLine(`${repo}/${file}`), done, total, bytesPerSecond }, files: [] };
  }
}

function printVerification({ revisions, checked, bytes: size }: CacheVerification): void {
  if (revisions.length > 0) printRows(COLUMNS, revisions);
  for (const { repo, mismatches, unverifiable } of revisions) {
    for (const { path, expected, actual, algorithm } of mismatches) {
      const what = `${repo}/${path}: expected ${algorithm} ${expected}, received ${actual}`;
      notice(`${errorColors.red("differs:")} ${oneLine(what)}`);
    }
    for (const path of unverifiable) notice(`${errorColors.yellow("no hash known:")} ${oneLine(`${repo}/${path}`)}`);
  }
  notice(`${plural(checked, "file")} checked, ${bytes(size)} read`);
}

const COLUMNS: readonly Column<VerifiedRevision>[] = [
  { head: "repository", text: ({ repo }) => repo, cut: "middle", least: 30 },
  { head: "commit", text: ({ commit }) => commit.slice(0, 12), plain: ({ commit }) => commit },
  { head: "checked", text: ({ checked }) => String(checked), align: "right" },
  { head: "differ", text: ({ mismatches }) => String(mismatches.length), align: "right" },
  {
    head: "result",
    text: ({ mismatches }) => (mismatches.length > 0 ? "differs" : "fine"),
    paint: (text) => (text === "fine" ? colors.green(text) : colors.red(text)),
  },
];
