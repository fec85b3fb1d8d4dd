// `deadlift inspect MODEL`: what a model is and whether it fits into this machine, without loading it.

import { basename, relative } from "node:path";
import { Command } from "commander";
import { type Inspection, inspectModel, printProgram } from "../index.js";
import { integer } from "./flags.js";
import { bytes, colors, grouped, printFacts, printJson, quantity, say, visible } from "./output.js";

interface Flags {
  readonly context?: number;
  readonly program?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  deadlift inspect ./model
  deadlift inspect ./model.gguf --context 4096 --json
  deadlift inspect ./model --program | less`;

export function inspectCommand(): Command {
  return new Command("inspect")
    .summary("show what a model is and whether it fits into memory")
    .description("show architecture, parameters, dtypes, licence, context and the memory it needs")
    .argument("<MODEL>", "folder or file (safetensors or GGUF)")
    .option("--context <n>", "tokens of context the memory plan is for", integer(1))
    .option("--program", "list the program that a step runs")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(name: string, { context, program, json }: Flags): Promise<void> {
  const inspection = await inspectModel(name, context === undefined ? {} : { contextSize: context });
  const listing = program ? printProgram(inspection.program).split("\n") : undefined;
  if (json) {
    const { architecture, parameters, dtypes, contextLength, licence, files, memory, fits } = inspection;
    const facts = { architecture, parameters, dtypes, contextLength, licence, files, memory, fits };
    return printJson({ ...facts, ...(listing && { program: listing }) });
  }
  if (listing) for (const line of listing) say(visible(line));
  else printInspection(inspection);
}

function printInspection(inspection: Inspection): void {
  const { name, format, parameters, contextLength, licence } = inspection;
  say(`${colors.bold(visible(name))} ${colors.dim(`(${format})`)}`);
  printFacts([
    ["architecture", shapeOf(inspection)],
    ["parameters", `${quantity(parameters)} (${grouped(parameters)})`],
    ["dtypes", dtypesOf(inspection)],
    ["context", `${grouped(contextLength)} tokens`],
    ["licence", visible(licence ?? "not stated")],
    ["files", filesOf(inspection)],
    ["memory", memoryOf(inspection)],
    ["fits", fitOf(inspection)],
  ]);
}

function shapeOf({ architecture, config }: Inspection): string {
  const { layers, dim, ffn, heads, kvHeads, headDim, vocab } = config;
  const facts = [
    `${layers} layers`,
    `${grouped(dim)} wide (ffn ${grouped(ffn)})`,
    `${heads} heads of ${headDim}${kvHeads === heads ? "" : ` (${kvHeads} KV)`}`,
    `vocabulary ${grouped(vocab)}`,
  ];
  return `${colors.cyan(visible(architecture))}: ${facts.join(", ")}`;
}

function dtypesOf({ dtypes, parameters }: Inspection): string {
  const sorted = Object.entries(dtypes).sort(([, a], [, b]) => b - a);
  return sorted.map(([name, count]) => `${name} ${((100 * count) / parameters).toFixed(1)} %`).join(", ");
}

function filesOf({ files, path }: Inspection): string {
  return files
    .map((file) => `${visible(relative(path, file.path) || basename(path))} (${bytes(file.size)})`)
    .join("\n");
}

function memoryOf({ memory }: Inspection): string {
  const { weights, kvCache, kvPerToken, scratch, total, contextSize } = memory;
  const cache = `${bytes(kvCache)} KV cache (${grouped(contextSize)} tokens of ${bytes(kvPerToken)})`;
  return `${colors.bold(bytes(total))} = ${bytes(weights)} weights, mapped + ${cache} + ${bytes(scratch)} scratch`;
}

function fitOf({ fits, memory }: Inspection): string {
  const { available, weights, scratch, kvPerToken } = memory;
  if (fits) return `${colors.green("yes")}, ${bytes(available)} are available`;
  const room = Math.floor((available - weights - scratch) / kvPerToken);
  const advice = room > 0 ? `--context ${room} would fit` : "take a smaller quantisation or a smaller model";
  return `${colors.red("no")}, only ${bytes(available)} are available; ${advice}`;
}
