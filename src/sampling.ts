// How the next token is chosen: the public options, their ranges, and what a model's own defaults add.

import { DeadliftError, type ErrorCode, expected } from "./error.js";
import { native, type Sampler } from "./native.js";

/**
 * Options of sampling, applied in this order: logitBias, repetitionPenalty, frequencyPenalty and presencePenalty,
 * temperature, topK, topP, minP, typicalP, draw. That is the order of transformers' `generate`, with OpenAI's two
 * penalties beside the other one, before temperature, so that their strength does not depend on it.
 *
 * What is left out comes from the model's generation_config.json, then from transformers' defaults: greedy unless that
 * file says `do_sample` or a temperature above 0 is given here; when sampling, temperature 1 and topK 50.
 */
export interface SamplingOptions {
  /** At least 0. 0 is greedy: the most probable token, the lowest id among equals; bias and penalties still apply. */
  readonly temperature?: number | undefined;
  /** Only the topK most probable, and all that equal the last of them; 0: no limit; 1: greedy. */
  readonly topK?: number | undefined;
  /** 0 to 1: only the most probable, until their sum reaches topP; 1: all. */
  readonly topP?: number | undefined;
  /** 0 to 1: only those at least minP times as probable as the most probable one; 0: all. */
  readonly minP?: number | undefined;
  /** Above 0, at most 1: only those nearest to the expected surprise, until their sum reaches typicalP; 1: all. */
  readonly typicalP?: number | undefined;
  /** Above 0. Divides positive and multiplies negative logits of ids in the prompt or the answer; 1: nothing. */
  readonly repetitionPenalty?: number | undefined;
  /** -2 to 2. Subtracted from an id's logit once for every time that the answer has it. */
  readonly frequencyPenalty?: number | undefined;
  /** -2 to 2. Subtracted from the logit of every id that the answer has. */
  readonly presencePenalty?: number | undefined;
  /** Added to the logits of these ids; -Infinity forbids one. */
  readonly logitBias?: Readonly<Record<number, number>> | ReadonlyMap<number, number> | undefined;
  /** 0 to 2^64 - 1. The same seed gives the same tokens for the same logits; left out: a random one, reported back. */
  readonly seed?: number | bigint | undefined;
  /**
   * true or a number: report the log-probability of each token, with 0 to 20 most probable alternatives (true: 0).
   * They are those of the model itself, before bias, penalties, temperature and cuts.
   */
  readonly logprobs?: boolean | number | undefined;
}

export const samplingKeys = [
  "temperature",
  "topK",
  "topP",
  "minP",
  "typicalP",
  "repetitionPenalty",
  "frequencyPenalty",
  "presencePenalty",
  "logitBias",
  "seed",
  "logprobs",
] as const satisfies readonly (keyof SamplingOptions)[];

/** What a model's files say about sampling, as they say it. */
export interface SamplingDefaults {
  readonly doSample?: boolean | undefined;
  readonly temperature?: number | undefined;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  readonly minP?: number | undefined;
  readonly typicalP?: number | undefined;
  readonly repetitionPenalty?: number | undefined;
}

/** The numbers of a sampler, all decided. */
export type SamplingNumbers = Record<keyof typeof ranges, number>;

interface Range {
  readonly what: string;
  readonly off: number;
  readonly holds: (value: number) => boolean;
}

const share: Omit<Range, "off"> = { what: "a number from 0 to 1", holds: (value) => value >= 0 && value <= 1 };
const penalty: Range = { what: "a number from -2 to 2", off: 0, holds: (value) => value >= -2 && value <= 2 };

