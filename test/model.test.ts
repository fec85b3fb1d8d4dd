// A loaded model as its users see it: streaming, awaiting, stopping, aborting, chatting, sharing steps.

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embeddedModel, loadModel, type Model } from "../src/index.js";
import { native } from "../src/native.js";
import { readJson } from "./reference/runner.js";

const fixtures = join(import.meta.dirname, "fixtures/tiny");
let model: Model;
beforeAll(async () => {
  model = await loadModel(embeddedModel);
});
afterAll(async () => {
  await model.dispose();
  expect(native().filesMapped()).toBe(0);
});

async function collect(pieces: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}

const greedy = { temperature: 0, maxTokens: 40, stopTokens: [] };

describe("generate", () => {
  it("streams what awaiting gives, in several pieces", async () => {
    const generation = model.generate("Once upon a time", greedy);
    const pieces = await collect(generation);
    const result = await generation;
    expect(pieces.join("")).toBe(result.text);
    expect(pieces.length).toBeGreaterThan(10);
    expect(result.tokens).toHaveLength(40);
    expect(result.finishReason).toBe("length");
    expect(result.usage.completionTokens).toBe(40);
    expect(model.tokenizer.decode(result.tokens, { skipSpecial: true })).toBe(result.text);
  });

  it("takes texts and token ids", async () => {
    const ids = await model.tokenizer.encode("Once upon a time");
    const [a, b] = await Promise.all([model.generate("Once upon a time", greedy), model.generate(ids, greedy)]);
    expect(a.tokens).toEqual(b.tokens);
  });

  it("gives the same text for the same seed, and others for others", async () => {
    const run = async (seed: number) =>
      (await model.generate("Once upon a time", { temperature: 1, seed, maxTokens: 30 })).text;
    expect(await run(7)).toBe(await run(7));
    const texts = new Set([await run(1), await run(2), await run(3), await run(4)]);
    expect(texts.size).toBeGreaterThan(1);
  });

  it("reports the seed it drew", async () => {
    const first = await model.generate("Once", { temperature: 1, maxTokens: 20 });
    const again = await model.generate("Once", { temperature: 1, maxTokens: 20, seed: first.seed });
    expect(again.text).toBe(first.text);
  });

  it("stops at a stop string, which is not part of the text", async () => {
    const whole = (await model.generate("Once upon a time", greedy)).text;
    const stop = whole.slice(30, 35);
    const generation = model.generate("Once upon a time", { ...greedy, stop: ["\u0000", stop] });
    const pieces = await collect(generation);
    const result = await generation;
    expect(result).toMatchObject({ finishReason: "stop", stop, text: whole.slice(0, whole.indexOf(stop)) });
    expect(pieces.join("")).toBe(result.text);
  });

  it("stops at stop tokens, and at the model's own unless told otherwise", async () => {
    const free = await model.generate("Once upon a time", greedy);
    const stopped = await model.generate("Once upon a time", { ...greedy, stopTokens: [free.tokens[9]!] });
    expect(stopped.tokens).toEqual(free.tokens.slice(0, free.tokens.indexOf(free.tokens[9]!) + 1));
    expect(stopped.finishReason).toBe("stop");
    expect((await model.chat([{ role: "user", content: "Hi" }], { temperature: 0 })).finishReason).toBe("stop");
  });

  it("gives log-probabilities of the model itself", async () => {
    const { logprobs, tokens } = await model.generate("Once upon a time", { ...greedy, logprobs: 3 });
    expect(logprobs).toHaveLength(40);
    logprobs!.forEach(({ id, logprob, top }, i) => {
      expect(id).toBe(tokens[i]);
      expect(top).toHaveLength(3);
      expect(top[0]).toEqual({ id, logprob });
      expect(logprob).toBeLessThanOrEqual(0);
    });
  });

  it("logitBias forbids and penalties change", async () => {
    const free = await model.generate("Once upon a time", greedy);
    const first = free.tokens[0]!;
    const biased = await model.generate("Once upon a time", { ...greedy, logitBias: { [first]: -Infinity } });
    expect(biased.tokens).not.toContain(first);
    const penalised = await model.generate("Once upon a time", { ...greedy, maxTokens: 120, frequencyPenalty: 2 });
    expect(new Set(penalised.tokens).size).toBeGreaterThan(60);
  });

  it("reuses what is already in the cache, with the same result", async () => {
    const prompt = "One day a small cat found a lantern in the garden. ";
    const first = await model.generate(prompt, greedy);
    const again = await model.generate(prompt, greedy);
    expect(again.tokens).toEqual(first.tokens);
    expect(again.usage.cachedTokens).toBe(again.usage.promptTokens - 1);
  });

  it("leaving the loop or aborting stops the work within one step", async () => {
    const generation = model.generate("Once upon a time", { ...greedy, maxTokens: 900 });
    for await (const _ of generation) break;
    const result = await generation;
    expect(result.finishReason).toBe("aborted");
    expect(result.tokens.length).toBeLessThan(10);

    const controller = new AbortController();
    const aborted = model.generate("Once upon a time", { ...greedy, maxTokens: 900, signal: controller.signal });
    let pieces = 0;
    await expect(
      (async () => {
        for await (const _ of aborted) if (++pieces === 3) controller.abort(new Error("enough"));
      })(),
    ).rejects.toMatchObject({ code: "Aborted", cause: { message: "enough" } });
    expect(pieces).toBeLessThan(10);
  });

  it("many at once get what each gets alone", async () => {
    const prompts = ["Once upon a time", "The cat", "2 + 2 =", "Hello", "A brave", "deadlift is"];
    const alone = [];
    for (const prompt of prompts) alone.push((await model.generate(prompt, greedy)).tokens);
    await using fresh = await loadModel(embeddedModel);
    const together = await Promise.all(prompts.map(async (prompt) => (await fresh.generate(prompt, greedy)).tokens));
    expect(together).toEqual(alone);
  });
});

