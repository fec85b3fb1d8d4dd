// Sessions and the scheduler over an executable on paper: pages, forks, batches, prefixes, aborts.

import { describe, expect, it } from "vitest";
import { PagePool } from "../src/pages.js";
import { Scheduler } from "../src/scheduler.js";
import { Session } from "../src/session.js";
import { continuation, PaperExecutable } from "./reference/paper_executable.js";

const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

/** Greedy continuation through the scheduler. */
async function run(scheduler: Scheduler, prompt: number[], count: number, signal?: AbortSignal): Promise<number[]> {
  const session = scheduler.acquire(prompt);
  try {
    const ids: number[] = [];
    let tokens = prompt.slice(session.length);
    while (ids.length < count) {
      const [result] = await scheduler.extend(session, tokens, { signal });
      ids.push(result!.sampled!.id);
      tokens = [ids.at(-1)!];
    }
    return ids;
  } finally {
    scheduler.release(session);
  }
}

describe("pages", () => {
  it("are taken lowest first, shared, and free again when the last owner is gone", () => {
    const pool = new PagePool(2);
    const page = pool.take()!;
    expect(page).toBe(0);
    pool.share(page);
    expect(pool.isShared(page)).toBe(true);
    pool.release(page);
    expect(pool.isShared(page)).toBe(false);
    expect(pool.free).toBe(1);
    pool.release(page);
    expect(pool.free).toBe(2);
    expect([pool.take(), pool.take(), pool.take()]).toEqual([0, 1, undefined]);
  });
});

describe("a pool of as many pages as a file may ask for", () => {
  it("takes no memory for those that nobody has taken", () => {
    const before = process.memoryUsage().heapUsed;
    const pool = new PagePool(2 ** 26);
    expect([pool.take(), pool.take(), pool.free]).toEqual([0, 1, 2 ** 26 - 2]);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 ** 20);
  });
});

describe("a session", () => {
  it("takes pages as it grows and gives them back as it rewinds", () => {
    const pool = new PagePool(8);
    const session = new Session(pool, 4);
    expect(session.reserve(5)).toEqual([]);
    expect(session.span(5)).toEqual({ count: 5, position: 0, pages: Int32Array.of(0, 1) });
    session.append(range(5));
    session.rewind(4);
    expect(pool.free).toBe(7);
    session.dispose();
    expect(pool.free).toBe(8);
  });

  it("copies a shared page before it writes", () => {
    const pool = new PagePool(8);
    const session = new Session(pool, 4);
    session.reserve(6);
    session.append(range(6));
    const twin = session.fork();
    expect(pool.free).toBe(6);
    expect(twin.reserve(1)).toEqual([[1, 2]]);
    expect([...twin.span(1).pages]).toEqual([0, 2]);
    expect(session.reserve(1)).toEqual([]);
    twin.dispose();
    session.dispose();
    expect(pool.free).toBe(8);
  });

  it("changes nothing when the pool has not enough pages", () => {
    const pool = new PagePool(2);
    const session = new Session(pool, 4);
    expect(session.reserve(9)).toBeUndefined();
    expect(pool.free).toBe(2);
  });
});

