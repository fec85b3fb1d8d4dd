// `deadlift classify MODEL`: the labels of texts, or of each of their tokens.

import { Command } from "commander";
import type { LabelScore, Model, TokenResult } from "../index.js";
import { UsageError } from "./failure.js";
import { addLoadFlags, integer, type LoadFlags, MODEL, repeated } from "./flags.js";
import { interruption } from "./interruption.js";
import { printJson, printTable, visible } from "./output.js";
import { Progress } from "./progress.js";
import { load, readTexts } from "./source.js";

interface Flags extends LoadFlags {
  readonly text?: readonly string[];
  readonly textFile?: string;
  readonly second?: string;
  readonly top?: number;
  readonly truncate?: boolean;
}

/** What is said of one text: `labels` of it, or of its `tokens`. */
interface Result {
  readonly text: string;
  readonly labels?: readonly LabelScore[];
  readonly tokens?: readonly TokenResult[];
}

const EXAMPLES = `
A model that fills in masks says what could stand in the place of its mask token.

Examples:
  deadlift classify SamLowe/roberta-base-go_emotions --text "I love it" --top 3
  deadlift classify dslim/bert-base-NER --text "Ada lives in London" --json
  deadlift classify google-bert/bert-base-uncased --text "Paris is the [MASK] of France."`;

export function classifyCommand(): Command {
  const command = new Command("classify")
    .summary("sort texts, or their tokens, into classes")
    .description("the labels of texts, or of each of their tokens, the surest first")
    .argument("<MODEL>", MODEL)
    .optionsGroup("Input (texts, or lines on standard input):")
    .option("--text <text>", "a text (repeatable)", repeated)
    .option("--text-file <file>", "a file whose lines are texts")
    .option("--second <text>", "the second of a pair, with each text")
    .option("--truncate", "cut texts that are too long, instead of an error")
    .optionsGroup("Output:")
    .option("--top <n>", "only the n surest labels", integer(1));
  return addLoadFlags(command).addHelpText("after", EXAMPLES).action(run);
}

async function run(name: string, flags: Flags): Promise<void> {
  const texts = await readTexts(flags);
  await using model = await load(name, flags);
  using progress = new Progress("reading the texts");
  const results: Result[] = [];
  for (const text of texts) {
    results.push(await classify(model, text, flags));
    progress.update(`${results.length} of ${texts.length}`);
  }
  progress.stop();
  if (flags.json) return printJson({ results });
  for (const result of results) print(result);
}

async function classify(model: Model, text: string, { second, top, truncate }: Flags): Promise<Result> {
  const options = { topK: top, truncate, signal: interruption };
  if (!model.tasks.includes("tokens")) {
    return { text, labels: await model.classify(second === undefined ? text : [text, second], options) };
  }
  if (second !== undefined) throw new UsageError("--second is for models that sort texts, this one sorts tokens");
  return { text, tokens: await model.tokens(text, options) };
}

function print({ text, labels, tokens }: Result): void {
  if (labels) {
    const rows = labels.map(({ label, score }, i) => [i === 0 ? visible(text) : "", visible(label), score.toFixed(4)]);
    printTable(["text", "label", "score"], rows);
    return;
  }
  const said = tokens!.filter(({ label, candidates }) => label !== undefined || candidates);
  const rows = said.flatMap(({ token, label, score, candidates }) =>
    candidates
      ? candidates.map((one, i) => [i === 0 ? visible(token) : "", visible(one.text), one.score.toFixed(4)])
      : [[visible(token), visible(label!), score!.toFixed(4)]],
  );
  printTable(["token", "label", "score"], rows);
}
