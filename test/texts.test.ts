// Vectors, ranks and classes are those of sentence-transformers, model2vec and transformers' pipelines; fixtures/texts/make.py
// made the models and what Python makes of texts.

import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { type LoadOptions, loadModel, type Model } from "../src/index.js";
import { readJson } from "./reference/runner.js";

const fixtures = resolve(import.meta.dirname, "fixtures/texts");

async function withModel<T>(name: string, work: (model: Model) => Promise<T>, options: LoadOptions = {}): Promise<T> {
  await using model = await loadModel(join(fixtures, name), { threads: 2, ...options });
  return await work(model);
}

function golden<T>(name: string): T {
  return readJson<T>(join(fixtures, name, "golden.json"));
}

interface Vectors {
  readonly texts: string[];
  readonly vectors: number[][];
  readonly default?: number[][];
  readonly prompts?: Record<string, number[][]>;
  readonly shortened?: number[][];
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return aa === 0 && bb === 0 ? 1 : ab / Math.sqrt(aa * bb);
}

function expectVectors(actual: readonly Float32Array[], wanted: readonly number[][]): void {
  expect(actual.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length));
  actual.forEach((vector, i) => {
    expect(cosine(vector, wanted[i]!)).toBeGreaterThan(0.99999);
    expect(Math.max(...vector.map((value, d) => Math.abs(value - wanted[i]![d]!)))).toBeLessThan(1e-4);
  });
}

describe.each(["minilm", "cls-prompts", "dense", "qwen3-embedding", "static"])("%s", (name) => {
  const { texts, vectors, shortened, prompts = {}, ...rest } = golden<Vectors>(name);
  const plain = { truncate: true, prompt: rest.default ? { text: "" } : undefined };

  it("vectors are those of Python, with each prompt and with fewer dimensions", async () => {
    await withModel(name, async (model) => {
      expect(model.tasks).toEqual(["embed"]);
      expectVectors(await model.embed(texts, plain), vectors);
      if (rest.default) expectVectors(await model.embed(texts, { truncate: true }), rest.default);
      expect(model.prompts).toEqual(expect.arrayContaining(Object.keys(prompts)));
      for (const [prompt, wanted] of Object.entries(prompts)) {
        expectVectors(await model.embed(texts, { prompt, truncate: true }), wanted);
      }
      const less = { ...plain, dimensions: 12, normalize: true };
      if (shortened) expectVectors(await model.embed(texts, less), shortened);
    });
  });

  it("a text has the same bits alone and among others, one and many at once, from any number of threads", async () => {
    const all = await withModel(name, (model) => model.embed(texts, plain));
    await withModel(
      name,
      async (model) => {
        const alone = await Promise.all(texts.map((text) => model.embed(text, plain)));
        expect(alone).toEqual(all);
        expect(await model.embed([...texts, ...texts].reverse(), plain)).toEqual([...all, ...all].reverse());
        expect(await model.embed([], plain)).toEqual([]);
      },
      { threads: 3 },
    );
  });
});

it("refuses texts that are too long, prompts that are not there, and dimensions that there are not", async () => {
  await withModel("minilm", async (model) => {
    const long = "The quick brown fox jumps over the lazy dog. ".repeat(9);
    await expect(model.embed(long)).rejects.toThrow(
      expect.objectContaining({ code: "ContextOverflow", message: expect.stringMatching(/at most 24 .*truncate/) }),
    );
    await expect(model.embed("x", { prompt: "other" })).rejects.toThrow(
      /one of .*\{ text \} for prompt, received "other"/,
    );
    await expect(model.embed("x", { dimensions: 33 })).rejects.toThrow(/from 1 to 32/);
    await expect(model.embed(["x", 1 as never])).rejects.toThrow(expect.objectContaining({ code: "InvalidArgument" }));
    await expect(model.embed("x", { promt: "y" } as never)).rejects.toThrow(/did you mean "prompt"/);
  });
  await withModel("cls-prompts", async (model) => {
    await expect(model.embed("x", { prompt: "qery" })).rejects.toThrow(/one of "document", "query", or \{ text \}/);
  });
});

it("ends with an abort, and goes on with the next call", async () => {
  await withModel("minilm", async (model) => {
    const texts = Array.from({ length: 3000 }, (_, i) => `bird ${i}`);
    const controller = new AbortController();
    const work = model.embed(texts, { signal: controller.signal, onProgress: () => controller.abort() });
    await expect(work).rejects.toThrow(expect.objectContaining({ code: "Aborted" }));
    expect(await model.embed("bird")).toHaveLength(32);
    const late = model.embed(texts);
    const ended = expect(late).rejects.toThrow(expect.objectContaining({ code: "Disposed" }));
    await model.dispose();
    await ended;
  });
});

