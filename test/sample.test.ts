// The native sampler draws what the plain reference draws, id for id.

import { describe, expect, it } from "vitest";
import type { Sampled } from "../src/native.js";
import { ReferenceSampler } from "./reference/sample.js";
import { Chance, off, samplerOf } from "./reference/sample_cases.js";

/** Equal up to float32 rounding of log-probabilities. */
function expectSame(actual: Sampled, wanted: Sampled, about: string): void {
  if (actual.id !== wanted.id) expect(actual.id, about).toBe(wanted.id);
  expectNear(actual.logprob, wanted.logprob, about);
  if (actual.top === undefined || wanted.top === undefined) {
    expect(actual.top, about).toBe(wanted.top);
    return;
  }
  expect(
    actual.top.map(({ id }) => id),
    about,
  ).toEqual(wanted.top.map(({ id }) => id));
  actual.top.forEach(({ logprob }, i) => {
    expectNear(logprob, wanted.top![i]!.logprob, about);
  });
}

function expectNear(actual: number | undefined, wanted: number | undefined, about: string): void {
  if (actual === wanted) return;
  const near = Math.abs(actual! - wanted!) <= 1e-6 + 1e-6 * Math.abs(wanted!);
  if (!near) expect(actual, about).toBe(wanted);
}

describe("against the reference, id for id", () => {
  it.each([
    [1, 150],
    [2, 600],
    [17, 1500],
    [127, 400],
    [128, 200],
    [1000, 400],
    [50_000, 12],
  ])("vocabulary of %i, %i cases of 5 tokens", (vocab, cases) => {
    const chance = new Chance(vocab);
    for (let i = 0; i < cases; i++) {
      const options = chance.options(vocab);
      const row = chance.row(vocab);
      const reference = new ReferenceSampler(options);
      const sample = samplerOf(options);
      for (let step = 0; step < 5; step++) {
        expectSame(sample(row), reference.sample(row), `case ${i}, step ${step}`);
      }
    }
  });

  it.each([
    "temperature",
    "topK",
    "topP",
    "minP",
    "typicalP",
    "repetitionPenalty",
    "frequencyPenalty",
    "presencePenalty",
  ] as const)("%s alone", (name) => {
    const chance = new Chance(name.length);
    for (let i = 0; i < 200; i++) {
      const vocab = chance.of([3, 30, 300]);
      const options = { ...off, vocab, seed: BigInt(i), [name]: chance.options(vocab)[name] };
      const reference = new ReferenceSampler(options);
      const sample = samplerOf(options);
      for (let step = 0; step < 8; step++) {
        const row = chance.row(vocab);
        expectSame(sample(row), reference.sample(row), `case ${i}, step ${step}`);
      }
    }
  });

  it("51,000 ids that share few values: buckets, ties and thresholds at once", () => {
    const chance = new Chance(5);
    const row = Float32Array.from({ length: 51_000 }, () => Math.round(chance.next() * 200) / 16);
    for (const cut of [{ topP: 0.5 }, { topP: 0.97 }, { typicalP: 0.4 }, { topK: 700, topP: 0.3 }, { minP: 0.2 }]) {
      const options = { ...off, vocab: row.length, ...cut };
      const reference = new ReferenceSampler(options);
      const sample = samplerOf(options);
      for (let step = 0; step < 5; step++) expectSame(sample(row), reference.sample(row), JSON.stringify(cut));
    }
  });
});

describe("draws", () => {
  it("are the same for the same seed, and others for another", () => {
    const row = new Float32Array(1000);
    const run = (seed: bigint) => {
      const sample = samplerOf({ vocab: 1000, seed });
      return Array.from({ length: 50 }, () => sample(row).id);
    };
    expect(run(42n)).toEqual(run(42n));
    const runs = [0n, 1n, 2n, 1n << 32n, (1n << 64n) - 1n].map((seed) => run(seed).join());
    expect(new Set(runs).size).toBe(runs.length);
  });

  it("begin with these ids for these seeds: written down, so that no release changes them unseen", () => {
    const row = Float32Array.from({ length: 1000 }, (_, i) => Math.fround(Math.sin(i) * 3));
    const sample = samplerOf({ vocab: 1000, seed: 42n, temperature: 0.8, topK: 50, topP: 0.9 });
    expect(Array.from({ length: 8 }, () => sample(row).id)).toMatchInlineSnapshot(`
      [
        743,
        165,
        278,
        341,
        33,
        875,
        209,
        812,
      ]
    `);
  });

  it.each([
    ["all", {}],
    ["temperature 0.7", { temperature: 0.7 }],
    ["topK 6 and topP 0.9", { topK: 6, topP: 0.9 }],
    ["typicalP 0.8", { typicalP: 0.8 }],
  ])("come as often as their probability says: %s", (_, cut) => {
    const row = Float32Array.of(0, 1, 2, 0.5, -1, 1.5, 1, -3, 0.25, 1.75);
    const options = { ...off, ...cut, vocab: row.length, seed: 3n };
    const left = new ReferenceSampler(options).left(row);
    const sum = left.reduce((all, { weight }) => all + weight, 0);
    const sample = samplerOf(options);
    const counts = new Float64Array(row.length);
    const draws = 40_000;
    for (let i = 0; i < draws; i++) counts[sample(row).id]!++;
    // Pearson's chi-square; 27.9 is passed once in a thousand with 9 degrees of freedom, and this seed does not.
    const chiSquare = left.reduce((all, { id, weight }) => {
      const wanted = (draws * weight) / sum;
      return all + (counts[id]! - wanted) ** 2 / wanted;
    }, 0);
    expect(chiSquare).toBeLessThan(27.9);
    expect(left.reduce((all, { id }) => all + counts[id]!, 0)).toBe(draws);
  });
});
