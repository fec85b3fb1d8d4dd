// Speculation changes nothing but the time: the same tokens, texts, log-probabilities and endings as without.

import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GenerateOptions, generate, type Runtime } from "../src/generate.js";
import type { GenerationResult } from "../src/generation.js";
import { embeddedModel, loadModel, loadTokenizer } from "../src/index.js";
import { native } from "../src/native.js";
import { Scheduler } from "../src/scheduler.js";
import type { Tokenizer } from "../src/tokenizer/tokenizer.js";
import { EagerTimes } from "./reference/eager_times.js";
import { Runner, readJson } from "./reference/runner.js";

const models = resolve(import.meta.dirname, "fixtures/models");
const text = "What is 10 - 10? 10 - 10 = 0.\nWhat is 10 - 4? 10 - 4 = 6.\nWhat is 10 - 10? 10 - 10";
const long = { temperature: 0, maxTokens: 160, stopTokens: [] };

/** A model whose scheduler runs every guess. */
function eager(run: Runner, tokenizer: Tokenizer): Runtime {
  const { vocab, contextLength: contextSize } = run.opened.config;
  const scheduler = new Scheduler(run.compiled.executable, new EagerTimes());
  return { scheduler, tokenizer, vocab, contextSize, eos: tokenizer.eos, recurrent: false, defaults: {} };
}

/** Ids as text, for models without a tokenizer. */
const digits = { eos: [], stream: () => ({ push: (id: number) => ` ${id}`, flush: () => "" }) } as unknown as Tokenizer;

let run: Runner;
let tiny: Runtime;
let prompt: Int32Array;
beforeAll(async () => {
  run = await Runner.open(embeddedModel);
  const tokenizer = await loadTokenizer(embeddedModel);
  tiny = eager(run, tokenizer);
  prompt = await tokenizer.encode(text);
});
afterAll(() => run.dispose());

const start = (options: GenerateOptions, ids = prompt, runtime = tiny) =>
  generate(runtime, () => Promise.resolve(ids), options);

/** All that must not differ. */
function outcome({ usage, timings: _, seed: __, ...rest }: GenerationResult) {
  return { ...rest, completionTokens: usage.completionTokens };
}

async function expectSame(options: GenerateOptions, ids = prompt, runtime = tiny) {
  const plain = await start(options, ids, runtime);
  const guessed = await start({ ...options, speculate: "ngram" }, ids, runtime);
  expect(outcome(guessed)).toEqual(outcome(plain));
  const { draftedTokens, acceptedTokens } = guessed.usage;
  expect(acceptedTokens).toBeLessThanOrEqual(draftedTokens);
  expect(plain.usage).toMatchObject({ draftedTokens: 0, acceptedTokens: 0 });
  return guessed;
}

describe("the same as without", () => {
  it.each<[string, GenerateOptions]>([
    ["greedy", { temperature: 0 }],
    ["greedy with penalties", { temperature: 0, repetitionPenalty: 1.1, frequencyPenalty: 0.1 }],
    ["sampled", { temperature: 0.8, seed: 7 }],
    ["sampled with cuts", { temperature: 1.2, topK: 40, topP: 0.9, minP: 0.02, seed: 11 }],
    ["sampled, typical", { temperature: 1, typicalP: 0.8, seed: 12 }],
    ["sampled with penalties", { temperature: 0.5, repetitionPenalty: 1.05, presencePenalty: 0.2, seed: 5 }],
    ["with a bias", { temperature: 0, logitBias: { 18: -2, 263: -Infinity } }],
    ["with log-probabilities", { temperature: 0.7, seed: 3, logprobs: 3 }],
    ["with special tokens shown", { temperature: 0, showSpecial: true }],
  ])("%s", async (_, options) => {
    const { usage } = await expectSame({ ...long, ...options });
    expect(usage.acceptedTokens).toBeGreaterThan(0);
    expect(usage.draftedTokens).toBeGreaterThan(usage.acceptedTokens);
  });

  it("wherever maxTokens ends it", async () => {
    for (let maxTokens = 1; maxTokens <= 24; maxTokens++) {
      const { tokens } = await expectSame({ ...long, maxTokens });
      expect(tokens).toHaveLength(maxTokens);
    }
  });

  it("wherever the context ends", async () => {
    for (let room = 1; room <= 12; room++) {
      const runtime = { ...tiny, contextSize: prompt.length + room };
      const { tokens, finishReason } = await expectSame({ ...long, maxTokens: undefined }, prompt, runtime);
      expect([tokens.length, finishReason]).toEqual([room, "length"]);
    }
  });

  it("wherever a stop token comes", async () => {
    const { tokens } = await start(long);
    for (const id of new Set(tokens)) {
      expect((await expectSame({ ...long, stopTokens: [id] })).tokens.at(-1)).toBe(id);
    }
  });

  it("wherever a stop string comes, also one that waits for a longer one", async () => {
    const whole = (await start(long)).text;
    for (let at = 0; at < 60; at += 3) {
      const stop = [whole.slice(at, at + 4), `${whole.slice(at, at + 7)}§`];
      expect(await expectSame({ ...long, stop })).toMatchObject({ finishReason: "stop", stop: stop[0] });
    }
  });

  it("for many streams at once, guessing or not", async () => {
    const prompts = Array.from({ length: 12 }, (_, i) => prompt.slice(0, prompt.length - 2 * i));
    const alone = [];
    for (const ids of prompts) alone.push((await start(long, ids)).tokens);
    const together = await Promise.all(
      prompts.map(async (ids, i) => (await start({ ...long, ...(i % 3 && { speculate: "ngram" }) }, ids)).tokens),
    );
    expect(together).toEqual(alone);
  });
});