const ranges = {
  temperature: { what: "a number of at least 0", off: 0, holds: (value) => value >= 0 && value < Infinity },
  topK: {
    what: "an integer of at least 0",
    off: 0,
    holds: (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 31,
  },
  topP: { ...share, off: 1 },
  minP: { ...share, off: 0 },
  typicalP: { what: "a number above 0 and at most 1", off: 1, holds: (value) => value > 0 && value <= 1 },
  repetitionPenalty: { what: "a number above 0", off: 1, holds: (value) => value > 0 && value < Infinity },
  frequencyPenalty: penalty,
  presencePenalty: penalty,
} as const satisfies Record<string, Range>;

const numberKeys = Object.keys(ranges) as (keyof typeof ranges)[];
const defaultTopK = 50; // transformers' own, used whenever sampling is on and neither user nor file says otherwise

/**
 * What the options mean for a model with these defaults.
 * Throws InvalidArgument for an option out of range, InvalidConfig for a default that is used and out of range.
 */
export function samplingNumbers(options: SamplingOptions, defaults: SamplingDefaults): SamplingNumbers {
  for (const key of numberKeys) {
    if (options[key] !== undefined) checkNumber(key, options[key], "InvalidArgument", key);
  }
  const samples = options.temperature === undefined ? defaults.doSample === true : options.temperature > 0;
  // Greedy takes no cuts: of a file's defaults only the penalty has a meaning then.
  const file: SamplingDefaults = samples
    ? { ...defaults, temperature: defaults.temperature ?? 1, topK: defaults.topK ?? defaultTopK }
    : { repetitionPenalty: defaults.repetitionPenalty };
  const decide = (key: keyof typeof ranges): number => {
    if (options[key] !== undefined) return options[key];
    const value = (file as Partial<SamplingNumbers>)[key];
    if (value === undefined) return ranges[key].off;
    checkNumber(key, value, "InvalidConfig", `${key} in the model's generation defaults`);
    return value;
  };
  return Object.fromEntries(numberKeys.map((key) => [key, decide(key)])) as SamplingNumbers;
}

/**
 * A sampler for one sequence: the options over the model's defaults. `history` is the prompt's tokens.
 * Also gives the seed, which is random when the options have none.
 */
export function createSampler(
  options: SamplingOptions,
  defaults: SamplingDefaults,
  vocab: number,
  history: Int32Array,
): { sampler: Sampler; seed: bigint } {
  const numbers = samplingNumbers(options, defaults);
  const seed = seedOf(options.seed);
  const { ids: biasIds, values: biasValues } = biasOf(options.logitBias, vocab);
  const logprobs = logprobsOf(options.logprobs);
  const sampler = native().samplerCreate({ ...numbers, vocab, biasIds, biasValues, seed, logprobs, history });
  return { sampler, seed };
}

function checkNumber(key: keyof typeof ranges, value: unknown, code: ErrorCode, name: string): void {
  const range: Range = ranges[key];
  if (typeof value !== "number" || !range.holds(value))
    throw new DeadliftError(code, expected(range.what, name, value));
}

function seedOf(seed: unknown): bigint {
  // 53 bits, so that the reported seed also survives as a JavaScript or JSON number.
  if (seed === undefined) return crypto.getRandomValues(new BigUint64Array(1))[0]! >> 11n;
  if (typeof seed === "number" && Number.isSafeInteger(seed) && seed >= 0) return BigInt(seed);
  if (typeof seed === "bigint" && seed >= 0n && seed < 1n << 64n) return seed;
  const what = "an integer from 0 to 2^64 - 1 (as a bigint above 2^53 - 1)";
  throw new DeadliftError("InvalidArgument", expected(what, "seed", seed));
}

function logprobsOf(logprobs: unknown): number {
  if (logprobs === undefined || logprobs === false) return -1;
  if (logprobs === true) return 0;
  if (typeof logprobs === "number" && Number.isInteger(logprobs) && logprobs >= 0 && logprobs <= 20) return logprobs;
  throw new DeadliftError("InvalidArgument", expected("true, false or an integer from 0 to 20", "logprobs", logprobs));
}

function biasOf(bias: SamplingOptions["logitBias"], vocab: number): { ids: Int32Array; values: Float32Array } {
  if (bias !== undefined && (bias === null || typeof bias !== "object" || Array.isArray(bias))) {
    throw new DeadliftError(
      "InvalidArgument",
      expected("an object or a Map of token ids to numbers", "logitBias", bias),
    );
  }
  const entries: [unknown, unknown][] = bias instanceof Map ? [...bias] : Object.entries(bias ?? {});
  const ids = entries.map(([key]) => {
    const id = typeof key === "string" && /^\d+$/.test(key) ? Number(key) : key;
    if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < vocab) return id;
    const what = `token ids from 0 to ${vocab - 1}`;
    throw new DeadliftError("InvalidArgument", expected(what, "the keys of logitBias", id));
  });
  const values = entries.map(([id, value]) => {
    // Numbers beyond float32 would become Infinity, which is nobody's preference.
    if (typeof value === "number" && (value === -Infinity || Number.isFinite(Math.fround(value)))) return value;
    throw new DeadliftError("InvalidArgument", expected("a finite number or -Infinity", `logitBias[${id}]`, value));
  });
  return { ids: Int32Array.from(ids), values: Float32Array.from(values) };
}
