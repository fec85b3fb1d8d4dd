// Stop strings end a stream of text exactly where they begin, however the text is cut into pieces.

import { describe, expect, it } from "vitest";
import { StopStrings } from "../src/stop.js";

interface Outcome {
  text: string;
  stopped: string | undefined;
}

/** The meaning: the first stop string to begin in the whole text, the longest of those that begin there. */
function naive(stops: readonly string[], text: string): Outcome {
  for (let start = 0; start < text.length; start++) {
    const here = stops.filter((stop) => text.startsWith(stop, start)).sort((a, b) => b.length - a.length)[0];
    if (here !== undefined) return { text: text.slice(0, start), stopped: here };
  }
  return { text, stopped: undefined };
}

/** How much of `text` nobody can take back: what all continuations have in common. */
function naiveSafe(stops: readonly string[], text: string): number {
  const match = naive(stops, text);
  const limit = match.stopped === undefined ? text.length : match.text.length;
  for (let start = 0; start < limit; start++) {
    const tail = text.slice(start);
    if (stops.some((stop) => stop.length > tail.length && stop.startsWith(tail))) return start;
  }
  return limit;
}

function stream(stops: readonly string[], pieces: readonly string[]): Outcome {
  const watch = new StopStrings(stops);
  let text = "";
  for (const piece of pieces) {
    const step = watch.push(piece);
    text += step.text;
    if (step.stopped !== undefined) return { text, stopped: step.stopped };
  }
  text += watch.flush();
  return { text, stopped: watch.stopped };
}

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function word(random: (below: number) => number, letters: string, least: number, most: number): string {
  const length = least + random(most - least + 1);
  return Array.from({ length }, () => letters[random(letters.length)]).join("");
}

function cut(random: (below: number) => number, text: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const length = random(4);
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
}

describe("StopStrings", () => {
  it("shows everything at once when there is nothing to stop at", () => {
    const watch = new StopStrings([]);
    expect(watch.push("abc")).toEqual({ text: "abc", stopped: undefined });
    expect(watch.flush()).toBe("");
  });

  it("holds back only the tail that could become a stop string", () => {
    const watch = new StopStrings(["\n\nUser:"]);
    expect(watch.push("Hello\n")).toEqual({ text: "Hello", stopped: undefined });
    expect(watch.push("\nUs")).toEqual({ text: "", stopped: undefined });
    expect(watch.push("e it\n")).toEqual({ text: "\n\nUse it", stopped: undefined });
    expect(watch.flush()).toBe("\n");
    expect(watch.stopped).toBeUndefined();
  });

  it.each([
    ["in one piece", ["one STOP two"]],
    ["in single letters", [..."one STOP two"]],
    ["with empty pieces", ["", "one ", "", "ST", "", "OP", " two"]],
  ])("stops %s", (_, pieces) => {
    expect(stream(["STOP"], pieces)).toEqual({ text: "one ", stopped: "STOP" });
  });

  it("lets the earliest begin win, even if it ends later", () => {
    expect(stream(["b", "abc"], ["xa", "b", "c"])).toEqual({ text: "x", stopped: "abc" });
    expect(stream(["b", "abc"], ["xa", "b", "d"])).toEqual({ text: "xa", stopped: "b" });
    expect(stream(["b", "abc"], ["xa", "b"])).toEqual({ text: "xa", stopped: "b" });
  });

  it("takes the longest of those that begin at the same place", () => {
    expect(stream(["\n", "\n\n"], ["a\n", "\nb"])).toEqual({ text: "a", stopped: "\n\n" });
    expect(stream(["\n", "\n\n"], ["a\n", "b"])).toEqual({ text: "a", stopped: "\n" });
    expect(stream(["\n", "\n\n"], ["a\n"])).toEqual({ text: "a", stopped: "\n" });
  });

  it("finds a stop string whose beginning repeats", () => {
    expect(stream(["aab"], [..."aaaab"])).toEqual({ text: "aa", stopped: "aab" });
    expect(stream(["abcabd"], [..."abcabcabd"])).toEqual({ text: "abc", stopped: "abcabd" });
  });

  it("shows nothing after a stop", () => {
    const watch = new StopStrings(["."]);
    expect(watch.push("a.b")).toEqual({ text: "a", stopped: "." });
    expect(watch.push("c")).toEqual({ text: "", stopped: "." });
    expect(watch.flush()).toBe("");
  });

  it("works beyond the basic plane", () => {
    expect(stream(["😀!"], ["a😂", "😀", "!"])).toEqual({ text: "a😂", stopped: "😀!" });
  });

  it("refuses an empty stop string", () => {
    expect(() => new StopStrings(["a", ""])).toThrow('expected a non-empty string for stop, received ""');
  });

  it("agrees with the meaning on 5000 random texts, and holds back no more than needed", () => {
    const random = randomFrom(1);
    for (let round = 0; round < 5000; round++) {
      const letters = "abcd".slice(0, 1 + random(4));
      const stops = Array.from({ length: 1 + random(4) }, () => word(random, letters, 1, 5));
      const pieces = cut(random, word(random, letters, 0, 24));
      const whole = pieces.join("");
      expect(stream(stops, pieces), JSON.stringify({ stops, pieces })).toEqual(naive(stops, whole));

      const watch = new StopStrings(stops);
      let [text, pushed] = ["", ""];
      for (const piece of pieces) {
        const step = watch.push(piece);
        if (step.stopped !== undefined) break;
        text += step.text;
        pushed += piece;
        expect(text, JSON.stringify({ stops, pushed })).toBe(pushed.slice(0, naiveSafe(stops, pushed)));
      }
    }
  });

  it("takes time that grows with the text, not with the stop strings", () => {
    const length = 20000;
    const watch = new StopStrings([`${"a".repeat(length)}b`]);
    let shown = 0;
    const startedAt = performance.now();
    for (let i = 0; i < 5 * length; i++) shown += watch.push("a").text.length;
    expect(shown).toBe(4 * length);
    expect(watch.push("b")).toEqual({ text: "", stopped: `${"a".repeat(length)}b` });
    expect(performance.now() - startedAt).toBeLessThan(2000); // 10^5 steps; 2 * 10^9 if each looked at the tail
  });
});
