// `deadlift tokenize MODEL`: a text as token ids, and ids as text.

import { Command } from "commander";
import type { Tokenizer } from "../index.js";
import { UsageError } from "./failure.js";
import { MODEL, tokenIds } from "./flags.js";
import { addHubFlags, type HubFlags } from "./hub_flags.js";
import { colors, plural, printJson, say, visible, write } from "./output.js";
import { loadOnlyTokenizer, readStandardInput, readText } from "./source.js";

interface Flags extends HubFlags {
  readonly text?: string;
  readonly textFile?: string;
  readonly ids?: string | true;
  readonly idsFile?: string;
  readonly special: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Of a Hub repository only the tokenizer is downloaded.

Examples:
  deadlift tokenize Qwen/Qwen3-0.6B --text "Hello, world"
  deadlift tokenize ./model --text-file story.txt --json
  deadlift tokenize ./model --ids "1 15496 11"
  echo "Hello" | deadlift tokenize ./model | deadlift tokenize ./model --ids`;

export function tokenizeCommand(): Command {
  const command = new Command("tokenize")
    .summary("turn text into token ids and back")
    .description("turn a text into token ids, or ids into text")
    .argument("<MODEL>", MODEL)
    .optionsGroup("Input (one of these, or a text on standard input):")
    .option("--text <text>", "the text")
    .option("--text-file <file>", "a file that holds the text, taken exactly as it is")
    .option("--ids [list]", 'ids to turn into text, "1 2 3"; without a list they come from standard input')
    .option("--ids-file <file>", "a file that holds the ids")
    .optionsGroup("Output:")
    .option("--no-special", "neither add special tokens (begin, end) nor show them");
  return addHubFlags(command).addHelpText("after", EXAMPLES).action(run);
}

async function run(name: string, flags: Flags): Promise<void> {
  const { text, textFile, ids, idsFile } = flags;
  if ([text, textFile, ids, idsFile].filter((one) => one !== undefined).length > 1) {
    throw new UsageError("--text, --text-file, --ids and --ids-file exclude each other", "Give one of them.");
  }
  if (ids !== undefined || idsFile !== undefined) return detokenize(name, flags);
  const input = text ?? (textFile === undefined ? await standardInput("text") : await readText(textFile));
  const tokenizer = await loadOnlyTokenizer(name, flags);
  const found = await tokenizer.encode(input, { special: flags.special });
  if (flags.json) return printJson({ ids: [...found] });
  say(found.join(" "));
  if (process.stdout.isTTY) show(tokenizer, found);
}

async function detokenize(name: string, flags: Flags): Promise<void> {
  const ids = await readIds(flags);
  const tokenizer = await loadOnlyTokenizer(name, flags);
  const unknown = ids.find((id) => id >= tokenizer.vocabSize);
  if (unknown !== undefined)
    throw new UsageError(`id ${unknown} is not below the ${tokenizer.vocabSize} of this model`);
  const text = tokenizer.decode(ids, { skipSpecial: !flags.special });
  if (flags.json) return printJson({ text });
  write(text.endsWith("\n") ? text : `${text}\n`);
}

async function readIds({ ids, idsFile }: Flags): Promise<number[]> {
  if (typeof ids === "string") return parseIds(ids, "--ids");
  if (idsFile !== undefined) return parseIds(await readText(idsFile), idsFile);
  return parseIds(await standardInput("ids"), "standard input");
}

function parseIds(text: string, source: string): number[] {
  try {
    return tokenIds(text);
  } catch (error) {
    throw new UsageError(`${source} does not hold token ids: ${(error as Error).message}`, 'Write them as "1 2 3".');
  }
}

async function standardInput(what: "text" | "ids"): Promise<string> {
  const input = await readStandardInput();
  if (input !== undefined) return input;
  const advice = what === "text" ? "Give --text TEXT or --text-file FILE" : 'Give --ids "1 2 3" or --ids-file FILE';
  throw new UsageError(`there is nothing to tokenize`, `${advice}, or pipe it in.`);
}

/** Each token in a colour of its own, special ones inverse; characters of several tokens appear with the last one. */
function show(tokenizer: Tokenizer, ids: Int32Array): void {
  const paints = [colors.cyan, colors.yellow, colors.green, colors.magenta];
  const stream = tokenizer.stream();
  let painted = "";
  ids.forEach((id, index) => {
    const piece = visible(stream.push(id) + (index === ids.length - 1 ? stream.flush() : ""));
    const paint = tokenizer.special.has(id) ? colors.inverse : paints[index % paints.length]!;
    painted += piece
      .split("\n")
      .map((line) => (line ? paint(line) : ""))
      .join(`${colors.dim("⏎")}\n`);
  });
  say(painted);
  say(colors.dim(plural(ids.length, "token")));
}
