// Taking strings apart and putting them together, keeping track of where each character came from.

import { bind } from "./arguments.js";
import { fail, limit } from "./failure.js";
import { SPACE } from "./lexer.js";
import { toCount } from "./number.js";
import { escapeHtml } from "./print.js";
import { Text, TextBuilder } from "./text.js";
import { type Arguments, iterate, type List, list, NONE, typeName, type Value } from "./value.js";
import { spend } from "./work.js";

const SPACES = new RegExp(`[${SPACE}]`);
const LINE_ENDS = "\n\r\v\f\x1c-\x1e\x85\u2028\u2029";
const LINE = new RegExp(`\r\n|[${LINE_ENDS}]`, "g");

export function textOf(value: Value | undefined, what: string): Text {
  if (value instanceof Text) return value;
  return fail(`${what} must be str, not ${typeName(value ?? NONE)}`);
}

/** Python's strip(): removes any of `chars`, or whitespace, at the chosen ends. */
export function strip(self: Text, chars: Value | undefined, left: boolean, right: boolean): Text {
  const set = chars === undefined || chars === NONE ? undefined : new Set(textOf(chars, "strip arg").value);
  const goes = (character: string) => (set ? set.has(character) : SPACES.test(character));
  const value = self.value;
  let start = 0;
  let end = value.length;
  while (left && start < end) {
    const character = String.fromCodePoint(value.codePointAt(start)!);
    if (!goes(character)) break;
    start += character.length;
  }
  while (right && end > start) {
    const pair = end - start > 1 && /[\ud800-\udbff]/.test(value[end - 2]!) && /[\udc00-\udfff]/.test(value[end - 1]!);
    const character = value.slice(pair ? end - 2 : end - 1, end);
    if (!goes(character)) break;
    end -= character.length;
  }
  spend((start + value.length - end) >> 2);
  return self.slice(start, end);
}

export function split(self: Text, args: Arguments, fromRight: boolean): List {
  const [separator, most] = bind(fromRight ? "rsplit" : "split", args, "sep=", "maxsplit=");
  const count = most === undefined ? -1 : toCount(most);
  const times = count < 0 ? Number.POSITIVE_INFINITY : count;
  if (separator === undefined || separator === NONE) return list(splitSpaces(self, times, fromRight));
  const sep = textOf(separator, "sep").value;
  if (sep === "") fail("empty separator");
  return list(fromRight ? splitRight(self, sep, times) : splitLeft(self, sep, times));
}

/** A part more: that is work, and there may be too many. */
function onePart(parts: readonly unknown[]): void {
  spend(2);
  limit("items", parts.length);
}

function splitLeft(self: Text, sep: string, times: number): Text[] {
  const parts: Text[] = [];
  let at = 0;
  for (let found = self.value.indexOf(sep); found >= 0 && parts.length < times; found = self.value.indexOf(sep, at)) {
    parts.push(self.slice(at, found));
    onePart(parts);
    at = found + sep.length;
  }
  return [...parts, self.slice(at)];
}

function splitRight(self: Text, sep: string, times: number): Text[] {
  const parts: Text[] = [];
  let end = self.value.length;
  while (parts.length < times) {
    const found = end < sep.length ? -1 : self.value.lastIndexOf(sep, end - sep.length);
    if (found < 0) break;
    parts.push(self.slice(found + sep.length, end));
    onePart(parts);
    end = found;
  }
  return [...parts, self.slice(0, end)].reverse();
}

function splitSpaces(self: Text, times: number, fromRight: boolean): Text[] {
  const words: (readonly [start: number, end: number])[] = [];
  for (const match of self.value.matchAll(new RegExp(`[^${SPACE}]+`, "g"))) {
    words.push([match.index, match.index + match[0].length]);
    onePart(words);
  }
  if (words.length <= times) return words.map(([start, end]) => self.slice(start, end));
  if (fromRight) {
    const rest = words.slice(0, words.length - times);
    const tail = words.slice(words.length - times);
    return [
      strip(self.slice(0, rest.at(-1)![1]), undefined, false, true),
      ...tail.map(([start, end]) => self.slice(start, end)),
    ];
  }
  return [...words.slice(0, times).map(([start, end]) => self.slice(start, end)), self.slice(words[times]![0])];
}

/** The lines as Python's splitlines() cuts them. */
export function splitLines(self: Text, keepEnds = false): Text[] {
  const lines: Text[] = [];
  let at = 0;
  for (const match of self.value.matchAll(LINE)) {
    const end = match.index + match[0].length;
    lines.push(self.slice(at, keepEnds ? end : match.index));
    onePart(lines);
    at = end;
  }
  return at < self.value.length ? [...lines, self.slice(at)] : lines;
}

export function replace(self: Text, from: Text, to: Text, count = -1): Text {
  const times = count < 0 ? Number.POSITIVE_INFINITY : count;
  const out = new TextBuilder();
  if (from.value === "") {
    const points = self.points();
    for (let i = 0; i <= points.length; i++) {
      if (i < times) out.add(to);
      out.add(points[i] ?? "");
    }
    return out.text(self.markup);
  }
  let at = 0;
  let done = 0;
  for (let found = self.value.indexOf(from.value); found >= 0 && done < times; done++) {
    out.add(self.slice(at, found)).add(to);
    spend(1);
    at = found + from.value.length;
    found = self.value.indexOf(from.value, at);
  }
  return out.add(self.slice(at)).text(self.markup);
}

/** Python's str.join. */
export function join(self: Text, items: Value): Text {
  const out = new TextBuilder();
  let i = 0;
  for (const item of iterate(items)) {
    if (!(item instanceof Text)) fail(`sequence item ${i}: expected str instance, ${typeName(item)} found`);
    if (i++ > 0) out.add(self);
    out.add(self.markup ? escapeHtml(item) : item);
  }
  return out.text(self.markup);
}
