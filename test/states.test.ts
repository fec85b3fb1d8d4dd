// Sessions of models with recurrent layers, whose states cannot be rewound: over an executable on paper.

import { describe, expect, it } from "vitest";
import { PagePool } from "../src/pages.js";
import { Scheduler } from "../src/scheduler.js";
import { Session } from "../src/session.js";
import { States } from "../src/states.js";
import { continuation, PaperExecutable } from "./reference/paper_executable.js";

const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

interface Run {
  readonly ids: number[];
  /** Tokens of the prompt that were known. */
  readonly cached: number;
}

/** Greedy continuation through the scheduler. */
async function run(scheduler: Scheduler, prompt: number[], count: number, signal?: AbortSignal): Promise<Run> {
  const session = scheduler.acquire(prompt);
  const cached = session.length;
  try {
    const ids: number[] = [];
    let tokens = prompt.slice(session.length);
    while (ids.length < count) {
      const [result] = await scheduler.extend(session, tokens, { signal });
      ids.push(result!.sampled!.id);
      tokens = [ids.at(-1)!];
    }
    return { ids, cached };
  } finally {
    scheduler.release(session);
  }
}

async function expectRun(scheduler: Scheduler, prompt: number[], count: number): Promise<number> {
  const { ids, cached } = await run(scheduler, prompt, count);
  expect(ids).toEqual(continuation(prompt, count));
  return cached;
}

describe("states", () => {
  it("of prompts are kept, of single tokens written over", () => {
    const pool = new PagePool(4);
    const states = new States(pool);
    expect(states.reserve()).toEqual({ from: undefined, to: 0 });
    states.wrote(10, true);
    expect(states.reserve()).toEqual({ from: 0, to: 1 });
    expect(states.reserve()).toEqual({ from: 0, to: 1 });
    states.wrote(11, false);
    expect(states.reserve()).toEqual({ from: 1, to: 1 });
    expect(states.reach(11)).toBe(10);
    states.wrote(12, false);
    expect([states.reach(12), states.reach(11), states.reach(9)]).toEqual([12, 10, 0]);
    states.rewind(11);
    expect(pool.free).toBe(3);
  });

  it("that a fork shares are not written over by either, not in one step either", () => {
    const pool = new PagePool(4);
    const states = new States(pool);
    states.reserve();
    states.wrote(1, false);
    const twin = states.fork(1);
    expect([states.reserve(), twin.reserve()]).toEqual([
      { from: 0, to: 1 },
      { from: 0, to: 2 },
    ]);
    states.wrote(2, false);
    twin.wrote(2, false);
    states.rewind(0);
    twin.rewind(0);
    expect(pool.free).toBe(4);
  });

  it("that were kept give way when there is no other slot, and only those of long prompts stay many", () => {
    const pool = new PagePool(8);
    const states = new States(pool);
    for (const length of [10, 20, 30, 31, 40, 50, 60, 70]) {
      states.reserve();
      states.wrote(length, true);
    }
    expect(pool.free).toBe(3);
    expect([70, 69, 59, 49, 39, 29, 19, 9].map((length) => states.reach(length))).toEqual([
      70, 60, 50, 40, 20, 20, 0, 0,
    ]);
    const others = [1, 2, 3].map(() => pool.take());
    expect(others).not.toContain(undefined);
    expect(states.reserve()).toBeUndefined();
    const over = states.reserve(true)!;
    expect(over.to).toBe(over.from);
    states.wrote(80, false);
    expect([states.reach(80), states.reach(79)]).toEqual([80, 60]);
    expect(states.forget()).toBe(true);
    expect(states.forget()).toBe(false);
    expect([states.reach(80), states.reach(79)]).toEqual([80, 0]);
  });
});

describe("a session with states", () => {
  it("rewinds and forks to where a state is known", () => {
    const pool = new PagePool(16);
    const slots = new PagePool(8);
    const session = new Session(pool, 4, new States(slots));
    for (const tokens of [range(6), range(7), [1], [2]]) {
      session.reserve(tokens.length);
      session.append(tokens);
    }
    expect(session.fork(14).length).toBe(13);
    expect(session.commonPrefix([...range(6), ...range(7), 1, 2])).toBe(13);
    expect(session.commonPrefix([...range(6), ...range(7), 1, 2, 3])).toBe(15);
    session.rewind(12);
    expect([session.length, ...session.tokens]).toEqual([6, ...range(6)]);
    session.rewind(5);
    expect(session.length).toBe(0);
  });

  it("is where a state is known when a step has failed", () => {
    const slots = new PagePool(8);
    const session = new Session(new PagePool(16), 4, new States(slots));
    for (const tokens of [range(6), [1], [2]]) {
      session.reserve(tokens.length);
      session.append(tokens);
    }
    session.reserve(1);
    session.failed();
    expect(session.length).toBe(6);
    session.reserve(9);
    session.failed();
    expect(session.length).toBe(6);
    session.dispose();
    expect(slots.free).toBe(8);
  });
});

