// `deadlift quantize MODEL OUT --type T`: a model in another type, as a GGUF file.

import { basename } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { type QuantizeProgress, type QuantizeResult, quantizeModel } from "../index.js";
import { ConversionDisplay } from "./conversion_display.js";
import { downloadDisplay } from "./download_display.js";
import { addThreadFlags, MODEL, type ThreadFlags } from "./flags.js";
import { addHubFlags, type HubFlags, hubOptions } from "./hub_flags.js";
import { interruption, sayWhenInterrupted } from "./interruption.js";
import { bytes, duration, errorColors, notice, oneLine, printJson, say } from "./output.js";

interface Flags extends ThreadFlags, HubFlags {
  readonly type: string;
  readonly imatrix?: string;
  readonly tensorType?: Readonly<Record<string, string>>;
  readonly allowRequantize?: boolean;
  readonly json?: boolean;
}

const NOTES = `
Types and mixes are llama.cpp's, which opens the file, too. Quantised checkpoints (FP8, GPTQ, AWQ, ...) are unpacked; all but
FP8 need --allow-requantize to be quantised again. The file appears when it is complete; one that is stopped leaves
nothing. Its name is printed on standard output, all else on standard error.

Examples:
  deadlift quantize ./model model-Q8_0.gguf --type q8_0
  deadlift quantize Qwen/Qwen3-0.6B qwen3-F16.gguf --type f16
  deadlift quantize ./model.gguf small.gguf --type q4_k_m --imatrix imatrix.gguf
  deadlift quantize ./model out.gguf --type q4_k_m --tensor-type ffn_down=q8_0 --json`;

export function quantizeCommand(): Command {
  const command = new Command("quantize")
    .summary("write a model in another type, as GGUF")
    .description("convert a model to GGUF, in as few bits as asked for")
    .argument("<MODEL>", MODEL)
    .argument("<OUT>", "the file to write: NAME.gguf")
    .requiredOption("--type <name>", "Q4_K_M, Q6_K, Q8_0, IQ4_XS, F16, ... (llama.cpp's names, in any case)")
    .option("--imatrix <file>", "importance matrix, made by llama.cpp's tool")
    .option("--tensor-type <pattern=type>", "another type for tensors whose names match (repeatable)", tensorType)
    .option("--allow-requantize", "also quantise what is quantised already (not F8), and loses more by it");
  return addHubFlags(addThreadFlags(command, "encode")).addHelpText("after", NOTES).action(run);
}

/** "ffn_down=q8_0", added to those before. */
function tensorType(flag: string, earlier: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, pattern, type] = /^(.+)=([^=]+)$/.exec(flag) ?? [];
  if (pattern === undefined || type === undefined) throw new InvalidArgumentError("Expected PATTERN=TYPE.");
  return { ...earlier, [pattern]: type };
}

async function run(name: string, out: string, flags: Flags): Promise<void> {
  const startedAt = performance.now();
  const result = await quantize(name, out, flags);
  const { out: file, bytes: size, types } = result;
  if (flags.json) return printJson({ out: file, bytes: size, types });
  if (process.stderr.isTTY) notice(summaryOf(result, performance.now() - startedAt));
  say(file);
}

async function quantize(name: string, out: string, flags: Flags): Promise<QuantizeResult> {
  const { type, imatrix, tensorType: tensorTypes, allowRequantize, threads, priority, json = false } = flags;
  const given = { imatrix, tensorTypes, allowRequantize, threads, priority };
  const download = downloadDisplay(json);
  const conversion = new ConversionDisplay(oneLine(basename(out)), json);
  const onProgress = (progress: QuantizeProgress) => {
    if ("repo" in progress) return download.show(progress);
    download.stop();
    sayWhenInterrupted("stopped; nothing was written");
    conversion.show(progress);
  };
  try {
    const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    return await quantizeModel(name, out, { type, ...options, ...hubOptions(flags), signal: interruption, onProgress });
  } finally {
    download.stop();
    conversion.stop();
  }
}

function summaryOf({ out, type, bytes: size, types }: QuantizeResult, ms: number): string {
  const all = Object.values(types).reduce((a, b) => a + b, 0);
  const shares = Object.entries(types)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${((100 * count) / all).toFixed(1)} %`);
  const perWeight = `${((8 * size) / all).toFixed(2)} bits per weight`;
  return `${errorColors.green("✔")} ${oneLine(out)}: ${type}, ${bytes(size)}, ${perWeight} (${shares.join(", ")}) in ${duration(ms)}`;
}
