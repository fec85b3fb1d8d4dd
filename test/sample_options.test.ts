// Sampling options: their ranges, and how they meet a model's own defaults.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { native } from "../src/native.js";
import {
  createSampler,
  type SamplingDefaults,
  type SamplingOptions,
  samplingKeys,
  samplingNumbers,
} from "../src/sampling.js";

function create(options: object, defaults: SamplingDefaults = {}, vocab = 10) {
  return createSampler(options as SamplingOptions, defaults, vocab, new Int32Array());
}

describe("ranges", () => {
  it.each([
    [{ topP: 1.5 }, "expected a number from 0 to 1 for topP, received 1.5"],
    [{ topP: "0.9" }, 'expected a number from 0 to 1 for topP, received "0.9"'],
    [{ topP: null }, "expected a number from 0 to 1 for topP, received null"],
    [{ minP: -0.1 }, "expected a number from 0 to 1 for minP, received -0.1"],
    [{ typicalP: 0 }, "expected a number above 0 and at most 1 for typicalP, received 0"],
    [{ temperature: -1 }, "expected a number of at least 0 for temperature, received -1"],
    [{ temperature: Number.NaN }, "expected a number of at least 0 for temperature, received NaN"],
    [{ temperature: Infinity }, "expected a number of at least 0 for temperature, received Infinity"],
    [{ topK: 2.5 }, "expected an integer of at least 0 for topK, received 2.5"],
    [{ topK: -1 }, "expected an integer of at least 0 for topK, received -1"],
    [{ topK: 2 ** 31 }, "expected an integer of at least 0 for topK, received 2147483648"],
    [{ repetitionPenalty: 0 }, "expected a number above 0 for repetitionPenalty, received 0"],
    [{ frequencyPenalty: 2.1 }, "expected a number from -2 to 2 for frequencyPenalty, received 2.1"],
    [{ presencePenalty: -3 }, "expected a number from -2 to 2 for presencePenalty, received -3"],
    [{ seed: -1 }, /^expected an integer from 0 to 2\^64 - 1 .* for seed, received -1$/],
    [{ seed: 1.5 }, /for seed, received 1.5/],
    [{ seed: 2 ** 53 }, /for seed, received 9007199254740992/],
    [{ seed: 1n << 64n }, /for seed, received 18446744073709551616/],
    [{ logprobs: 21 }, "expected true, false or an integer from 0 to 20 for logprobs, received 21"],
    [{ logprobs: "yes" }, /for logprobs, received "yes"/],
    [{ logitBias: [1, 2] }, "expected an object or a Map of token ids to numbers for logitBias, received [1,2]"],
    [{ logitBias: null }, /for logitBias, received null/],
    [{ logitBias: { 10: 1 } }, "expected token ids from 0 to 9 for the keys of logitBias, received 10"],
    [{ logitBias: { hello: 1 } }, 'expected token ids from 0 to 9 for the keys of logitBias, received "hello"'],
    [{ logitBias: new Map([[0.5, 1]]) }, /for the keys of logitBias, received 0.5/],
    [{ logitBias: { 3: Infinity } }, "expected a finite number or -Infinity for logitBias[3], received Infinity"],
    [{ logitBias: { 3: Number.NaN } }, /for logitBias\[3\], received NaN/],
    [{ logitBias: { 3: 1e39 } }, /for logitBias\[3\], received 1e\+39/],
    [{ logitBias: { 3: "1" } }, /for logitBias\[3\], received "1"/],
  ])("refuses %o", (options, message) => {
    expect(() => create(options)).toThrow(message);
    expect(() => create(options)).toThrow(expect.objectContaining({ code: "InvalidArgument" }));
  });

  it.each([
    {},
    { temperature: 0, topK: 0, topP: 0, minP: 0, typicalP: 1e-9, repetitionPenalty: 0.01, seed: 0 },
    { temperature: 100, topK: 2 ** 31 - 1, topP: 1, minP: 1, typicalP: 1, seed: (1n << 64n) - 1n },
    { frequencyPenalty: -2, presencePenalty: 2, logprobs: true, logitBias: {} },
    { logprobs: 20, logitBias: { 0: -Infinity, 9: 100 } },
    { logprobs: false, logitBias: new Map([[9, -1]]), temperature: undefined, seed: undefined },
  ])("takes %o", (options) => {
    const { sampler } = create(options, { doSample: true });
    expect(native().samplerSample(sampler, new Float32Array(10)).id).toBeLessThan(10);
  });

  it("names every option", () => {
    const all: Required<SamplingOptions> = {
      ...{ temperature: 1, topK: 1, topP: 1, minP: 1, typicalP: 1, repetitionPenalty: 1 },
      ...{ frequencyPenalty: 1, presencePenalty: 1, logitBias: {}, seed: 1, logprobs: true },
    };
    expect([...samplingKeys].sort()).toEqual(Object.keys(all).sort());
  });
});