describe("the scheduler", () => {
  it("gives three interleaved sequences of different lengths what each gets alone", async () => {
    const executable = new PaperExecutable();
    const scheduler = new Scheduler(executable);
    const prompts = [range(3, 10), range(37, 100), range(9, 500)];
    const all = await Promise.all(prompts.map((prompt, i) => run(scheduler, prompt, 20 + i)));
    prompts.forEach((prompt, i) => {
      expect(all[i]).toEqual(continuation(prompt, 20 + i));
    });
    expect(executable.batches.some(({ spans }) => spans.length === 3)).toBe(true);
    for (const { tokens } of executable.batches) expect(tokens.length).toBeLessThanOrEqual(16);
  });

  it("lets a decoding sequence go on beside a long prompt", async () => {
    const executable = new PaperExecutable({ maxTokens: 4 });
    const scheduler = new Scheduler(executable);
    await Promise.all([run(scheduler, [7], 10), run(scheduler, range(60), 1)]);
    const mixed = executable.batches.filter(({ spans }) => spans.length === 2);
    expect(mixed.length).toBeGreaterThan(5);
  });

  it("reuses the longest known prefix, by taking over or by forking", async () => {
    const executable = new PaperExecutable();
    const scheduler = new Scheduler(executable);
    const first = range(10);
    const answer = await run(scheduler, first, 5);
    const second = [...first, ...answer.slice(0, 4), 77, 78];
    const session = scheduler.acquire(second);
    expect(session.length).toBe(14);
    scheduler.release(session);
    expect(await run(scheduler, second, 6)).toEqual(continuation(second, 6));
    const other = [...range(7), 900, 901];
    expect(scheduler.acquire(other).length).toBe(7);
    expect(await run(scheduler, other, 6)).toEqual(continuation(other, 6));
    expect(await run(scheduler, first, 6)).toEqual(continuation(first, 6));
  });

  it("forks a session in the middle of its work", async () => {
    const executable = new PaperExecutable();
    const scheduler = new Scheduler(executable);
    const prompt = range(6);
    const fast = run(scheduler, prompt, 12);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const slow = run(scheduler, [...prompt, 5], 12);
    expect(await fast).toEqual(continuation(prompt, 12));
    expect(await slow).toEqual(continuation([...prompt, 5], 12));
  });

  it("gives up idle sessions when pages run out, and fails clearly when none are left", async () => {
    const scheduler = new Scheduler(new PaperExecutable({ pages: 6 }));
    expect(await run(scheduler, range(12), 4)).toEqual(continuation(range(12), 4));
    expect(await run(scheduler, range(12, 50), 4)).toEqual(continuation(range(12, 50), 4));
    await expect(run(scheduler, range(40), 1)).rejects.toMatchObject({ code: "OutOfPages" });
    expect(await run(scheduler, range(3), 2)).toEqual(continuation(range(3), 2));
  });

  it("goes on with the pages that there turn out to be", async () => {
    const executable = new PaperExecutable({ pages: 64 });
    executable.room = 6;
    const scheduler = new Scheduler(executable);
    expect(await run(scheduler, range(12), 4)).toEqual(continuation(range(12), 4));
    // Two idle sessions and this one do not fit: the device says so, and the oldest goes.
    expect(await run(scheduler, range(12, 50), 4)).toEqual(continuation(range(12, 50), 4));
    await expect(run(scheduler, range(40), 1)).rejects.toMatchObject({ code: "OutOfPages" });
    const prompts = [range(5), range(5, 100), range(5, 200)];
    const together = await Promise.all(prompts.map((prompt) => run(scheduler, prompt, 3)));
    expect(together).toEqual(prompts.map((prompt) => continuation(prompt, 3)));
  });

  it("gives one output per token when asked", async () => {
    const scheduler = new Scheduler(new PaperExecutable());
    const session = scheduler.acquire([]);
    const results = await scheduler.extend(session, range(30), { outputs: "all" });
    const expected = range(30).map((_, i) => continuation(range(i + 1), 1)[0]);
    expect(results.map(({ sampled }) => sampled!.id)).toEqual(expected);
  });

  it("stops an aborted request before the next step and keeps the others", async () => {
    const executable = new PaperExecutable({ maxTokens: 4 });
    const scheduler = new Scheduler(executable);
    const controller = new AbortController();
    executable.beforeStep = () => {
      if (executable.batches.length === 3) controller.abort();
    };
    const long = run(scheduler, range(100), 1, controller.signal);
    const other = run(scheduler, [1, 2, 3], 9);
    await expect(long).rejects.toMatchObject({ code: "Aborted" });
    expect(executable.batches.length).toBeLessThanOrEqual(5);
    expect(await other).toEqual(continuation([1, 2, 3], 9));
  });

  it("survives a failing step", async () => {
    const executable = new PaperExecutable();
    const scheduler = new Scheduler(executable);
    executable.beforeStep = () => {
      throw new Error("power cut");
    };
    await expect(run(scheduler, [1], 1)).rejects.toThrow("power cut");
    executable.beforeStep = () => {};
    expect(await run(scheduler, [1], 3)).toEqual(continuation([1], 3));
  });

  it("refuses work after close and lets the running step end", async () => {
    const scheduler = new Scheduler(new PaperExecutable());
    const running = run(scheduler, [1], 1000);
    await new Promise(setImmediate);
    await scheduler.close();
    await expect(running).rejects.toMatchObject({ code: "Disposed" });
  });

  it("agrees with paper for many random sessions at once", async () => {
    let state = 1;
    const random = (n: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % n;
    };
    const scheduler = new Scheduler(new PaperExecutable({ pages: 120 }));
    await Promise.all(
      range(60).map(async () => {
        for (let turn = 0; turn < 4; turn++) {
          const prompt = [...range(random(8)), ...range(1 + random(12), random(3))];
          await new Promise((resolve) => setTimeout(resolve, random(5)));
          const count = 1 + random(10);
          const ids = await run(scheduler, prompt, count).catch((error) => {
            if (error.code !== "OutOfPages") throw error;
          });
          if (ids) expect(ids).toEqual(continuation(prompt, count));
        }
      }),
    );
  });
});