describe.each(native().cpuInfo().isas)("on %s", (isa) => {
  const names = readdirSync(models).filter((name) => !/\.(json|py)$/.test(name));

  it.each(names)("%s: the greedy ids of transformers", async (name) => {
    const golden = name.endsWith(".gguf") ? name.replace(/gguf$/, "json") : join(name, "golden.json");
    const { prompt: ids, greedy } = readJson<{ prompt: number[]; greedy: number[] }>(join(models, golden));
    const model = await Runner.open(join(models, name), { isa, kvType: "f32" });
    const runtime = eager(model, digits);
    const { tokens } = await expectSame({ ...long, maxTokens: greedy.length }, Int32Array.from(ids), runtime);
    expect(tokens).toEqual(greedy);
    // With an alphabet of four, everything has soon been said before.
    const logitBias = { 1: 100, 2: 100, 3: 100, 4: 100 };
    const { usage } = await expectSame({ ...long, maxTokens: 60, logitBias }, Int32Array.from(ids), runtime);
    expect(usage.acceptedTokens).toBeGreaterThan(0);
    await model.dispose();
  });
});

describe("stopping", () => {
  it("by its signal or by leaving the loop ends within one step, and spoils nothing", async () => {
    const before = (await start(long)).tokens;
    const controller = new AbortController();
    const aborted = start({ ...long, speculate: "ngram", signal: controller.signal });
    await expect(
      (async () => {
        for await (const _ of aborted) controller.abort();
      })(),
    ).rejects.toMatchObject({ code: "Aborted" });

    const left = start({ ...long, speculate: "ngram" });
    for await (const _ of left) break;
    const { finishReason, tokens } = await left;
    expect(finishReason).toBe("aborted");
    expect(tokens.length).toBeLessThan(50);
    expect(tokens).toEqual(before.slice(0, tokens.length));
    expect((await start({ ...long, speculate: "ngram" })).tokens).toEqual(before);
  });
});

describe("a loaded model", () => {
  it("takes `speculate` in generate and chat, and counts", async () => {
    await using model = await loadModel(embeddedModel);
    const plain = await model.generate(text, long);
    const guessed = await model.generate(text, { ...long, speculate: "ngram" });
    expect(outcome(guessed)).toEqual(outcome(plain));
    expect(guessed.usage.draftedTokens).toBeGreaterThan(0);
    const messages = [{ role: "user", content: "Tell me a story." }];
    const [a, b] = [
      await model.chat(messages, { seed: 1 }),
      await model.chat(messages, { seed: 1, speculate: "ngram" }),
    ];
    expect(outcome(b)).toEqual(outcome(a));
  });

  it.each(["NGRAM", "draft", true, null])("speculate: %j is an error that lists what there is", async (speculate) => {
    expect(() => start({ speculate } as never)).toThrow(/one of ngram for speculate/);
  });
});
