// `deadlift bench MODEL`: how fast it loads, reads a prompt and writes an answer.

import { Command } from "commander";
import { DeadliftError, type GenerationResult, type Model } from "../index.js";
import { addLoadFlags, integer, type LoadFlags, MODEL } from "./flags.js";
import { interruption } from "./interruption.js";
import { bytes, colors, duration, grouped, printFacts, printJson, say, speed, visible } from "./output.js";
import { Progress } from "./progress.js";
import { load } from "./source.js";

interface Flags extends LoadFlags {
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly depth: number;
  readonly streams: number;
  readonly repeat: number;
  readonly json?: boolean;
}

interface Speeds {
  readonly prefillTps: number;
  readonly decodeTps: number;
}

const NOTES = `
Prompts are random ids, new ones each time, so that nothing comes from the KV cache. Prefill is the time to the first
token, decode the time of those after it, with the prompt in the KV cache; both are the median of --repeat runs after a
warm-up. With --streams both count the tokens of all streams together. With --depth each stream has so many tokens in its
KV cache before the prompt comes: both are slower there, as attention has more to read. MB are 10^6 bytes.

Examples:
  deadlift bench ./model
  deadlift bench Qwen/Qwen3-0.6B
  deadlift bench ./model.gguf --depth 4096
  deadlift bench ./model.gguf -p 128 -n 32 -t 4 --streams 8 --json`;

export function benchCommand(): Command {
  const command = new Command("bench")
    .description("measure loading, prefill and decode speed")
    .argument("<MODEL>", MODEL)
    .optionsGroup("Measure:")
    .option("-p, --prompt-tokens <n>", "tokens of the prompt", integer(1), 512)
    .option("-n, --new-tokens <n>", "tokens to generate", integer(2), 64)
    .option("--depth <n>", "tokens of context before the prompt", integer(0), 0)
    .option("--streams <n>", "generations at once", integer(1), 1)
    .option("-r, --repeat <n>", "runs, of which the median counts", integer(1), 3);
  addLoadFlags(command);
  return command.addHelpText("after", NOTES).action(run);
}

async function run(name: string, flags: Flags): Promise<void> {
  await using model = await load(name, flags);
  checkRoom(model, flags);
  const speeds = await measure(model, flags);
  const bandwidthGbs = await streamingRead(model);
  const { backend, isa, threads } = { ...model.backend, backend: model.backend.name };
  const figures = {
    ...{ model: model.name, backend, isa, threads, loadMs: round(model.loadMs), ...speeds, streams: flags.streams },
    rssMb: round(process.memoryUsage.rss() / 1e6),
    mappedMb: round(model.mappedBytes / 1e6),
    bandwidthGbs: round(bandwidthGbs),
    amxTflops: null,
    depth: flags.depth,
  };
  if (flags.json) return printJson(figures);
  const depth = flags.depth > 0 ? `, after ${grouped(flags.depth)}` : "";
  const streams = flags.streams > 1 ? `, ${flags.streams} streams together` : "";
  say(colors.bold(visible(model.name)));
  printFacts([
    ["backend", `${backend} ${isa}, ${threads} threads`],
    ["load", duration(model.loadMs)],
    ["prefill", `${colors.bold(speed(speeds.prefillTps))} tokens/s (${flags.promptTokens} tokens${depth}${streams})`],
    ["decode", `${colors.bold(speed(speeds.decodeTps))} tokens/s (${flags.newTokens} tokens${depth}${streams})`],
    ["resident", bytes(figures.rssMb * 1e6)],
    ["mapped", bytes(model.mappedBytes)],
    ["bandwidth", `${speed(bandwidthGbs)} GB/s streaming read`],
    ["amx", "–"],
  ]);
}

function checkRoom({ contextSize }: Model, { depth, promptTokens, newTokens }: Flags): void {
  if (depth + promptTokens + newTokens <= contextSize) return;
  const before = depth > 0 ? `a depth of ${depth}, ` : "";
  throw new DeadliftError(
    "ContextOverflow",
    `${before}${promptTokens} prompt tokens and ${newTokens} new ones do not fit into the context of ${contextSize} tokens; ` +
      `give a smaller ${depth > 0 ? "--depth, " : ""}-p or -n`,
  );
}

async function measure(model: Model, flags: Flags): Promise<Speeds> {
  using progress = new Progress("warming up");
  const random = generator(1);
  const ids = (count: number) => Array.from({ length: count }, () => random(model.config.vocab));
  const contexts = Array.from({ length: flags.streams }, () => ids(flags.depth));
  if (flags.depth > 0) await generateAll(model, contexts, 1);
  const runs: Speeds[] = [];
  for (let run = 0; run <= flags.repeat; run++) {
    if (run > 0) progress.update(`run ${run} of ${flags.repeat}${estimate(runs.at(-1))}`);
    const prompts = contexts.map((context) => [...context, ...ids(flags.promptTokens)]);
    const speeds = await measureOnce(model, prompts, flags);
    if (run > 0) runs.push(speeds);
  }
  return {
    prefillTps: round(median(runs.map(({ prefillTps }) => prefillTps))),
    decodeTps: round(median(runs.map(({ decodeTps }) => decodeTps))),
  };
}

const estimate = (last: Speeds | undefined) =>
  last ? ` (prefill ${speed(last.prefillTps)}, decode ${speed(last.decodeTps)} tokens/s)` : "";

/** One prefill of all streams, then one decode: the prompts are in the KV cache by then. */
async function measureOnce(model: Model, prompts: readonly number[][], flags: Flags): Promise<Speeds> {
  const { depth, promptTokens, newTokens, streams } = flags;
  const read = await generateAll(model, prompts, 1);
  if (read.some(({ usage }) => usage.cachedTokens < depth)) {
    throw new DeadliftError(
      "OutOfPages",
      `the KV cache does not keep ${depth} tokens for each of ${streams} streams; give a smaller --depth or fewer --streams`,
    );
  }
  const prefill = Math.max(...read.map(({ timings }) => timings.firstTokenMs));
  const written = await generateAll(model, prompts, newTokens);
  const decode = Math.max(...written.map(({ timings }) => timings.decodeMs));
  return {
    prefillTps: (streams * promptTokens * 1000) / prefill,
    decodeTps: (streams * (newTokens - 1) * 1000) / decode,
  };
}

function generateAll(model: Model, prompts: readonly number[][], maxTokens: number): Promise<GenerationResult[]> {
  const options = { maxTokens, temperature: 0, stopTokens: [], signal: interruption };
  return Promise.all(prompts.map((ids) => model.generate(ids, options)));
}

async function streamingRead(model: Model): Promise<number> {
  using _ = new Progress("measuring memory bandwidth");
  const bandwidth = await model.bandwidth();
  interruption.throwIfAborted();
  return bandwidth;
}

/** The same numbers for the same seed everywhere: a linear congruential generator, good enough to choose ids. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const round = (value: number) => Math.round(value * 100) / 100;
