// `deadlift rerank MODEL`: documents in the order in which they answer a query.

import { Command } from "commander";
import { UsageError } from "./failure.js";
import { addLoadFlags, integer, type LoadFlags, MODEL, repeated } from "./flags.js";
import { interruption } from "./interruption.js";
import { printJson, printTable, visible } from "./output.js";
import { Progress } from "./progress.js";
import { load, readTexts } from "./source.js";

interface Flags extends LoadFlags {
  readonly query: string;
  readonly document?: readonly string[];
  readonly documentFile?: string;
  readonly top?: number;
  readonly instruction?: string;
  readonly truncate?: boolean;
}

const EXAMPLES = `
Examples:
  deadlift rerank BAAI/bge-reranker-v2-m3 --query "capital of France" --document "Paris is ..." --document "Bread is ..."
  deadlift rerank Qwen/Qwen3-Reranker-0.6B --query "capital of France" --document-file lines.txt --top 3 --json`;

export function rerankCommand(): Command {
  const command = new Command("rerank")
    .summary("put documents in the order in which they answer a query")
    .description("score how well each document answers a query, the best first")
    .argument("<MODEL>", MODEL)
    .requiredOption("--query <text>", "what is asked")
    .optionsGroup("Documents (these, or lines on standard input):")
    .option("--document <text>", "a document (repeatable)", repeated)
    .option("--document-file <file>", "a file whose lines are documents")
    .option("--instruction <text>", "what is looked for, for decoders that are told")
    .option("--truncate", "cut documents that are too long, instead of an error")
    .optionsGroup("Output:")
    .option("--top <n>", "only the n best", integer(1));
  return addLoadFlags(command).addHelpText("after", EXAMPLES).action(run);
}

async function run(name: string, flags: Flags): Promise<void> {
  const { query, document, documentFile, top, instruction, truncate } = flags;
  const documents = await readTexts({ text: document, textFile: documentFile });
  if (documents.length === 0) throw new UsageError("there are no documents", "Give --document TEXT, or pipe lines in.");
  await using model = await load(name, flags);
  using progress = new Progress("reading the documents");
  const results = await model.rerank(query, documents, { topN: top, instruction, truncate, signal: interruption });
  progress.stop();
  if (flags.json) return printJson({ query, results });
  const rows = results.map(({ index, score, document: text }) => [score.toFixed(4), String(index), shortened(text)]);
  printTable(["score", "index", "document"], rows);
}

function shortened(text: string): string {
  return visible(process.stdout.isTTY && text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
