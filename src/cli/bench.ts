// `deadlift bench MODEL`: how fast it loads, reads a prompt and writes an answer.

import { Command } from "commander";
import { DeadliftError, type GenerationResult, type Model } from "../index.js";
import { addLoadFlags, integer, type LoadFlags, MODEL } from "./flags.js";
import { interruption } from "./interruption.js";
import { bytes, colors, duration, grouped, plural, printFacts, printJson, say, speed, visible } from "./output.js";
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

/** What the machine can do in the same run, and how much of it the model's speeds make use of. */
interface Limits {
  readonly bandwidthGbs: number;
  readonly peakTflops: number;
  readonly prefillShare: number;
  /** Undefined where nobody knows how many bytes a step reads: streams of a mixture may share experts. */
  readonly decodeShare: number | undefined;
}

const NOTES = `
Prompts are random ids, new ones each time, so that nothing comes from the KV cache. Prefill is the time to the first
token, decode the time of those after it, with the prompt in the KV cache; both are the median of --repeat runs after a
warm-up. With --streams both count the tokens of all streams together, from the first stream's start to the last one's end.
With --depth each stream has so many tokens in its KV cache before the prompt comes: both are slower there, as attention
has more to read. MB are 10^6 bytes.

Limits are those of the machine in the same minute, with the same threads: a streaming read of 1 GiB, and f32
multiply-adds between registers. Shares say how much of them is made use of: matrix products of the prompt (attention not
counted) of the multiply-adds, matrices and KV cache that decoding reads of the streaming read.

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
  const limits = await measureLimits(model, speeds, flags);
  const { backend, isa, threads } = { ...model.backend, backend: model.backend.name };
  const figures = {
    ...{ model: model.name, backend, isa, threads, loadMs: round(model.loadMs) },
    ...{ prefillTps: round(speeds.prefillTps), decodeTps: round(speeds.decodeTps), streams: flags.streams },
    rssMb: round(process.memoryUsage.rss() / 1e6),
    mappedMb: round(model.mappedBytes / 1e6),
    bandwidthGbs: round(limits.bandwidthGbs),
    amxTflops: isa === "amx" ? thousandths(limits.peakTflops) : null,
    depth: flags.depth,
    peakTflops: thousandths(limits.peakTflops),
    prefillShare: thousandths(limits.prefillShare),
    decodeShare: limits.decodeShare && thousandths(limits.decodeShare),
  };
  if (flags.json) return printJson(figures);
  printFigures(model, speeds, limits, figures.rssMb, flags);
}

function printFigures(model: Model, speeds: Speeds, limits: Limits, rssMb: number, flags: Flags): void {
  const { name, isa, threads } = model.backend;
  const depth = flags.depth > 0 ? `, after ${grouped(flags.depth)}` : "";
  const streams = flags.streams > 1 ? `, ${flags.streams} streams together` : "";
  const ofPeak = used(limits.prefillShare, "prefill");
  say(colors.bold(visible(model.name)));
  printFacts([
    ["backend", `${name} ${isa}, ${plural(threads, "thread")}`],
    ["load", duration(model.loadMs)],
    ["prefill", `${colors.bold(speed(speeds.prefillTps))} tokens/s (${flags.promptTokens} tokens${depth}${streams})`],
    ["decode", `${colors.bold(speed(speeds.decodeTps))} tokens/s (${flags.newTokens} tokens${depth}${streams})`],
    ["resident", bytes(rssMb * 1e6)],
    ["mapped", bytes(model.mappedBytes)],
    ["bandwidth", `${speed(limits.bandwidthGbs)} GB/s streaming read${used(limits.decodeShare, "decode")}`],
    ["arithmetic", isa === "amx" ? "–" : `${speed(limits.peakTflops)} TFLOP/s f32 multiply-add${ofPeak}`],
    ["amx", isa === "amx" ? `${speed(limits.peakTflops)} TFLOP/s of bf16 tiles${ofPeak}` : "–"],
  ]);
}

const used = (share: number | undefined, by: string) =>
  share === undefined ? "" : `, of which ${by} uses ${(100 * share).toFixed(0)} %`;

function checkRoom({ contextSize }: Model, { depth, promptTokens, newTokens }: Flags): void {
  // Decoding begins after the token that ends the prefill.
  if (depth + promptTokens + 1 + newTokens <= contextSize) return;
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
    prefillTps: median(runs.map(({ prefillTps }) => prefillTps)),
    decodeTps: median(runs.map(({ decodeTps }) => decodeTps)),
  };
}

const estimate = (last: Speeds | undefined) =>
  last ? ` (prefill ${speed(last.prefillTps)}, decode ${speed(last.decodeTps)} tokens/s)` : "";

/** One prefill of all streams, then one decode, which goes on from there: the prompts are in the KV cache by then. */
async function measureOnce(model: Model, prompts: readonly number[][], flags: Flags): Promise<Speeds> {
  const { depth, promptTokens, newTokens, streams } = flags;
  const read = await generateAll(model, prompts, 1);
  checkCached(read, depth);
  const prefillMs = Math.max(...read.map(({ timings }) => timings.firstTokenMs));
  const begun = prompts.map((prompt, i) => [...prompt, ...read[i]!.tokens]);
  const written = await generateAll(model, begun, newTokens);
  checkCached(written, depth + promptTokens);
  const firstAt = Math.min(...written.map(({ timings }) => timings.firstTokenMs));
  const lastAt = Math.max(...written.map(({ timings }) => timings.firstTokenMs + timings.decodeMs));
  return {
    prefillTps: (streams * promptTokens * 1000) / prefillMs,
    decodeTps: (streams * (newTokens - 1) * 1000) / (lastAt - firstAt),
  };
}

/** What is run anew would count as decoding, or as part of the prompt. */
function checkCached(results: readonly GenerationResult[], tokens: number): void {
  if (results.every(({ usage }) => usage.cachedTokens >= tokens)) return;
  throw new DeadliftError(
    "OutOfPages",
    `the KV cache does not keep ${tokens} tokens for each of ${results.length} streams; ` +
      "give fewer --streams, or a smaller --depth or -p",
  );
}

function generateAll(model: Model, prompts: readonly number[][], maxTokens: number): Promise<GenerationResult[]> {
  const options = { maxTokens, temperature: 0, stopTokens: [], signal: interruption };
  return Promise.all(prompts.map((ids) => model.generate(ids, options)));
}

async function measureLimits(model: Model, { prefillTps, decodeTps }: Speeds, flags: Flags): Promise<Limits> {
  using _ = new Progress("measuring the machine's limits");
  const bandwidthGbs = await model.bandwidth();
  interruption.throwIfAborted();
  const peakTflops = await model.peak();
  const { depth, promptTokens, newTokens, streams } = flags;
  const stepBytes = model.work.stepBytes(streams, depth + promptTokens + newTokens / 2);
  return {
    ...{ bandwidthGbs, peakTflops },
    prefillShare: (model.work.promptFlops * prefillTps) / 1e12 / peakTflops,
    decodeShare: stepBytes && (stepBytes * decodeTps) / streams / 1e9 / bandwidthGbs,
  };
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
const thousandths = (value: number) => Math.round(value * 1000) / 1000;
