// A Generation: iterate it, await it, leave it, in any order.

import { expect, it } from "vitest";
import { Generation, type GenerationResult, type Producer } from "../src/generation.js";

function result(text: string, finishReason: GenerationResult["finishReason"] = "stop"): GenerationResult {
  return { text, finishReason } as GenerationResult;
}

const tick = () => new Promise(setImmediate);

/** Emits words until done or left. */
function words(...list: string[]): Producer & { started: number; emitted: string[] } {
  const producer = async (emit: (text: string) => void, left: AbortSignal) => {
    self.started++;
    for (const word of list) {
      await tick();
      if (left.aborted) return result(self.emitted.join(""), "aborted");
      self.emitted.push(word);
      emit(word);
    }
    return result(list.join(""));
  };
  const self = Object.assign(producer, { started: 0, emitted: [] as string[] });
  return self;
}

async function collect(generation: Generation): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of generation) pieces.push(piece);
  return pieces;
}

it("streams pieces, and then awaiting gives the whole", async () => {
  const producer = words("a", "b", "", "c");
  const generation = new Generation(producer);
  expect(producer.started).toBe(0);
  expect(await collect(generation)).toEqual(["a", "b", "c"]);
  expect((await generation).text).toBe("abc");
  expect(producer.started).toBe(1);
});

it("can be awaited first and iterated later, or twice at once", async () => {
  const generation = new Generation(words("a", "b"));
  expect((await generation).text).toBe("ab");
  expect(await collect(generation)).toEqual(["a", "b"]);
  const both = new Generation(words("x", "y", "z"));
  expect(await Promise.all([collect(both), collect(both), both.then(({ text }) => text)])).toEqual([
    ["x", "y", "z"],
    ["x", "y", "z"],
    "xyz",
  ]);
});

it("several run at once", async () => {
  const texts = await Promise.all([new Generation(words("a")), new Generation(words("b"))]);
  expect(texts.map(({ text }) => text)).toEqual(["a", "b"]);
});

it("leaving the loop stops the work", async () => {
  const producer = words("a", "b", "c", "d", "e");
  const generation = new Generation(producer);
  for await (const piece of generation) if (piece === "b") break;
  expect((await generation).finishReason).toBe("aborted");
  expect(producer.emitted.length).toBeLessThanOrEqual(3);
});

it("gives an error to whoever iterates or awaits, and to nobody else", async () => {
  const fail = () =>
    new Generation(async (emit) => {
      emit("a");
      await tick();
      throw new Error("broken");
    });
  await expect(collect(fail())).rejects.toThrow("broken");
  await expect(fail()).rejects.toThrow("broken");
  expect(await fail().catch(() => "caught")).toBe("caught");
  for await (const _ of fail()) break;
  await tick();
  await tick();
});

it("misses no piece when the consumer is slow", async () => {
  const generation = new Generation(words(..."deadlift"));
  const pieces: string[] = [];
  for await (const piece of generation) {
    pieces.push(piece);
    for (let i = 0; i < 5; i++) await tick();
  }
  expect(pieces.join("")).toBe("deadlift");
});
