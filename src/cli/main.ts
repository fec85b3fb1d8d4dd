#!/usr/bin/env node
// The `deadlift` command: its subcommands, their common options, and how it ends.

import { readFileSync } from "node:fs";
import { Command } from "commander";
import { benchCommand } from "./bench.js";
import { chatCommand } from "./chat.js";
import { doctorCommand } from "./doctor.js";
import { complain, report } from "./failure.js";
import { generateCommand } from "./generate.js";
import { inspectCommand } from "./inspect.js";
import { interruptionStatus, watchInterruptions } from "./interruption.js";
import { colors } from "./output.js";
import { perplexityCommand } from "./perplexity.js";
import { tokenizeCommand } from "./tokenize.js";

const DESCRIPTION = "Runs models as they were published (safetensors and GGUF) inside Node.";
const EXAMPLES = `
Examples:
  deadlift chat                                    talk with the small model that comes along
  deadlift generate ./model.gguf --prompt "Hi"     one answer
  deadlift inspect ./model                         what it is, and whether it fits
  deadlift COMMAND --help                          options and examples of a command`;

/** Words of the command line before `--`. */
const words = process.argv.slice(2, process.argv.includes("--") ? process.argv.indexOf("--") : undefined);

function deadlift(): Command {
  const program = new Command("deadlift").description(DESCRIPTION).version(version(), "-V, --version");
  const commands = [
    generateCommand(),
    benchCommand(),
    inspectCommand(),
    tokenizeCommand(),
    perplexityCommand(),
    doctorCommand(),
  ];
  for (const command of commands) command.optionsGroup("Output:").option("--json", "print one JSON document");
  for (const command of [chatCommand(), ...commands]) {
    command.optionsGroup("Help:").option("--debug", "show where an error came from");
    program.addCommand(command.helpOption("-h, --help", "show this help"));
  }
  program.addHelpText("after", EXAMPLES).helpOption("-h, --help", "show this help");
  for (const command of [program, ...program.commands]) prepare(command);
  return program;
}

/** Errors of usage in our words, with a hint, instead of leaving the process. */
function prepare(command: Command): void {
  const help = command.parent ? `deadlift ${command.name()} --help` : "deadlift --help";
  command
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
