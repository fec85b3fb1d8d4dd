// `deadlift search [QUERY...]`: models of the Hub, by text, author, task, licence, format and size.

import { Command, Option } from "commander";
import { type ModelSummary, type SearchOptions, searchModels } from "../index.js";
import { ago, iso } from "./dates.js";
import { UsageError } from "./failure.js";
import { integer, repeated } from "./flags.js";
import { parameterCount } from "./hub_flags.js";
import { interruption } from "./interruption.js";
import { colors, notice, printJson, quantity, say } from "./output.js";
import { Progress } from "./progress.js";
import { type Column, printRows } from "./table.js";

type Given = Pick<SearchOptions, "author" | "task" | "library" | "licence" | "gated" | "sort">;

interface Flags extends Given {
  readonly tag?: readonly string[];
  readonly license?: string;
  readonly gguf?: boolean;
  readonly safetensors?: boolean;
  readonly minParameters?: number;
  readonly maxParameters?: number;
  readonly limit: number;
  readonly json?: boolean;
}

const SORTS = ["trending", "downloads", "likes", "updated", "created", "parameters"];

const EXAMPLES = `
Examples:
  deadlift search qwen3 --gguf
  deadlift search --task text-generation --max-parameters 4B --licence apache-2.0 --sort downloads
  deadlift search --author google --no-gated --limit 100 --json`;

export function searchCommand(): Command {
  return new Command("search")
    .summary("find models on the Hub")
    .description("find models on the Hub; all filters have to fit")
    .argument("[QUERY...]", "words of the name")
    .optionsGroup("Filters:")
    .option("--author <name>", "user or organisation")
    .option("--task <name>", "text-generation, ...")
    .option("--library <name>", "transformers, ...")
    .option("--tag <name>", "a tag (repeatable)", repeated)
    .option("--licence <id>", "apache-2.0, ...")
    .addOption(new Option("--license <id>").hideHelp())
    .option("--gguf", "with GGUF files")
    .option("--safetensors", "with safetensors files")
    .option("--min-parameters <n>", 'at least so many: "1B"', parameterCount)
    .option("--max-parameters <n>", 'at most so many: "7B"', parameterCount)
    .option("--gated", "only those whose terms must be accepted")
    .option("--no-gated", "only those that are open")
    .optionsGroup("Order:")
    .addOption(new Option("--sort <by>", "what comes first").choices(SORTS).default("trending"))
    .option("--limit <n>", "how many", integer(1), 20)
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(words: readonly string[], flags: Flags): Promise<void> {
  const models = await find(optionsOf(words, flags));
  if (flags.json) return printJson(models);
  if (models.length === 0) return notice("no models found; fewer words or filters find more");
  printRows(COLUMNS, models);
  if (process.stdout.isTTY && models.length === flags.limit) {
    say(colors.dim(`the first ${models.length}; --limit shows more`));
  }
}

async function find(options: SearchOptions): Promise<ModelSummary[]> {
  using _ = new Progress("searching");
  return await searchModels({ ...options, signal: interruption });
}

function optionsOf(words: readonly string[], flags: Flags): SearchOptions {
  if (flags.gguf && flags.safetensors) {
    throw new UsageError("--gguf and --safetensors exclude each other", "Give one of them, or neither for both.");
  }
  if (flags.licence !== undefined && flags.license !== undefined) {
    throw new UsageError("--licence and --license are the same", "Give one of them.");
  }
  const { author, task, library, gated, sort, limit, minParameters, maxParameters } = flags;
  const given = {
    ...{ author, task, library, gated, sort, limit, minParameters, maxParameters, tags: flags.tag },
    query: words.length > 0 ? words.join(" ") : undefined,
    licence: flags.licence ?? flags.license,
    format: flags.gguf ? "gguf" : flags.safetensors ? "safetensors" : undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

const COLUMNS: readonly Column<ModelSummary>[] = [
  { head: "model", text: ({ id }) => id, cut: "middle", least: 34, paint: colors.cyan },
  { head: "task", text: ({ task }) => task ?? "", leaveOut: 4 },
  {
    head: "parameters",
    text: ({ parameters }) => (parameters === undefined ? "" : quantity(parameters)),
    plain: ({ parameters }) => String(parameters ?? ""),
    align: "right",
  },
  {
    head: "formats",
    text: ({ formats }) => (formats.length > 1 ? "both" : (formats[0] ?? "")),
    plain: ({ formats }) => formats.join(","),
    leaveOut: 2,
  },
  count("downloads", ({ downloads }) => downloads, 1),
  count("likes", ({ likes }) => likes, 5),
  {
    head: "updated",
    text: ({ updatedAt }) => ago(updatedAt?.getTime() ?? Number.NaN),
    plain: ({ updatedAt }) => iso(updatedAt?.getTime() ?? Number.NaN),
    leaveOut: 6,
  },
  { head: "licence", text: ({ licence }) => licence ?? "", cut: "end", least: 14, leaveOut: 3 },
  {
    head: "access",
    text: ({ gated, private: hidden }) => (gated ? "gated" : hidden ? "private" : ""),
    plain: ({ gated, private: hidden }) => (gated ? `gated:${gated}` : hidden ? "private" : "open"),
    paint: colors.yellow,
  },
];

function count(head: string, of: (model: ModelSummary) => number, leaveOut: number): Column<ModelSummary> {
  return { head, text: (row) => quantity(of(row)), plain: (row) => String(of(row)), align: "right", leaveOut };
}