describe("chat", () => {
  it("renders and tokenises conversations as transformers does", async () => {
    const golden = readJson<{ messages: never[]; addGenerationPrompt: boolean; ids: number[] }[]>(
      join(fixtures, "chat.json"),
    );
    for (const { messages, addGenerationPrompt, ids } of golden) {
      if (!addGenerationPrompt) continue;
      const options = { temperature: 0, maxTokens: 8, stopTokens: [] };
      // Python reads special tokens in content, which we do only when told to.
      const { usage, tokens } = await model.chat(messages, { ...options, trustContent: true });
      const same = await model.generate(ids, options);
      expect(usage.promptTokens).toBe(ids.length);
      expect(tokens).toEqual(same.tokens);
    }
  });

  it("reads special tokens in content as plain text, unless told to trust it", async () => {
    const special = [...model.tokenizer.special].map((id) => model.tokenizer.idToToken(id)!);
    const count = async (content: string, trustContent: boolean) =>
      (await model.chat([{ role: "user", content }], { temperature: 0, maxTokens: 1, trustContent })).usage
        .promptTokens;
    const attack = `hi${special.join("")}`;
    expect(await count(attack, false)).toBeGreaterThan(await count(attack, true));
    expect(await count("hello there", false)).toBe(await count("hello there", true));
  });
});

it("gives back its files and pages, also with work in flight", async () => {
  const before = native().filesMapped();
  const other = await loadModel(embeddedModel);
  expect(native().filesMapped()).toBe(before + 1);
  const running = other.generate("Once upon a time", { ...greedy, maxTokens: 900 }).then(
    () => "ended",
    (error: unknown) => (error as { code?: string }).code,
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  await other.dispose();
  expect(await running).toBe("Disposed");
  expect(native().filesMapped()).toBe(before);
});

it("runs on every instruction set and says which", async () => {
  for (const isa of native().cpuInfo().isas) {
    await using one = await loadModel(embeddedModel, { isa, threads: 2 });
    expect(one.backend).toEqual({ name: "cpu", isa, threads: 2 });
    expect((await one.generate("Once upon a time", { ...greedy, maxTokens: 5 })).tokens).toHaveLength(5);
  }
});
