// What speculation guesses, and when a guess is worth its time; guesses in the steps of many sessions, on paper.

import { describe, expect, it } from "vitest";
import { Scheduler } from "../src/scheduler.js";
import { type Draft, Lookup } from "../src/speculate.js";
import { StepTimes } from "../src/step_times.js";
import { EagerTimes } from "./reference/eager_times.js";
import { continuation, PaperExecutable } from "./reference/paper_executable.js";

const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);
const lookup = (...ids: number[]) => new Lookup(Int32Array.from(ids), 100);

/** A lookup that believes in itself: a run of tokens has come a second time as it came the first. */
function convinced(): Lookup {
  const run = range(60, 100);
  const one = lookup(...run);
  for (const id of run) {
    one.push(id);
    one.draft(16);
  }
  return one;
}

describe("guesses", () => {
  it("continue the latest earlier place with the most tokens in common", () => {
    expect([...lookup(1, 2, 3, 4, 9, 2, 3, 5, 9, 2, 3).draft(1)!.tokens]).toEqual([5]);
    expect([...lookup(1, 2, 3, 4, 9, 2, 3, 5, 1, 2, 3).draft(1)!.tokens]).toEqual([4]);
    expect([...lookup(2, 3, 6, 2, 3, 7, 2, 3).draft(1)!.tokens]).toEqual([7]);
  });

  it("need two tokens that stood together before", () => {
    expect(lookup(1, 2, 3, 1, 4, 3).draft(16)).toBeUndefined();
    expect(lookup(5, 5).draft(16)).toBeUndefined();
    expect(lookup(5).draft(16)).toBeUndefined();
    expect(lookup(5, 5, 5).draft(16)!.tokens[0]).toBe(5);
  });

  it("go on beyond what is known where a text repeats a short piece", () => {
    const one = convinced();
    for (let i = 0; i < 5; i++) for (const id of [1, 2, 3]) one.push(id);
    expect([...one.draft(7)!.tokens]).toEqual([1, 2, 3, 1, 2, 3, 1]);
  });

  it("are at most as many as asked for and as there is room for", () => {
    const one = convinced();
    for (let i = 0; i < 5; i++) for (const id of [1, 2, 3]) one.push(id);
    expect(one.draft(0)).toBeUndefined();
    expect(one.draft(3)!.tokens).toHaveLength(3);
    expect(one.draft(1000)!.tokens).toHaveLength(16);
    for (let i = 0; i < 23; i++) one.push(7);
    expect(one.draft(16)!.tokens).toHaveLength(2);
  });

  it("are believed by what has come of them, tried or not", () => {
    const one = lookup(1, 2, 3);
    const chances: number[] = [];
    for (let i = 0; i < 20; i++) {
      one.push(1);
      one.push(2);
      chances.push(one.draft(16)?.chances[0] ?? 0);
      one.push(50 + i);
    }
    expect(chances[0]).toBeGreaterThan(0.1);
    expect(chances.at(-1)).toBe(0);
    const right = convinced().draft(16)!.chances;
    expect(right[0]).toBeGreaterThan(0.95);
    expect([...right]).toEqual([...right].sort((a, b) => b - a));
  });
});