describe("the scheduler, with states", () => {
  const paper = (states: number, more = {}) => new PaperExecutable({ states, ...more });

  it("gives sequences of different lengths what each gets alone, long prompts over several steps", async () => {
    const executable = paper(12);
    const scheduler = new Scheduler(executable);
    const prompts = [range(3, 10), range(37, 100), range(9, 500), range(90, 600)];
    await Promise.all(prompts.map((prompt, i) => expectRun(scheduler, prompt, 20 + i)));
    expect(executable.batches.some(({ spans }) => spans.length === 4)).toBe(true);
    for (const { tokens } of executable.batches) expect(tokens.length).toBeLessThanOrEqual(16);
  });

  it("goes on from a finished generation, from its prompt, or from part of that", async () => {
    const scheduler = new Scheduler(paper(12));
    const prompt = range(40);
    const answer = continuation(prompt, 10);
    expect(await expectRun(scheduler, prompt, 10)).toBe(0);
    expect(await expectRun(scheduler, [...prompt, ...answer, 7, 8, 9], 5)).toBe(49);
    expect(await expectRun(scheduler, [...prompt, 1, 2, 3], 5)).toBe(40);
    expect(await expectRun(scheduler, [...range(35), 1, 2, 3], 5)).toBe(32);
    expect(await expectRun(scheduler, prompt, 5)).toBe(32);
    expect(await expectRun(scheduler, range(14), 5)).toBe(0);
  });

  it("knows a state where two prompts have parted from each other, for the third", async () => {
    const scheduler = new Scheduler(paper(12, { maxTokens: 64, pages: 100 }));
    const start = range(40);
    const cached: number[] = [];
    for (const rest of [
      [1, 2],
      [3, 4],
      [5, 6],
      [5, 6],
      [5, 6],
    ]) {
      cached.push(await expectRun(scheduler, [...start, ...rest], 3));
    }
    expect(cached).toEqual([0, 0, 40, 40, 40]);
    const again: number[] = [];
    for (let i = 0; i < 3; i++) again.push(await expectRun(scheduler, range(30, 500), 3));
    expect(again).toEqual([0, 0, 29]);
  });

  it("forks one that is running, where its step writes over nothing", async () => {
    const executable = paper(12);
    const scheduler = new Scheduler(executable);
    const prompt = range(6);
    let forked: Promise<number> | undefined;
    executable.beforeStep = () => {
      if (executable.batches.length < 3) return;
      forked ??= expectRun(scheduler, [...prompt, ...continuation(prompt, 2), 5], 12);
    };
    await expectRun(scheduler, prompt, 12);
    expect(await forked).toBe(6);
  });

  it("goes on after an abort", async () => {
    const executable = paper(12, { maxTokens: 4 });
    const scheduler = new Scheduler(executable);
    const controller = new AbortController();
    executable.beforeStep = () => {
      if (executable.batches.length === 3) controller.abort();
    };
    await expect(run(scheduler, range(30), 1, controller.signal)).rejects.toMatchObject({ code: "Aborted" });
    expect(await expectRun(scheduler, range(30), 4)).toBeGreaterThan(0);
  });

  it("trusts no state that a failed step may have written", async () => {
    const executable = paper(12);
    const scheduler = new Scheduler(executable);
    const prompt = range(10);
    const session = scheduler.acquire(prompt);
    await scheduler.extend(session, prompt);
    await scheduler.extend(session, [1]);
    executable.failing = true;
    await expect(scheduler.extend(session, [2])).rejects.toThrow("power cut");
    executable.failing = false;
    scheduler.release(session);
    expect(await expectRun(scheduler, [...prompt, 1, 2, 3], 3)).toBe(10);
  });

  it("shares few slots: idle sessions give them up before a prompt's state is written over", async () => {
    const scheduler = new Scheduler(paper(4));
    for (let i = 0; i < 5; i++) await expectRun(scheduler, range(9, 100 * i), 3);
    expect(await expectRun(scheduler, [...range(9, 400), 1, 2], 3)).toBe(9);
    expect(await expectRun(scheduler, [...range(9, 0), 1, 2], 3)).toBe(0);
  });

  it("shares few slots: idle sessions give them up, then kept states, then there is an error", async () => {
    const scheduler = new Scheduler(paper(3));
    for (let i = 0; i < 5; i++) await expectRun(scheduler, range(20, 100 * i), 3);
    await Promise.all([0, 1, 2].map((i) => expectRun(scheduler, range(20, 100 * i), 9)));
    const sessions = [0, 1, 2].map((i) => scheduler.acquire(range(9, 50 * i)));
    for (const [i, session] of sessions.entries()) await scheduler.extend(session, range(9, 50 * i));
    await expect(run(scheduler, range(3, 900), 2)).rejects.toThrow(/all 3 slots for states of sequences are taken/);
    for (const session of sessions) scheduler.release(session);
    await expectRun(scheduler, range(3, 900), 2);
  });

  it("agrees with paper for many random sessions at once", async () => {
    let state = 1;
    const random = (n: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % n;
    };
    const executable = paper(70, { pages: 200 });
    const scheduler = new Scheduler(executable);
    await Promise.all(
      range(60).map(async () => {
        for (let turn = 0; turn < 4; turn++) {
          const prompt = [...range(random(8)), ...range(1 + random(12), random(3))];
          await new Promise((resolve) => setTimeout(resolve, random(5)));
          executable.failing = random(20) === 0;
          const count = 1 + random(10);
          const { ids } = await run(scheduler, prompt, count).catch((error) => {
            if (error.code !== "OutOfPages" && error.message !== "power cut") throw error;
            return { ids: undefined };
          });
          if (ids) expect(ids).toEqual(continuation(prompt, count));
        }
      }),
    );
  });
});
