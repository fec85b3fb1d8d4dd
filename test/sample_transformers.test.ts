// Both samplers keep of a row of logits what transformers keeps.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { NativeSamplerOptions } from "../src/native.js";
import { ReferenceSampler } from "./reference/sample.js";
import { off, samplerOf } from "./reference/sample_cases.js";

describe("against transformers", () => {
  interface Golden {
    options: Record<string, number> & { logitBias?: [number, number | string][] };
    logits: (number | string)[];
    history: number[];
    ids: number[];
    shares: number[];
  }
  const path = new URL("fixtures/sampling/distributions.json", import.meta.url);
  const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: Golden[] };

  function optionsOf({ options: { logitBias, ...numbers }, logits, history }: Golden): NativeSamplerOptions {
    return {
      ...off,
      ...numbers,
      vocab: logits.length,
      history: Int32Array.from(history),
      biasIds: Int32Array.from(logitBias ?? [], ([id]) => id),
      biasValues: Float32Array.from(logitBias ?? [], ([, value]) => Number(value)),
    };
  }

  it.each(cases.map((one, i) => [i, JSON.stringify(one.options), one] as const))("%i: %s", (_, _name, golden) => {
    const options = optionsOf(golden);
    const row = Float32Array.from(golden.logits, Number);
    const reference = new ReferenceSampler(options);
    const left = reference.left(reference.adjusted(row)).filter(({ weight }) => weight > 0);
    const sum = left.reduce((all, { weight }) => all + weight, 0);
    // transformers may keep ids whose share is 0 (they cannot be drawn either), and leaves it to an unstable sort which
    // of several equals topP keeps: so values are compared, and ids only where no logit comes twice.
    const order = (a: number, b: number) => b - a;
    const shares = golden.shares.filter((share) => share > 0).sort(order);
    const ours = left.map(({ weight }) => weight / sum).sort(order);
    expect(ours.length).toBe(shares.length);
    ours.forEach((share, i) => {
      expect(share).toBeCloseTo(shares[i]!, 6);
    });
    if (new Set(golden.logits).size === golden.logits.length) {
      expect(left.map(({ id }) => id)).toEqual(golden.ids.filter((_, i) => golden.shares[i]! > 0));
    }

    // One native draw for each of many seeds: nothing that was cut, and everything likely.
    const drawn = new Set<number>();
    for (let seed = 0; seed < 400; seed++) drawn.add(samplerOf({ ...options, seed: BigInt(seed) })(row).id);
    const kept = new Map(left.map(({ id, weight }) => [id, weight / sum]));
    expect([...drawn].filter((id) => !kept.has(id))).toEqual([]);
    if (options.topK !== 1) expect([...kept].filter(([id, share]) => share > 0.05 && !drawn.has(id))).toEqual([]);
  });
});