describe("a model's defaults", () => {
  interface Golden {
    file: Record<string, number | boolean>;
    ask: Record<string, number>;
    samples: boolean;
    meaning: Record<string, number | null>;
  }
  const path = new URL("fixtures/sampling/defaults.json", import.meta.url);
  const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: Golden[] };
  const camel = (values: object) =>
    Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key.replace(/_./g, (_) => _[1]!.toUpperCase()), value]),
    );

  it.each(cases.map((one) => [JSON.stringify(one.file), JSON.stringify(one.ask), one] as const))(
    "%s with %s is what transformers makes of it",
    (_file, _ask, { file, ask, samples, meaning }) => {
      const numbers = samplingNumbers(camel(ask), camel(file));
      expect(numbers.repetitionPenalty).toBe(meaning.repetitionPenalty);
      expect(numbers.temperature > 0).toBe(samples);
      if (!samples) return;
      expect(numbers).toMatchObject({ ...meaning, minP: meaning.minP ?? 0 });
    },
  );

  it("are errors only where they are used", () => {
    const wrong = { doSample: true, topP: 7 };
    const message = "expected a number from 0 to 1 for topP in the model's generation defaults, received 7";
    expect(() => create({}, wrong)).toThrow(message);
    expect(() => create({}, wrong)).toThrow(expect.objectContaining({ code: "InvalidConfig" }));
    create({ topP: 0.5 }, wrong);
    create({ temperature: 0 }, wrong);
    create({}, { ...wrong, doSample: false });
  });

  it("leave frequency and presence to the caller", () => {
    expect(samplingNumbers({ frequencyPenalty: 0.5 }, {})).toMatchObject({ frequencyPenalty: 0.5, presencePenalty: 0 });
  });
});

describe("seeds", () => {
  it("are reported as given", () => {
    expect(create({ seed: 7 }).seed).toBe(7n);
    expect(create({ seed: 1n << 63n }).seed).toBe(1n << 63n);
  });

  it("are random when absent, repeat the draws when given back, and fit a JSON number", () => {
    const draw = (options: object) => {
      const { sampler, seed } = create({ temperature: 1, topK: 0, ...options }, {}, 1000);
      const ids = Array.from({ length: 20 }, () => native().samplerSample(sampler, new Float32Array(1000)).id);
      return { seed, ids };
    };
    const [a, b] = [draw({}), draw({})];
    expect(a.seed).not.toBe(b.seed);
    expect(a.ids).not.toEqual(b.ids);
    expect(Number.isSafeInteger(Number(a.seed))).toBe(true);
    expect(draw({ seed: Number(a.seed) })).toEqual(a);
  });
});

describe("logitBias", () => {
  it("forbids and prefers ids, from an object or a Map", () => {
    const logits = Float32Array.of(3, 2, 1);
    const first = (logitBias: SamplingOptions["logitBias"]) =>
      native().samplerSample(create({ logitBias }, {}, 3).sampler, logits).id;
    expect(first(undefined)).toBe(0);
    expect(first({ 0: -Infinity })).toBe(1);
    expect(first(new Map([[2, 5]]))).toBe(2);
  });
});