describe.each(["reranker", "reranker-identity", "qwen3-reranker"])("%s", (name) => {
  it("ranks documents as Python's CrossEncoder", async () => {
    const { query, documents, ranks } = golden<{
      query: string;
      documents: string[];
      ranks: { index: number; score: number }[];
    }>(name);
    await withModel(name, async (model) => {
      expect(model.tasks).toContain("rerank");
      const ranked = await model.rerank(query, documents);
      expect(ranked.map(({ index }) => index)).toEqual(ranks.map(({ index }) => index));
      ranked.forEach(({ index, document, score }, i) => {
        expect(document).toBe(documents[index]);
        expect(Math.abs(score - ranks[i]!.score)).toBeLessThan(1e-4);
      });
      expect(await model.rerank(query, documents, { topN: 2 })).toEqual(ranked.slice(0, 2));
      expect(await model.rerank(query, [])).toEqual([]);
    });
  });
});

it("classifies texts as Python's pipeline", async () => {
  const { texts, labels } = golden<{ texts: string[]; labels: { label: string; score: number }[][] }>("classifier");
  await withModel("classifier", async (model) => {
    expect(model.tasks).toEqual(["classify"]);
    for (const [i, text] of texts.entries()) {
      const found = await model.classify(text);
      expect(found.map(({ label }) => label)).toEqual(labels[i]!.map(({ label }) => label));
      found.forEach(({ score }, k) => {
        expect(Math.abs(score - labels[i]![k]!.score)).toBeLessThan(1e-4);
      });
      expect(await model.classify(text, { topK: 1 })).toEqual(found.slice(0, 1));
    }
    expect(await model.classify(["a pair", "of texts"])).toHaveLength(3);
  });
});

it("says of each token what Python says", async () => {
  const { texts, tokens } = golden<{ texts: string[]; tokens: { token: string; label: string; score: number }[][] }>(
    "entities",
  );
  await withModel("entities", async (model) => {
    for (const [i, text] of texts.entries()) {
      const found = await model.tokens(text);
      expect(found.map(({ token, label }) => [token, label])).toEqual(
        tokens[i]!.map(({ token, label }) => [token, label]),
      );
      found.forEach(({ score }, k) => {
        expect(Math.abs(score! - tokens[i]![k]!.score)).toBeLessThan(1e-4);
      });
      expect(found[0]!.special).toBe(true);
    }
  });
});

it("fills in masks as Python's pipeline", async () => {
  const { texts, candidates } = golden<{ texts: string[]; candidates: { id: number; score: number }[][] }>("masked");
  await withModel("masked", async (model) => {
    for (const [i, text] of texts.entries()) {
      const masks = (await model.tokens(text, { topK: 3 })).filter((token) => token.candidates);
      expect(masks).toHaveLength(1);
      const [{ candidates: found = [] }] = masks as [(typeof masks)[number]];
      expect(found.map(({ id }) => id)).toEqual(candidates[i]!.map(({ id }) => id));
      found.forEach(({ score, text: word }, k) => {
        expect(Math.abs(score - candidates[i]![k]!.score)).toBeLessThan(1e-4);
        expect(word).not.toBe("");
      });
    }
  });
});

describe("a wrong call says what the model can do", () => {
  const refusal = (message: RegExp) =>
    expect.objectContaining({ code: "UnsupportedTask", message: expect.stringMatching(message) });

  it("of models that make vectors, sort, fill in and write", async () => {
    await withModel("minilm", async (model) => {
      expect(() => model.chat([{ role: "user", content: "Hi" }])).toThrow(
        refusal(/a vector for each text: .*model\.embed\(\)/),
      );
      expect(() => model.generate("Hi")).toThrow(refusal(/embed/));
      await expect(model.rerank("a", ["b"])).rejects.toThrow(refusal(/not rerank/));
      await expect(model.perplexity("a")).rejects.toThrow(refusal(/embed/));
    });
    await withModel("classifier", async (model) => {
      await expect(model.embed("a")).rejects.toThrow(refusal(/sorts texts into classes: it can model\.classify\(\)/));
    });
    await withModel("masked", async (model) => {
      await expect(model.embed("a")).rejects.toThrow(refusal(/load it with \{ pooling/));
      await expect(model.classify("a")).rejects.toThrow(refusal(/fills in masked tokens/));
    });
  });

  it("of a decoder that was loaded to make vectors, and of states as they are", async () => {
    const decoder = resolve(fixtures, "../../../models/tiny");
    await using vectors = await loadModel(decoder, { pooling: "last" });
    expect(vectors.tasks).toEqual(["embed"]);
    expect(await vectors.embed("Once upon a time")).toHaveLength(vectors.config.dim);
    const states = await withModel("minilm", (model) => model.tokens("a bird"), { pooling: "none" });
    expect(states.every(({ vector }) => vector!.length === 32)).toBe(true);
    expect(await withModel("masked", (model) => model.embed("a bird"), { pooling: "mean" })).toHaveLength(32);
    await expect(withModel("classifier", async () => {}, { pooling: "mean" })).rejects.toThrow(/nothing to pool/);
  });
});
