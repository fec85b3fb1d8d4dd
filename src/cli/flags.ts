// Flags that several commands share, and the strict reading of their values.

import { type Command, InvalidArgumentError, Option } from "commander";
import type { GenerateOptions, LoadOptions } from "../index.js";
import { addHubFlags, type HubFlags, hubOptions } from "./hub_flags.js";

/** What every command that opens a model takes. */
export const MODEL = "folder, file (safetensors or GGUF) or Hub repository: org/name[@revision][:quant]";

/** An integer of at least `least`: "12" and nothing else ("12px", "1e3" and "" are errors). */
export function integer(least: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Expected an integer of at least ${least}.`);
  };
}

/** A decimal number, written in digits. */
export function decimal(text: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a number.");
}

/** A seed: 0 to 2^64 - 1. */
export function seed(text: string): bigint {
  if (/^\d{1,20}$/.test(text) && BigInt(text) < 1n << 64n) return BigInt(text);
  throw new InvalidArgumentError("Expected an integer from 0 to 2^64 - 1.");
}

/** Token ids with spaces, commas or brackets between them: "1 2 3", "1,2,3", "[1, 2, 3]". */
export function tokenIds(text: string): number[] {
  const words = text.split(/[\s,[\]]+/).filter((word) => word !== "");
  const wrong = words.find((word) => !/^\d{1,9}$/.test(word));
  if (wrong !== undefined) throw new InvalidArgumentError(`Expected token ids, found "${wrong.slice(0, 40)}".`);
  return words.map(Number);
}

type Device = NonNullable<LoadOptions["device"]>;

function device(text: string): Device {
  if (/^(auto|cpu|gpu|gpu:.+)$/.test(text)) return text as Device;
  throw new InvalidArgumentError("Expected auto, cpu, gpu or gpu:NAME.");
}

/** Collects a flag that may be given several times. */
export function repeated(text: string, earlier: readonly string[] | undefined): string[] {
  return [...(earlier ?? []), text];
}

export interface ThreadFlags {
  readonly threads?: number;
  readonly priority?: "normal" | "low";
}

/** `what` they do. */
export function addThreadFlags(command: Command, what: string): Command {
  return command
    .option("-t, --threads <n>", `threads that ${what} (default: the cores this process may use)`, integer(1))
    .addOption(new Option("--priority <how>", "low: these threads give way to others").choices(["normal", "low"]));
}

export interface LoadFlags extends ThreadFlags, HubFlags {
  readonly device?: Device;
  readonly context?: number;
  readonly kvType?: KvType;
  readonly precision?: "exact" | "fast";
  readonly quantize?: string;
  /** Nobody reads what is beside the document. */
  readonly json?: boolean;
}

export type KvType = NonNullable<LoadOptions["kvType"]>;

export function kvTypeOption(): Option {
  const kinds: KvType[] = ["f32", "f16", "bf16", "q8_0"];
  return new Option("--kv-type <type>", "how keys and values are kept").choices(kinds);
}

export function addLoadFlags(command: Command): Command {
  command.optionsGroup("Model:").option("--device <name>", "where it runs: auto, cpu, gpu, gpu:NAME", device);
  addThreadFlags(command, "compute")
    .option("--context <n>", "tokens of context, prompt and answer together", integer(1))
    .addOption(kvTypeOption())
    .addOption(new Option("--precision <how>", "fast: activations of 8 bits").choices(["exact", "fast"]))
    .option("--quantize <type>", "run the weights as Q8_0, Q4_0, ...; the converted copy is kept");
  return addHubFlags(command);
}

export function loadOptions(flags: LoadFlags): LoadOptions {
  const { device, threads, priority, context, kvType, precision, quantize, ...hub } = flags;
  return {
    ...hubOptions(hub),
    ...(device !== undefined && { device }),
    ...(threads !== undefined && { threads }),
    ...(priority !== undefined && { priority }),
    ...(context !== undefined && { contextSize: context }),
    ...(kvType !== undefined && { kvType }),
    ...(precision !== undefined && { precision }),
    ...(quantize !== undefined && { quantize }),
  };
}

export interface SamplingFlags {
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly typicalP?: number;
  readonly repetitionPenalty?: number;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly seed?: bigint;
  readonly speculate?: NonNullable<GenerateOptions["speculate"]>;
}

/** Ranges are the library's to check; its errors name the option. What is not given is the model's own default. */
export function addSamplingFlags(command: Command): Command {
  return command
    .optionsGroup("Sampling (defaults are the model's own):")
    .option("--max-tokens <n>", "most tokens to make", integer(1))
    .option("--temperature <x>", "0 always takes the most probable token", decimal)
    .option("--top-k <n>", "only the n most probable tokens; 0: all", integer(0))
    .option("--top-p <x>", "only the most probable tokens that make up x together", decimal)
    .option("--min-p <x>", "only tokens at least x times as probable as the best", decimal)
    .option("--typical-p <x>", "only the most typical tokens that make up x together", decimal)
    .option("--repetition-penalty <x>", "divides what has been said before", decimal)
    .option("--frequency-penalty <x>", "subtracts x for each time a token was made", decimal)
    .option("--presence-penalty <x>", "subtracts x once a token was made", decimal)
    .option("--seed <n>", "the same seed gives the same text", seed)
    .option("--speculate <how>", "ngram: guess tokens where the text repeats itself; the same text, sooner");
}

export function samplingOptions(flags: SamplingFlags): GenerateOptions {
  const { maxTokens, temperature, topK, topP, minP, typicalP } = flags;
  const { repetitionPenalty, frequencyPenalty, presencePenalty } = flags;
  const given = {
    ...{ maxTokens, temperature, topK, topP, minP, typicalP },
    ...{ repetitionPenalty, frequencyPenalty, presencePenalty, seed: flags.seed, speculate: flags.speculate },
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
