// Models with recurrent layers through the whole engine: many at once, prefixes, aborts and long prompts give what each
// gives alone, to the bit, on any number of threads.

import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { type GenerateOptions, generate, type Runtime } from "../src/generate.js";
import { embeddedModel, inspectModel } from "../src/index.js";
import type { Tokenizer } from "../src/tokenizer/tokenizer.js";
import { type Runner, readJson, withRunner } from "./reference/runner.js";
import { expectSame, isas, onGpu } from "./reference/targets.js";

const families = resolve(import.meta.dirname, "fixtures/families");
const names = ["lfm2", "mamba", "mamba2", "qwen3-next", "falcon-h1", "nemotron-h-moe"];
const models = names.map((name) => [name, join(families, name)] as const);

interface Golden {
  readonly prompts: number[][];
  readonly greedy: number[][];
}

const goldenOf = (path: string) => readJson<Golden>(join(path, "golden.json"));

/** Prompts with ids of this vocabulary, the same in every run. */
function longPrompt(length: number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return 3 + ((state >>> 8) % 90);
  });
}

/** What a model gives when nothing has run before. */
const alone = (path: string, prompt: readonly number[], count: number) =>
  withRunner(path, {}, (run) => run.greedy(prompt, count));

describe.each(models)("%s", (_, path) => {
  const { prompts, greedy } = goldenOf(path);

  it.each(isas)("gives the same bits on 1 to 4 threads, in steps of any size, and beside others (%s)", async (isa) => {
    const results: Float32Array[][][] = [];
    for (const threads of onGpu ? [1] : [1, 2, 3, 4]) {
      await withRunner(path, { isa, threads }, async (run) => {
        const each: Float32Array[][] = [];
        for (const prompt of prompts) each.push(await run.logits(prompt));
        results.push(each);
        results.push(await Promise.all(prompts.map((prompt) => run.logits(prompt))));
        results.push(await Promise.all(prompts.map((prompt, i) => run.logits(prompt, 1 + 3 * i))));
      });
    }
    for (const result of results.slice(1)) expectSame(result.flat(), results[0]!.flat());
  });

  it("goes on where prompts part from each other, at once and one after another", async () => {
    const [prompt, answer] = [prompts[0]!, greedy[0]!.slice(0, 12)];
    const turns = [
      prompt,
      [...prompt, ...answer, 7, 8, 9],
      [...prompt, 5, 6],
      prompt.slice(0, 20),
      prompt,
      [4, ...prompt],
    ];
    const wanted: number[][] = [];
    for (const turn of turns) wanted.push(await alone(path, turn, 12));
    await withRunner(path, {}, async (run) => {
      for (const [i, turn] of turns.entries()) expect(await run.greedy(turn, 12)).toEqual(wanted[i]);
      expect(await Promise.all(turns.map((turn) => run.greedy(turn, 12)))).toEqual(wanted);
      expect(await Promise.all(turns.map((turn) => run.greedy(turn, 12)))).toEqual(wanted);
    });
  });

  it("goes on after an abort in the middle of an answer", async () => {
    const prompt = prompts[1]!;
    const wanted = await alone(path, prompt, 20);
    await withRunner(path, {}, async (run) => {
      const runtime = runtimeOf(run);
      const controller = new AbortController();
      let pieces = 0;
      const broken = (async () => {
        for await (const piece of start(runtime, prompt, { maxTokens: 60, signal: controller.signal })) {
          pieces += piece.length;
          controller.abort();
        }
      })();
      await expect(broken).rejects.toMatchObject({ code: "Aborted" });
      expect(pieces).toBeGreaterThan(0);
      expect((await start(runtime, prompt, { maxTokens: 20 })).tokens).toEqual(wanted);
      const both = await Promise.all([1, 2].map(() => start(runtime, prompt, { maxTokens: 20 })));
      expect(both.map(({ tokens }) => tokens)).toEqual([wanted, wanted]);
    });
  });
});

/** Ids as text, for models without a tokenizer. */
const digits = { eos: [], stream: () => ({ push: (id: number) => ` ${id}`, flush: () => "" }) } as unknown as Tokenizer;

function runtimeOf(run: Runner): Runtime {
  const { vocab, contextLength: contextSize } = run.opened.config;
  const recurrent = run.compiled.program.states.length > 0;
  return { scheduler: run.scheduler, tokenizer: digits, vocab, contextSize, eos: [], recurrent, defaults: {} };
}

function start(runtime: Runtime, prompt: readonly number[], options: GenerateOptions) {
  return generate(runtime, async () => Int32Array.from(prompt), { temperature: 0, stopTokens: [], ...options });
}

describe("a long prompt", () => {
  const path = join(families, "mamba2");

  it("has the same bits over several steps, beside others, and with its beginning known", async () => {
    const prompt = longPrompt(1300);
    await withRunner(path, { threads: 2 }, async (run) => {
      const rows = await run.logits(prompt, 64);
      expectSame((await run.logits(prompt, 37)).slice(-1), rows.slice(-1), 2e-2);
      const wanted = await run.greedy(prompt, 20);
      const others = [prompt.slice(0, 700), longPrompt(900, 2), [...prompt, ...longPrompt(30, 3)]];
      const each: number[][] = [];
      for (const other of others) each.push(await alone(path, other, 20));
      const again = await Promise.all([prompt, ...others].map((one) => run.greedy(one, 20)));
      expect(again).toEqual([wanted, ...each]);
    });
  });

  it("is known to the step before the last where it comes again", async () => {
    await withRunner(path, {}, async (run) => {
      const runtime = runtimeOf(run);
      const prompt = longPrompt(1300);
      const first = await start(runtime, prompt, { maxTokens: 5 });
      expect(first.usage.cachedTokens).toBe(0);
      const second = await start(runtime, prompt, { maxTokens: 5 });
      expect(second.usage.cachedTokens).toBe(1024);
      expect(second.tokens).toEqual(first.tokens);
      const third = await start(runtime, [...prompt, ...first.tokens, 9], { maxTokens: 5 });
      expect(third.usage.cachedTokens).toBe(prompt.length + 4);
    });
  });
});

describe("what recurrent layers cannot do, and what they cost", () => {
  it("guessing is refused, as guesses cannot be taken back", async () => {
    await withRunner(join(families, "lfm2"), {}, async (run) => {
      const guessing = () => start(runtimeOf(run), [3, 4, 5], { speculate: "ngram" });
      expect(guessing).toThrow(/states of this one's recurrent layers cannot be rewound/);
    });
  });

  it("a memory plan counts states, however long the context", async () => {
    const plan = async (contextSize: number) => (await inspectModel(join(families, "mamba2"), { contextSize })).memory;
    const [short, long] = [await plan(100), await plan(100_000)];
    const layer = 3 * (64 + 2 * 2 * 12) + 8 * 8 * 12;
    expect([short.states, long.states]).toEqual([2 * 3 * 4 * layer, 2 * 3 * 4 * layer]);
    expect([short.kvCache, long.kvCache]).toEqual([0, 0]);
    expect(short.total).toBe(short.weights + short.states + short.scratch);
    expect((await inspectModel(embeddedModel)).memory.states).toBe(0);
  });
});
