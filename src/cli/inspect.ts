// `deadlift inspect MODEL`: what a model is and whether it fits into this machine, without loading it.

import { Command } from "commander";
import { DeadliftError, type Inspection, type InspectOptions, inspectModel, printProgram } from "../index.js";
import { integer, type KvType, kvTypeOption, MODEL } from "./flags.js";
import { addHubFlags, type HubFlags, hubOptions } from "./hub_flags.js";
import { printInspection } from "./inspection.js";
import { interruption } from "./interruption.js";
import { oneLine, printJson, say, visible } from "./output.js";
import { Progress } from "./progress.js";

interface Flags extends HubFlags {
  readonly context?: number;
  readonly kvType?: KvType;
  readonly quant?: string;
  readonly program?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Of a Hub repository only the headers of the weights are read, nothing is downloaded.

Examples:
  deadlift inspect Qwen/Qwen3-0.6B
  deadlift inspect unsloth/Qwen3-4B-GGUF --quant Q4_K_M
  deadlift inspect ./model.gguf --context 4096 --json
  deadlift inspect ./model --program | less`;

export function inspectCommand(): Command {
  const command = new Command("inspect")
    .summary("show what a model is and whether it fits into memory")
    .description("show architecture, parameters, dtypes, licence, context and the memory it needs")
    .argument("<MODEL>", MODEL)
    .option("--context <n>", "tokens of context the memory plan is for", integer(1))
    .addOption(kvTypeOption())
    .option("--program", "list the program that a step runs")
    .option("--quant <name>", "the GGUF of this quantisation: Q4_K_M, ...");
  return addHubFlags(command).addHelpText("after", EXAMPLES).action(run);
}

async function run(name: string, flags: Flags): Promise<void> {
  const inspection = await inspect(name, flags);
  const listing = flags.program ? listProgram(inspection) : undefined;
  if (flags.json) printJson({ ...documentOf(inspection), ...(listing && { program: listing }) });
  else if (listing) for (const line of listing) say(visible(line));
  else printInspection(inspection);
}

async function inspect(name: string, { context, kvType, quant, ...hub }: Flags): Promise<Inspection> {
  using _ = new Progress(`inspecting ${oneLine(name)}`);
  const options: InspectOptions = {
    ...hubOptions(hub),
    ...(context !== undefined && { contextSize: context }),
    ...(kvType !== undefined && { kvType }),
    ...(quant !== undefined && { quant }),
    signal: interruption,
  };
  return await inspectModel(name, options);
}

function listProgram({ program, problem, architecture }: Inspection): string[] {
  if (program) return printProgram(program).split("\n");
  throw new DeadliftError("UnsupportedArchitecture", `${architecture} has no program: ${problem ?? "it cannot run"}`);
}

/** The keys of local models first, in their old order; the program is a text of its own, and the config is the files'. */
function documentOf(inspection: Inspection): object {
  const { architecture, parameters, dtypes, contextLength, licence, files, memory, fits, ...rest } = inspection;
  const { config: _, program: __, ...others } = rest;
  return { architecture, parameters, dtypes, contextLength, licence, files, memory, fits, ...others };
}
