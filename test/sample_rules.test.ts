// The rules of sampling one by one: ties, penalties, broken logits, log-probabilities.

import { describe, expect, it } from "vitest";
import { samplerOf } from "./reference/sample_cases.js";

describe("greedy", () => {
  it("takes the largest, the lowest id among equals", () => {
    const sample = samplerOf({ temperature: 0, vocab: 5 });
    expect(sample([1, 3, 2, 3, 3]).id).toBe(1);
    expect(sample([-0, 0, -0, -1, 0]).id).toBe(0);
  });

  it("is also topK 1, which draws no random number", () => {
    expect(samplerOf({ temperature: 5, topK: 1, vocab: 4 })([0, 2, 2, 1]).id).toBe(1);
  });

  it("obeys bias and penalties", () => {
    const biased = { biasIds: Int32Array.of(2, 0), biasValues: Float32Array.of(-Infinity, 1.5) };
    expect(samplerOf({ temperature: 0, vocab: 3, ...biased })([0, 1, 9]).id).toBe(0);
    const sample = samplerOf({ temperature: 0, vocab: 3, presencePenalty: 1.5 });
    expect([1, 2, 3, 4].map(() => sample([0, 1, 2]).id)).toEqual([2, 1, 2, 2]);
  });

  it("finds the largest wherever it is", () => {
    for (const vocab of [1, 127, 128, 129, 1000]) {
      const sample = samplerOf({ temperature: 0, vocab });
      for (let at = 0; at < vocab; at += 7) {
        const row = new Float32Array(vocab).fill(-5);
        row[at] = 1;
        expect(sample(row).id).toBe(at);
      }
    }
  });
});

describe("penalties", () => {
  it("count the prompt for repetition, but not for frequency and presence", () => {
    const history = Int32Array.of(0);
    const row = [2, 1.5];
    expect(samplerOf({ temperature: 0, vocab: 2, repetitionPenalty: 1.5, history })(row).id).toBe(1);
    expect(samplerOf({ temperature: 0, vocab: 2, frequencyPenalty: 2, presencePenalty: 2, history })(row).id).toBe(0);
  });

  it("subtract count * frequency + presence", () => {
    const sample = samplerOf({ temperature: 0, vocab: 2, frequencyPenalty: 1, presencePenalty: 0.5 });
    // Id 0 has 10, then 8.5, 7.5, 6.5; id 1 has 7.
    expect([1, 2, 3, 4].map(() => sample([10, 7]).id)).toEqual([0, 0, 0, 1]);
  });

  it("ignore ids of the prompt that have no logit", () => {
    const history = Int32Array.of(-1, 99, 1);
    expect(samplerOf({ temperature: 0, vocab: 2, repetitionPenalty: 3, history })([1, 2]).id).toBe(0);
  });
});

describe("broken logits", () => {
  it("count NaN as -Infinity and Infinity as the largest", () => {
    for (const temperature of [0, 1]) {
      const sample = samplerOf({ temperature, vocab: 4 });
      expect(sample([Number.NaN, 1, -Infinity, Number.NaN]).id).toBe(1);
      expect(sample([1, Number.NaN, Infinity, 3e38]).id).toBe(2);
    }
  });

  it("give id 0 where nothing is above -Infinity", () => {
    for (const options of [{ temperature: 0 }, {}, { topK: 2, topP: 0.5, minP: 0.1, typicalP: 0.5 }]) {
      const sample = samplerOf({ ...options, vocab: 3, logprobs: 2 });
      expect(sample([Number.NaN, -Infinity, Number.NaN])).toEqual({ id: 0, logprob: -Infinity, top: [] });
    }
  });
});

describe("log-probabilities", () => {
  it("are the model's own, whatever bias, penalties and temperature do", () => {
    const row = [1, 2, 3].map(Math.log); // shares 1/6, 2/6, 3/6
    const sample = samplerOf({
      vocab: 3,
      temperature: 0,
      logprobs: 2,
      repetitionPenalty: 2,
      biasIds: Int32Array.of(2),
      biasValues: Float32Array.of(-Infinity),
    });
    for (let step = 0; step < 3; step++) {
      const { id, logprob, top } = sample(row);
      expect(id).toBe(1);
      expect(logprob).toBeCloseTo(Math.log(2 / 6), 6);
      expect(top!.map((one) => one.id)).toEqual([2, 1]);
      expect(top![0]!.logprob).toBeCloseTo(Math.log(3 / 6), 6);
    }
  });

  it("are absent unless asked for, and never more than the vocabulary", () => {
    expect(samplerOf({ vocab: 2 })([0, 0]).logprob).toBeUndefined();
    expect(samplerOf({ vocab: 2, logprobs: 0 })([0, 0]).top).toEqual([]);
    expect(samplerOf({ vocab: 2, logprobs: 20 })([0, 0]).top!.map(({ id }) => id)).toEqual([0, 1]);
  });
});