describe("a step takes guesses", () => {
  const certain = [Array.from({ length: 16 }, () => 0.9)];
  const learned = (...steps: [tokens: number, ms: number][]) => {
    const times = new StepTimes();
    for (const [tokens, ms] of steps) times.learn(tokens, ms);
    return times;
  };

  it("only when it is known what it takes without", () => {
    expect(learned().worthwhile(1, certain, 64)).toEqual([0]);
    expect(learned([2, 1]).worthwhile(1, certain, 64)).toEqual([0]);
    expect(learned([1, 1]).worthwhile(1, certain, 64)[0]).toBeGreaterThan(0);
  });

  it("as many as they are cheap and probable", () => {
    const cheap = learned([1, 10], [17, 12]);
    const dear = learned([1, 10], [17, 150]);
    expect(cheap.worthwhile(1, certain, 64)).toEqual([16]);
    expect(dear.worthwhile(1, certain, 64)).toEqual([0]);
    expect(cheap.worthwhile(1, [[0.05]], 64)).toEqual([0]);
    const falling = cheap.worthwhile(1, [[0.9, 0.5, 0.3, 0.2, 0.01, 0.01, 0.001]], 64)[0]!;
    expect(falling).toBeGreaterThan(2);
    expect(falling).toBeLessThan(6);
  });

  it("up to where their time rises", () => {
    expect(learned([1, 10], [4, 11], [5, 40], [17, 60]).worthwhile(1, certain, 64)).toEqual([3]);
  });

  it("the most probable ones of all sessions, as many as there is room for", () => {
    const times = learned([3, 10], [20, 10]);
    const offers = [[0.5, 0.2], [0.9, 0.8, 0.7], []];
    expect(times.worthwhile(3, offers, 64)).toEqual([2, 3, 0]);
    expect(times.worthwhile(3, offers, 4)).toEqual([1, 3, 0]);
    expect(times.worthwhile(3, offers, 0)).toEqual([0, 0, 0]);
    expect(learned([64, 10]).worthwhile(64, [certain[0]!], 64)).toEqual([0]);
  });

  it("again, some time after they were too dear: a bad moment does not count for ever", () => {
    const times = learned([1, 10], [17, 900]);
    let steps = 0;
    for (; times.worthwhile(1, certain, 64)[0] === 0; steps++) times.learn(1, 10);
    expect(steps).toBeGreaterThan(50);
    expect(steps).toBeLessThan(200);
  });
});

describe("the scheduler", () => {
  const draft = (tokens: number[]): Draft => ({ tokens: Int32Array.from(tokens), chances: tokens.map(() => 0.9) });

  /** Greedy continuation with guesses of which the first `right` are right. */
  async function run(scheduler: Scheduler, prompt: number[], count: number, right: (made: number) => number) {
    const session = scheduler.acquire(prompt);
    const truth = continuation(prompt, count + 8);
    let results = await scheduler.extend(session, prompt.slice(session.length));
    const ids: number[] = [];
    for (;;) {
      const sampled = results.flatMap((one) => one.sampled ?? []);
      ids.push(...sampled.map(({ id }) => id));
      expect(session.tokens).toEqual([...prompt, ...ids.slice(0, -1)]);
      if (ids.length >= count) break;
      const guesses = truth.slice(ids.length, ids.length + 5);
      for (let i = right(ids.length); i < guesses.length; i++) guesses[i] = 1001;
      results = await scheduler.extend(session, ids.slice(-1), { draft: draft(guesses) });
    }
    scheduler.release(session);
    return ids.slice(0, count);
  }

  it("keeps the right guesses and forgets the wrong ones, for many sessions at once", async () => {
    const executable = new PaperExecutable({ maxOutputs: 12 });
    const scheduler = new Scheduler(executable, new EagerTimes());
    const prompts = [range(3, 10), range(37, 100), range(9, 500), range(4, 900)];
    const rights = [() => 5, () => 0, (made: number) => made % 6, (made: number) => (made * 7) % 4];
    const all = await Promise.all(prompts.map((prompt, i) => run(scheduler, prompt, 40, rights[i]!)));
    prompts.forEach((prompt, i) => {
      expect(all[i]).toEqual(continuation(prompt, 40));
    });
    for (const { outputs } of executable.batches) expect(outputs.length).toBeLessThanOrEqual(12);
    expect(executable.batches.length).toBeLessThan(70);
  });

  it("gives the pages of wrong guesses back, and takes none where there are none", async () => {
    // Pages of four tokens: a prompt of 8 and 7 more fill four of them.
    const scheduler = new Scheduler(new PaperExecutable({ pages: 4 }), new EagerTimes());
    expect(await run(scheduler, range(8), 8, () => 0)).toEqual(continuation(range(8), 8));
    expect(await run(scheduler, range(8, 20), 8, () => 5)).toEqual(continuation(range(8, 20), 8));
  });

  it("has no guesses beside a prompt, which fills the step", async () => {
    const executable = new PaperExecutable();
    const scheduler = new Scheduler(executable, new EagerTimes());
    await Promise.all([run(scheduler, [7], 6, () => 5), run(scheduler, range(60), 1, () => 0)]);
    const beside = executable.batches.filter(({ spans }) => spans.length === 2);
    expect(beside.length).toBeGreaterThan(1);
    for (const { spans } of beside) expect(Math.min(...spans.map(({ count }) => count))).toBe(1);
  });
});
