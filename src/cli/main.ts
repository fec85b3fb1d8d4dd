#!/usr/bin/env node
// The `deadlift` command: its subcommands, their common options, and how it ends.

import { readFileSync } from "node:fs";
import { Command } from "commander";
import { benchCommand } from "./bench.js";
import { cacheCommand } from "./cache.js";
import { chatCommand } from "./chat.js";
import { classifyCommand } from "./classify.js";
import { doctorCommand } from "./doctor.js";
import { downloadCommand } from "./download.js";
import { embedCommand } from "./embed.js";
import { complain, report } from "./failure.js";
import { generateCommand } from "./generate.js";
import { infoCommand } from "./info.js";
import { inspectCommand } from "./inspect.js";
import { interruptionStatus, watchInterruptions } from "./interruption.js";
import { colors } from "./output.js";
import { perplexityCommand } from "./perplexity.js";
import { quantizeCommand } from "./quantize.js";
import { rerankCommand } from "./rerank.js";
import { searchCommand } from "./search.js";
import { tokenizeCommand } from "./tokenize.js";

const DESCRIPTION =
  "Finds models on the Hugging Face Hub and runs them as published (safetensors and GGUF) inside Node.";
const EXAMPLES = `
Examples:
  deadlift chat                                    talk with the small model that comes along
  deadlift chat Qwen/Qwen3-0.6B                    download a model and talk with it
  deadlift generate ./model.gguf --prompt "Hi"     one answer
  deadlift search qwen3 --gguf                     models on the Hub
  deadlift inspect Qwen/Qwen3-0.6B                 what it is, and whether it fits
  deadlift COMMAND --help                          options and examples of a command`;

/** Words of the command line before `--`. */
const words = process.argv.slice(2, process.argv.includes("--") ? process.argv.indexOf("--") : undefined);

function deadlift(): Command {
  const program = new Command("deadlift").description(DESCRIPTION).version(version(), "-V, --version");
  const groups = {
    "Run:": [chatCommand(), generateCommand(), embedCommand(), rerankCommand(), classifyCommand(), tokenizeCommand()],
    "Find and keep:": [searchCommand(), infoCommand(), inspectCommand(), downloadCommand(), cacheCommand()],
    "Convert:": [quantizeCommand()],
    "Measure:": [benchCommand(), perplexityCommand(), doctorCommand()],
  };
  for (const [title, commands] of Object.entries(groups)) {
    program.commandsGroup(title);
    for (const command of commands) program.addCommand(command);
  }
  program
    .addHelpText("after", EXAMPLES)
    .commandsGroup("Help:")
    .helpCommand("help [command]", "show the help of a command");
  for (const command of [program, ...program.commands.flatMap((one) => [one, ...one.commands])]) prepare(command);
  return program;
}

/** What all commands share. A conversation is no document. */
function addSharedOptions(command: Command): void {
  if (command.name() !== "chat") command.optionsGroup("Output:").option("--json", "print one JSON document");
  command.optionsGroup("Help:").option("--debug", "show where an error came from");
}

/** Errors of usage in our words, with a hint, instead of leaving the process. */
function prepare(command: Command): void {
  const help = `${pathOf(command)} --help`;
  if (command.commands.length === 0) addSharedOptions(command);
  command
    .helpOption("-h, --help", "show this help")
    .exitOverride()
    .configureHelp({ styleTitle: (title) => colors.bold(title) })
    .configureOutput({
      getOutHasColors: () => colors.isColorSupported,
      outputError: (message) => {
        const [first = "", ...rest] = message
          .trim()
          .replace(/^error: /, "")
          .split("\n");
        complain(first, [...rest, `"${help}" shows what it takes.`].join("\n"));
      },
    });
}

/** "deadlift cache ls" */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

function version(): string {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}

watchInterruptions();
try {
  await deadlift().parseAsync();
  process.exitCode ??= interruptionStatus() ?? 0;
} catch (error) {
  process.exitCode = report(error, words.includes("--debug"));
}
