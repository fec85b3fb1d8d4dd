// `deadlift generate MODEL`: one completion, streamed as it comes.

import { Command } from "commander";
import type { GenerateOptions, Generation, GenerationResult, Model } from "../index.js";
import { UsageError } from "./failure.js";
import {
  addLoadFlags,
  addSamplingFlags,
  integer,
  type LoadFlags,
  MODEL,
  repeated,
  type SamplingFlags,
  samplingOptions,
  tokenIds,
} from "./flags.js";
import { interruption } from "./interruption.js";
import { duration, errorColors, notice, plural, printJson, printTable, say, speed, visible, write } from "./output.js";
import { Progress } from "./progress.js";
import { load, readStandardInput, readText } from "./source.js";

interface Flags extends LoadFlags, SamplingFlags {
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly ids?: number[];
  readonly system?: string;
  readonly raw?: boolean;
  readonly stop?: readonly string[];
  readonly logprobs?: number;
  readonly trustContent?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  deadlift generate Qwen/Qwen3-0.6B --prompt "Why is the sky blue?"
  deadlift generate ./model --prompt "Tell me a story about a robot."
  deadlift generate ./model.gguf --raw --prompt "Once upon a time" --max-tokens 64 --temperature 0
  echo "What is 17 + 25?" | deadlift generate ./model --json`;

export function generateCommand(): Command {
  const command = new Command("generate")
    .summary("answer or complete one prompt")
    .description("complete one prompt: a user message where the model has a chat template, else plain text")
    .argument("<MODEL>", MODEL)
    .optionsGroup("Prompt (one of these, or standard input):")
    .option("-p, --prompt <text>", "the prompt")
    .option("--prompt-file <file>", "a file that holds the prompt, taken exactly as it is")
    .option("--ids <list>", 'the prompt as token ids, "1,2,3"', tokenIds)
    .option("--system <text>", "instructions for the model")
    .option("--raw", "complete the text as it is, without the chat template")
    .option("--trust-content", "read special tokens written in the prompt as special tokens");
  addSamplingFlags(command)
    .optionsGroup("Output:")
    .option("--stop <text>", "end before this text (repeatable)", repeated)
    .option("--logprobs <n>", "log-probabilities of each token and of the n most probable ones", integer(0));
  addLoadFlags(command);
  return command.addHelpText("after", EXAMPLES).action(run);
}

async function run(name: string, flags: Flags): Promise<void> {
  const prompt = await readPrompt(flags);
  await using model = await load(name, flags);
  const generation = start(model, prompt, flags);
  if (flags.json) return printResult(await quietly(generation), flags);
  await stream(generation);
  const result = await generation;
  if (!result.text.endsWith("\n")) say();
  if (result.logprobs) printLogprobs(model, result);
  if (process.stdout.isTTY && process.stderr.isTTY) notice(errorColors.dim(summary(result)));
}

async function readPrompt({ prompt, promptFile, ids, system, raw }: Flags): Promise<string | number[]> {
  const given = [prompt, promptFile, ids].filter((one) => one !== undefined);
  if (given.length > 1)
    throw new UsageError("--prompt, --prompt-file and --ids exclude each other", "Give one of them.");
  if (system !== undefined && (raw || ids)) {
    throw new UsageError(
      "--system needs the chat template, which --raw and --ids leave out",
      "Leave one of them away.",
    );
  }
  if (ids) return ids;
  if (prompt !== undefined) return prompt;
  if (promptFile !== undefined) return readText(promptFile);
  const text = await readStandardInput();
  if (text === undefined) {
    throw new UsageError("there is no prompt", "Give --prompt TEXT or --prompt-file FILE, or pipe a text in.");
  }
  return text.replace(/\r?\n$/, ""); // the newline that echo adds
}

function start(model: Model, prompt: string | number[], flags: Flags): Generation {
  const options: GenerateOptions = {
    ...samplingOptions(flags),
    stop: flags.stop,
    logprobs: flags.logprobs,
    signal: interruption,
  };
  // A model without a template completes the text; --system asks for one, so that chat() says what is missing.
  const isText = flags.raw || (!model.canChat && flags.system === undefined);
  if (typeof prompt !== "string" || isText) return model.generate(prompt, options);
  const system = flags.system === undefined ? [] : [{ role: "system", content: flags.system }];
  return model.chat([...system, { role: "user", content: prompt }], {
    ...options,
    trustContent: flags.trustContent === true,
  });
}

/** All of it behind a spinner. */
async function quietly(generation: Generation): Promise<GenerationResult> {
  using _ = new Progress("generating");
  return await generation;
}

/** Text as it comes; a spinner until the first of it. */
async function stream(generation: Generation): Promise<void> {
  using progress = new Progress("reading the prompt");
  for await (const text of generation) {
    progress.stop();
    write(text);
  }
}

function printResult({ tokens: ids, text, usage, finishReason, timings, logprobs }: GenerationResult, flags: Flags) {
  printJson({ ids, text, usage, finishReason, timings, ...(flags.logprobs !== undefined && { logprobs }) });
}

function printLogprobs({ tokenizer }: Model, { logprobs = [] }: GenerationResult): void {
  const show = (id: number, logprob: number) =>
    `${visible(JSON.stringify(tokenizer.decode([id])))} ${logprob.toFixed(4)}`;
  const rows = logprobs.map(({ id, logprob, top }) => [
    show(id, logprob),
    top.map((one) => show(one.id, one.logprob)).join("  "),
  ]);
  printTable(["token", "most probable"], rows);
}

/** "64 tokens · 212 tokens/s · first after 12 ms · seed 42". */
function summary({ usage, timings, finishReason, seed }: GenerationResult): string {
  const facts = [
    `${plural(usage.promptTokens, "token")} in, ${plural(usage.completionTokens, "token")} out`,
    `${speed(timings.decodeTps)} tokens/s`,
    `first after ${duration(timings.firstTokenMs)}`,
    `seed ${seed}`,
  ];
  if (usage.draftedTokens > 0) facts.push(`${usage.acceptedTokens} of ${usage.draftedTokens} guesses right`);
  if (finishReason === "length") facts.push("ended by length");
  return facts.join(" · ");
}
