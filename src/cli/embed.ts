// `deadlift embed MODEL`: texts as vectors.

import { Command, Option } from "commander";
import type { LoadOptions, Model } from "../index.js";
import { UsageError } from "./failure.js";
import { addLoadFlags, integer, type LoadFlags, MODEL, repeated } from "./flags.js";
import { interruption } from "./interruption.js";
import { colors, plural, printJson, printTable, say, visible } from "./output.js";
import { Progress } from "./progress.js";
import { load, readTexts } from "./source.js";

interface Flags extends LoadFlags {
  readonly text?: readonly string[];
  readonly textFile?: string;
  readonly prompt?: string;
  readonly promptText?: string;
  readonly dimensions?: number;
  readonly normalize?: "yes" | "no";
  readonly truncate?: boolean;
  readonly pooling?: NonNullable<LoadOptions["pooling"]>;
}

const EXAMPLES = `
Piped, each vector is a line of numbers. On a terminal, a table says how near texts are to the first one.

Examples:
  deadlift embed sentence-transformers/all-MiniLM-L6-v2 --text "A cat" --text "A dog" --text "A car"
  deadlift embed Qwen/Qwen3-Embedding-0.6B --prompt query --text "capital of China" --json
  deadlift embed ./model --text-file lines.txt > vectors.txt`;

const poolings = ["first", "last", "max", "mean", "mean_sqrt", "weighted_mean"];

export function embedCommand(): Command {
  const command = new Command("embed")
    .summary("turn texts into vectors")
    .description("a vector for each text, as sentence-transformers makes it")
    .argument("<MODEL>", MODEL)
    .optionsGroup("Input (texts, or lines on standard input):")
    .option("--text <text>", "a text (repeatable)", repeated)
    .option("--text-file <file>", "a file whose lines are texts")
    .option("--prompt <name>", "one of the model's prompts, put before each text: query, document ...")
    .option("--prompt-text <text>", "put this before each text")
    .option("--truncate", "cut texts that are too long, instead of an error")
    .optionsGroup("Vectors:")
    .option("--dimensions <n>", "only so many values, the first ones", integer(1))
    .addOption(new Option("--normalize <how>", "vectors of length 1 (default: as published)").choices(["yes", "no"]))
    .addOption(new Option("--pooling <how>", "how tokens become one vector (default: as published)").choices(poolings));
  return addLoadFlags(command).addHelpText("after", EXAMPLES).action(run);
}

async function run(name: string, flags: Flags): Promise<void> {
  if (flags.prompt !== undefined && flags.promptText !== undefined) {
    throw new UsageError("--prompt and --prompt-text exclude each other", "Give one of them.");
  }
  const texts = await readTexts(flags);
  await using model = await load(name, flags, flags.pooling && { pooling: flags.pooling });
  const vectors = await embed(model, texts, flags);
  if (flags.json) {
    return printJson({ vectors: vectors.map((vector) => [...vector]), dimensions: vectors[0]?.length ?? 0 });
  }
  if (process.stdout.isTTY) printNearness(texts, vectors);
  else for (const vector of vectors) say(vector.join(" "));
}

function embed(model: Model, texts: readonly string[], flags: Flags): Promise<Float32Array[]> {
  using progress = new Progress("reading the texts");
  const { prompt, promptText, dimensions, normalize, truncate } = flags;
  return model.embed(texts, {
    prompt: promptText === undefined ? prompt : { text: promptText },
    dimensions,
    normalize: normalize && normalize === "yes",
    truncate,
    signal: interruption,
    onProgress: (now) => progress.update(`${now.texts} of ${plural(now.totalTexts, "text")}`),
  });
}

function printNearness(texts: readonly string[], vectors: readonly Float32Array[]): void {
  const rows = texts.map((text, i) => [
    visible(text.length > 60 ? `${text.slice(0, 57)}...` : text),
    Array.from(vectors[i]!.slice(0, 3), (value) => value.toFixed(4)).join(" ") + (vectors[i]!.length > 3 ? " ..." : ""),
    cosine(vectors[0]!, vectors[i]!).toFixed(4),
  ]);
  printTable(["text", `vector of ${vectors[0]?.length ?? 0}`, "to the first"], rows);
  say(colors.dim("--json prints all of each vector"));
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.max(Math.sqrt(dot(a, a) * dot(b, b)), 1e-12);
}
