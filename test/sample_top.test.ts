// Sampling from the largest logits of a row gives what the whole row gives, as often as samplerNeeds says they are enough.

import { describe, expect, it } from "vitest";
import { type NativeSamplerOptions, native } from "../src/native.js";
import { Chance, off } from "./reference/sample_cases.js";

const samplerOf = (options: Partial<NativeSamplerOptions>) => native().samplerCreate({ ...off, ...options });
const needs = (options: Partial<NativeSamplerOptions>, ahead = 0) =>
  native().samplerNeeds(samplerOf({ vocab: 5000, ...options }), ahead);

/** Ids of the `count` largest logits and of all that equal the least of them, and of some more. */
function largest(row: Float32Array, count: number, more: (id: number) => boolean): Int32Array {
  const real = [...row.keys()].filter((id) => row[id]! > -Infinity);
  const limit = real.map((id) => row[id]!).sort((a, b) => b - a)[Math.min(count, real.length) - 1]!;
  return Int32Array.from(real.filter((id) => row[id]! >= limit || more(id)));
}

describe("draws what the whole row draws", () => {
  it.each([
    [1, 100],
    [2, 400],
    [17, 1000],
    [300, 600],
    [3000, 200],
  ])("vocabulary of %i, %i cases of 6 tokens", (vocab, cases) => {
    const chance = new Chance(vocab);
    let parts = 0;
    for (let i = 0; i < cases; i++) {
      const options = { ...chance.options(vocab), logprobs: -1 };
      const whole = samplerOf(options);
      const part = samplerOf(options);
      for (let step = 0; step < 6; step++) {
        const row = chance.row(vocab);
        const wanted = native().samplerSample(whole, row);
        const count = native().samplerNeeds(part, 0);
        if (count === 0) {
          expect(native().samplerSample(part, row)).toEqual(wanted);
          continue;
        }
        parts++;
        const ids = largest(row, count, () => i % 2 === 1 && chance.below(50) === 0);
        const logits = Float32Array.from(ids, (id) => row[id]!);
        const before = logits.slice();
        expect(native().samplerSampleTop(part, ids, logits), `case ${i}, step ${step}`).toEqual(wanted);
        expect(logits).toEqual(before);
      }
    }
    expect(parts).toBeGreaterThan(cases / 2);
  });

  it("gives id 0 where nothing is above -Infinity", () => {
    for (const options of [{ temperature: 0 }, { topK: 5 }, { topK: 5, topP: 0.5, typicalP: 0.5 }]) {
      const sampler = samplerOf({ vocab: 9, ...options });
      expect(native().samplerSampleTop(sampler, new Int32Array(), new Float32Array()).id).toBe(0);
    }
  });
});

describe("how many logits are enough", () => {
  it("is one for greedy, topK otherwise", () => {
    expect(needs({ temperature: 0 })).toBe(1);
    expect(needs({ topK: 1 })).toBe(1);
    expect(needs({ temperature: 0, topK: 50 })).toBe(1);
    expect(needs({ topK: 40, topP: 0.9, minP: 0.1, typicalP: 0.5 })).toBe(40);
    expect(needs({ topK: 1024 })).toBe(1024);
  });

  it("is the whole row without topK, with a large one, and for log-probabilities", () => {
    expect(needs({})).toBe(0);
    expect(needs({ topP: 0.5 })).toBe(0);
    expect(needs({ topK: 1025 })).toBe(0);
    expect(needs({ temperature: 0, logprobs: 0 })).toBe(0);
  });

  it("is as many more as penalties and bias may lower", () => {
    const history = Int32Array.of(4, 5, 5, 6);
    expect(needs({ topK: 10, repetitionPenalty: 1.1, history })).toBe(13);
    expect(needs({ topK: 10, repetitionPenalty: 1.1, history }, 2)).toBe(15);
    expect(needs({ topK: 10, presencePenalty: 1, history }, 1)).toBe(11);
    const biased = { biasIds: Int32Array.of(7, 8), biasValues: Float32Array.of(-1, -Infinity) };
    expect(needs({ temperature: 0, ...biased })).toBe(3);
    const sampler = samplerOf({ vocab: 9, temperature: 0, frequencyPenalty: 1 });
    native().samplerSample(sampler, new Float32Array(9));
    expect(native().samplerNeeds(sampler, 0)).toBe(2);
  });

  it("is the whole row where logits are raised: those come from anywhere", () => {
    expect(needs({ topK: 10, repetitionPenalty: 0.9 })).toBe(0);
    expect(needs({ topK: 10, frequencyPenalty: -1 })).toBe(0);
    expect(needs({ topK: 10, biasIds: Int32Array.of(1), biasValues: Float32Array.of(0.5) })).toBe(0);
  });
});
