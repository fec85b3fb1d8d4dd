// `deadlift download REPO`: brings a model, or some of its files, into the cache that Python uses.

import { Command } from "commander";
import { type DownloadedFile, type DownloadedModel, type DownloadOptions, downloadModel } from "../index.js";
import { downloadDisplay } from "./download_display.js";
import { integer, repeated } from "./flags.js";
import { addHubFlags, type HubFlags, hubOptions } from "./hub_flags.js";
import { interruption } from "./interruption.js";
import { bytes, colors, duration, errorColors, notice, oneLine, plural, printJson, say } from "./output.js";
import { type Column, printRows } from "./table.js";

interface Flags extends HubFlags {
  readonly quant?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly connections?: number;
  readonly json?: boolean;
}

const NOTES = `
Without --include or --all it takes what a load needs: the weights in one format, configuration, tokenizer, template.
The folder of the files is printed on standard output, all else on standard error. A download that was stopped goes on
where it ended.

Examples:
  deadlift download Qwen/Qwen3-0.6B
  deadlift download unsloth/Qwen3-4B-GGUF:Q4_K_M
  deadlift download Qwen/Qwen3-0.6B@v1.0 --include "*.json" --exclude "tokenizer*"
  deadlift download Qwen/Qwen3-0.6B --all --dry-run --json`;

export function downloadCommand(): Command {
  const command = new Command("download")
    .summary("download a model into the cache")
    .description("download a model, or some of its files, into the cache that Python's huggingface_hub uses")
    .argument("<REPO>", "repository: org/name[@revision][:quant], hf://org/name or the address of its page")
    .optionsGroup("Files:")
    .option("--quant <name>", "the GGUF of this quantisation: Q4_K_M, ...")
    .option("--include <glob>", "of all files, those that match (repeatable)", repeated)
    .option("--exclude <glob>", "not those that match (repeatable)", repeated)
    .option("--all", "all files")
    .optionsGroup("Transfer:")
    .option("--dry-run", "only list what would be downloaded")
    .option("--force", "download again what is in the cache")
    .option("--connections <n>", "at the same time (default: 8)", integer(1));
  return addHubFlags(command).addHelpText("after", NOTES).action(run);
}

async function run(name: string, flags: Flags): Promise<void> {
  const startedAt = performance.now();
  const model = await download(name, flags);
  if (flags.json) return printJson(model);
  if (model.dryRun) return printPlan(model);
  if (process.stderr.isTTY) notice(summaryOf(model, performance.now() - startedAt));
  say(model.path);
}

async function download(name: string, flags: Flags): Promise<DownloadedModel> {
  const { quant, include, exclude, all, dryRun, force, connections } = flags;
  const given = { quant, include, exclude, all, dryRun, force, connections };
  const options: DownloadOptions = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const display = downloadDisplay(flags.json === true);
  try {
    return await downloadModel(name, {
      ...options,
      ...hubOptions(flags),
      signal: interruption,
      onProgress: display.show,
    });
  } finally {
    display.stop();
  }
}

function printPlan({ files, totalBytes }: DownloadedModel): void {
  printRows(PLAN, files);
  const missing = files.filter(({ cached }) => !cached);
  const size = missing.reduce((sum, file) => sum + file.size, 0);
  notice(`${missing.length} of ${plural(files.length, "file")} to download, ${bytes(size)} of ${bytes(totalBytes)}`);
}

const PLAN: readonly Column<DownloadedFile>[] = [
  { head: "file", text: ({ path }) => path, cut: "middle", least: 30 },
  {
    head: "size",
    text: ({ size }) => bytes(size),
    plain: ({ size }) => String(size),
    align: "right",
    paint: colors.bold,
  },
  {
    head: "state",
    text: ({ cached }) => (cached ? "in the cache" : "to download"),
    paint: (text, { cached }) => (cached ? colors.dim(text) : text),
  },
];

function summaryOf({ repo, files, totalBytes, downloadedBytes }: DownloadedModel, ms: number): string {
  const speed = bytes(Math.round((1000 * downloadedBytes) / ms));
  const how =
    downloadedBytes === 0
      ? "all from the cache"
      : `${bytes(downloadedBytes)} downloaded in ${duration(ms)} (${speed}/s)`;
  return `${errorColors.green("✔")} ${oneLine(repo)}: ${plural(files.length, "file")}, ${bytes(totalBytes)}; ${how}`;
}
