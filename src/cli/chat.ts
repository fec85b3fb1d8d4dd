// `deadlift chat [MODEL]`: a conversation at a terminal, or line by line through a pipe.

import { basename, resolve } from "node:path";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { DeadliftError, embeddedModel, type Model } from "../index.js";
import { Conversation } from "./conversation.js";
import { complain } from "./failure.js";
import { addLoadFlags, addSamplingFlags, type LoadFlags, MODEL, type SamplingFlags, samplingOptions } from "./flags.js";
import { interruption } from "./interruption.js";
import { colors, columns, grouped, notice, oneLine, quantity, say, write } from "./output.js";
import { Progress } from "./progress.js";
import { isSlash, obey } from "./slash.js";
import { load } from "./source.js";
import { Terminal } from "./terminal.js";
import { Wrap } from "./wrap.js";

interface Flags extends LoadFlags, SamplingFlags {
  readonly system?: string;
  readonly trustContent?: boolean;
}

/** A text without an end of its own (no chat template) stops here unless --max-tokens says otherwise. */
const COMPLETION_TOKENS = 256;

const NOTES = `
With standard input from a pipe, each line is one message of the same conversation and only the answers are printed.

Examples:
  deadlift chat
  deadlift chat Qwen/Qwen3-0.6B
  deadlift chat unsloth/Qwen3-4B-GGUF:Q4_K_M
  deadlift chat ./model.gguf --temperature 0.7 --system "You answer in one sentence."
  printf 'Hello!\\n/reset\\nWhat is 17 + 25?\\n' | deadlift chat`;

export function chatCommand(): Command {
  const command = new Command("chat")
    .description("talk with a model")
    .argument("[MODEL]", `${MODEL}; without it, the small model that comes with deadlift`)
    .optionsGroup("Conversation:")
    .option("--system <text>", "instructions for the model")
    .option("--trust-content", "read special tokens written in messages as special tokens");
  addLoadFlags(addSamplingFlags(command));
  return command.addHelpText("after", NOTES).action(run);
}

async function run(name: string | undefined, flags: Flags): Promise<void> {
  await using model = await load(name ?? embeddedModel, flags);
  model.checkTask("generate");
  const conversation = new Conversation(model, {
    options: { ...(model.canChat ? {} : { maxTokens: COMPLETION_TOKENS }), ...samplingOptions(flags) },
    system: flags.system,
    trustContent: flags.trustContent === true,
  });
  if (process.stdin.isTTY) {
    await greet(model, conversation);
    await talk(conversation);
  } else {
    if (!model.canChat) notice(noTemplate(model, conversation));
    await answerLines(conversation);
  }
}

/** A person at a terminal. */
async function talk(conversation: Conversation): Promise<void> {
  using terminal = new Terminal(interruption);
  for (;;) {
    const line = await terminal.read();
    if (line === undefined) return;
    if (line.trim() === "") continue;
    if (isSlash(line)) {
      if ((await obey(line, conversation)).leave) return;
      say();
      continue;
    }
    const stopped = new AbortController();
    terminal.onStop = () => stopped.abort();
    await answer(conversation, line, stopped.signal);
    say();
  }
}

/** Lines from a pipe. The exit status is that of the last line, as in a shell. */
async function answerLines(conversation: Conversation): Promise<void> {
  let pending = "";
  const stop = () => process.stdin.destroy();
  interruption.addEventListener("abort", stop, { once: true });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.endsWith("\\")) {
      pending += `${line.slice(0, -1)}\n`;
      continue;
    }
    const text = pending + line;
    pending = "";
    if (text.trim() === "") continue;
    const { failed, leave } = isSlash(text) ? await obey(text, conversation) : await answer(conversation, text);
    process.exitCode = failed ? 1 : 0;
    if (leave) break;
  }
  process.stdin.destroy();
  interruption.throwIfAborted();
}

/** One turn. What goes wrong in it is said; the conversation goes on. */
async function answer(
  conversation: Conversation,
  text: string,
  stop?: AbortSignal,
): Promise<{ failed: boolean; leave?: boolean }> {
  using progress = new Progress("thinking");
  const wrap = process.stdout.isTTY ? new Wrap(columns) : undefined;
  const show = (piece: string) => {
    progress.stop();
    write(wrap ? wrap.push(piece) : piece);
  };
  try {
    const ending = await conversation.answer(text, show, stop ? AbortSignal.any([stop, interruption]) : interruption);
    write(wrap?.flush() ?? "");
    interruption.throwIfAborted();
    const remark = process.stdin.isTTY ? remarkOn(ending, conversation) : "";
    say(remark && colors.dim(remark));
    return { failed: false };
  } catch (error) {
    progress.stop();
    if (!(error instanceof DeadliftError) || error.code === "Aborted") throw error;
    complain(...explain(error, conversation));
    return { failed: true };
  }
}

function remarkOn(ending: string, { isFull }: Conversation): string {
  if (ending === "stopped") return " [stopped; Ctrl-C again leaves]";
  if (ending !== "length") return "";
  return isFull ? " [the context is full; /reset starts anew]" : " [ended by --max-tokens]";
}

/** What went wrong, and the advice that helps here. */
function explain({ code, message }: DeadliftError, { messages }: Conversation): [message: string, advice?: string] {
  if (code !== "ContextOverflow") return [message];
  const counts = message.split(";")[0];
  return messages.some(({ role }) => role !== "system")
    ? [`the conversation no longer fits: ${counts}`, "/reset forgets it and starts a new one."]
    : [`this message does not fit: ${counts}`, "Write a shorter one, or shorter instructions (/system TEXT)."];
}

async function greet(model: Model, conversation: Conversation): Promise<void> {
  const { backend, parameters, contextSize, path } = model;
  const { dtypes } = model;
  const [dtype, ...others] = Object.entries(dtypes).sort(([, a], [, b]) => b - a);
  const facts = [
    `${quantity(parameters)} parameters`,
    `${dtype?.[0] ?? "?"}${others.length > 0 ? " and others" : ""}`,
    `${grouped(contextSize)} tokens of context`,
    `${backend.name} ${backend.isa} × ${backend.threads}`,
  ];
  const isEmbedded = resolve(path) === embeddedModel;
  const title = `deadlift ${colors.dim("·")} ${colors.bold(colors.cyan(titleOf(model)))}`;
  say([title, ...facts].join(colors.dim(" · ")));
  if (isEmbedded) {
    say("A tiny model with a tiny world: short stories, small talk, little sums, questions about deadlift.");
    say(`Try: ${colors.green("Tell me a story about a brave cat and a lantern.")}`);
  }
  if (!model.canChat) say(colors.yellow(noTemplate(model, conversation)));
  say(colors.dim("/help lists commands, a \\ at the end continues the line, Ctrl-C stops an answer, Ctrl-D leaves."));
  say();
}

/** As it was asked for on the Hub, else the name of the folder or file. */
function titleOf({ name, path, source }: Model): string {
  return oneLine(source ? name : basename(path));
}

function noTemplate(model: Model, { options }: Conversation): string {
  const limit =
    options.maxTokens === undefined ? "" : ` (up to ${options.maxTokens} tokens; --max-tokens changes that)`;
  return `${titleOf(model)} has no chat template: it continues each text you type${limit} and does not converse.`;
}
