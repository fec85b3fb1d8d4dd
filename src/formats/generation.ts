// How a model's authors want it sampled: generation_config.json, or the sampling keys of GGUF.

import type { SamplingDefaults } from "../sampling.js";
import { Fields } from "./fields.js";
import type { JsonObject } from "./file.js";
import type { Metadata } from "./gguf_metadata.js";

/** Only what the files state. `doSample: false` means greedy, whatever the temperature. */
export interface GenerationDefaults extends SamplingDefaults {
  readonly maxTokens?: number;
  /** Tokens that end a turn; empty when the files do not say. */
  readonly eos: readonly number[];
}

type Values = Omit<GenerationDefaults, "eos" | "doSample">;

/** Name here, key there, least and greatest value. */
type Rule = readonly [keyof Values, string, number, number];

const { POSITIVE_INFINITY: any, MAX_SAFE_INTEGER: anyInteger, MIN_VALUE: aboveZero } = Number;

const jsonRules: readonly Rule[] = [
  ["temperature", "temperature", 0, any],
  ["topK", "top_k", 0, anyInteger],
  ["topP", "top_p", 0, 1],
  ["minP", "min_p", 0, 1],
  ["typicalP", "typical_p", 0, 1],
  ["repetitionPenalty", "repetition_penalty", aboveZero, any],
  ["maxTokens", "max_new_tokens", 1, anyInteger],
];

const ggufRules: readonly Rule[] = [
  ["temperature", "temp", 0, any],
  ["topK", "top_k", 0, anyInteger],
  ["topP", "top_p", 0, 1],
  ["minP", "min_p", 0, 1],
  ["repetitionPenalty", "penalty_repeat", aboveZero, any],
];

/** Throws InvalidConfig for values outside their range. */
export function generationFromJson(json: JsonObject | undefined, vocab: number, source: string): GenerationDefaults {
  const fields = Fields.of(source, json ?? {});
  const doSample = fields.get("do_sample");
  return {
    ...read(fields, jsonRules),
    ...(doSample === undefined ? {} : { doSample: fields.boolean("do_sample", false) }),
    eos: fields.tokens("eos_token_id", vocab),
  };
}

/** A temperature there means sampling: GGUF has no `do_sample`. Throws InvalidConfig for values outside their range. */
export function generationFromGguf(metadata: Metadata, eos: readonly number[], source: string): GenerationDefaults {
  const values = read(new Fields(source, (key) => metadata.get(`general.sampling.${key}`)), ggufRules);
  return values.temperature === undefined ? { ...values, eos } : { ...values, doSample: values.temperature > 0, eos };
}

function read(fields: Fields, rules: readonly Rule[]): Values {
  const values: { -readonly [name in keyof Values]: number } = {};
  for (const [name, key, least, most] of rules) {
    const value = fields.get(key);
    if (value === undefined) continue;
    const whole = most === anyInteger;
    if (typeof value !== "number" || !(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
      throw fields.wrong(
        key,
        `${whole ? "an integer" : "a number"} of ${least === aboveZero ? "more than 0" : least} to ${most}`,
        value,
      );
    }
    values[name] = value;
  }
  return values;
}
