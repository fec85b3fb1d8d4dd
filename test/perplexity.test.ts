// Perplexity as transformers computes it over the same windows, and divergence as its definition says.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embeddedModel, loadModel, type Model, type PerplexityProgress } from "../src/index.js";
import { readJson } from "./reference/runner.js";

const fixtures = join(import.meta.dirname, "fixtures/tiny");
const heldout = readFileSync(join(fixtures, "heldout.txt"), "utf8");
const golden = readJson<{ runs: { context: number; tokens: number; nll: number; perplexity: number }[] }>(
  join(fixtures, "perplexity.json"),
);

let model: Model;
let coarse: Model;
beforeAll(async () => {
  model = await loadModel(embeddedModel, { kvType: "f32" });
  coarse = await loadModel(embeddedModel, { kvType: "bf16" });
});
afterAll(async () => {
  await model.dispose();
  await coarse.dispose();
});

function logSoftmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sum = logits.reduce((total, x) => total + Math.exp(x - largest), 0);
  return Float64Array.from(logits, (x) => x - largest - Math.log(sum));
}

describe("perplexity", () => {
  it.each(golden.runs)("of held-out text in windows of $context", async ({ context, tokens, nll, perplexity }) => {
    const seen: PerplexityProgress[] = [];
    const onProgress = (progress: PerplexityProgress) => seen.push(progress);
    const result = await model.perplexity(heldout, { contextSize: context, onProgress });
    expect(result.tokens).toBe(tokens);
    expect(result.nll).toBeCloseTo(nll, 5);
    expect(result.perplexity).toBeCloseTo(perplexity, 5);
    expect(result.standardError).toBeGreaterThan(0);
    expect(seen.map(({ done }) => done)).toEqual(Array.from({ length: result.windows }, (_, i) => i + 1));
    expect(seen.at(-1)!.perplexity).toBeCloseTo(result.perplexity, 10);
  });

  it("changes by less than 0.02 % where keys and values are kept in q8_0", async () => {
    const [{ context, perplexity }] = golden.runs as [(typeof golden.runs)[number]];
    const small = await loadModel(embeddedModel, { kvType: "q8_0" });
    const result = await small.perplexity(heldout, { contextSize: context });
    expect(Math.abs(result.perplexity / perplexity - 1)).toBeLessThan(2e-4);
    await small.dispose();
  });

  it("takes 512 tokens where nothing is said, and token ids", async () => {
    const ids = await model.tokenizer.encode(heldout);
    const result = await model.perplexity(ids.slice(0, 1100));
    expect(result).toMatchObject({ contextSize: 512, windows: 2, tokens: 510, base: undefined });
  });

  it("is an error for a text of less than two windows, and for impossible options", async () => {
    await expect(model.perplexity("short")).rejects.toMatchObject({
      code: "InvalidArgument",
      message: expect.stringMatching(/at least 1024 tokens.*received \d+.*smaller contextSize/),
    });
    await expect(model.perplexity(heldout, { contextSize: 1e9 })).rejects.toMatchObject({ code: "InvalidArgument" });
    await expect(model.perplexity(heldout, { window: 3 } as object)).rejects.toMatchObject({ code: "UnknownOption" });
    await expect(model.perplexity(heldout, { base: {} as Model })).rejects.toMatchObject({ code: "InvalidArgument" });
    await expect(model.perplexity([1, 2, -3])).rejects.toMatchObject({ code: "InvalidArgument" });
  });

  it("stops when its signal says so", async () => {
    const stop = new AbortController();
    const work = model.perplexity(heldout, { contextSize: 64, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(work).rejects.toMatchObject({ code: "Aborted" });
    expect((await model.generate("Once", { maxTokens: 2, stopTokens: [] })).tokens).toHaveLength(2);
  });
});

describe("divergence from a base", () => {
  it("is nothing from itself", async () => {
    const { base, perplexity } = await model.perplexity(heldout, { contextSize: 64, base: model });
    expect(base!.perplexity).toBe(perplexity);
    expect(base!.sameTop).toBe(1);
    expect(base!.divergence.maximum).toBeLessThan(1e-12);
  });

  it("is what its definition says", async () => {
    const ids = (await model.tokenizer.encode(heldout)).slice(0, 128);
    const { base } = await coarse.perplexity(ids, { contextSize: 64, base: model });
    const divergences: number[] = [];
    let same = 0;
    for (const window of [ids.slice(0, 64), Int32Array.of(ids[0]!, ...ids.slice(65, 128))]) {
      const [p, q] = [await model.logits(window), await coarse.logits(window)].map((rows) => rows!.map(logSoftmax));
      for (let at = 32; at < 63; at++) {
        const [logP, logQ] = [p![at]!, q![at]!];
        divergences.push(logP.reduce((sum, x, i) => sum + Math.exp(x) * (x - logQ[i]!), 0));
        same += Number(logP.indexOf(Math.max(...logP)) === logQ.indexOf(Math.max(...logQ)));
      }
    }
    const mean = divergences.reduce((a, b) => a + b, 0) / divergences.length;
    expect(mean).toBeGreaterThan(0);
    expect(base!.divergence.mean / mean).toBeCloseTo(1, 6);
    expect(base!.divergence.maximum / Math.max(...divergences)).toBeCloseTo(1, 6);
    expect(base!.sameTop).toBeCloseTo(same / divergences.length, 10);
  });
});
