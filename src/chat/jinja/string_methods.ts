// The methods of Python's str.

import { bind } from "./arguments.js";
import { fail, limit } from "./failure.js";
import { align } from "./format.js";
import { SPACE } from "./lexer.js";
import { toCount } from "./number.js";
import { escapeHtml } from "./print.js";
import { join, replace, split, splitLines, strip, textOf } from "./string_parts.js";
import { concat, repeat, type Text, TextBuilder } from "./text.js";
import { type Arguments, int, List, list, NONE, text, truthy, tuple, type Value } from "./value.js";

type Method = (self: Text, args: Arguments) => Value;

/** Whether one of the given prefixes (a str or a tuple of them) satisfies `test` within [start:end]. */
function startsOrEnds(name: string, test: (value: string, part: string) => boolean): Method {
  return (self, args) => {
    const [part, start, end] = bind(name, args, "prefix", "start=", "end=");
    const value = between(self, start, end).part.value;
    const parts = part instanceof List && part.kind === "tuple" ? part.items : [part!];
    return parts.some((one) => test(value, textOf(one, `${name} first arg`).value));
  };
}

/** self[start:end] and the code point where it begins. */
function between(self: Text, start: Value | undefined, end: Value | undefined): { part: Text; begin: number } {
  if (start === undefined && end === undefined) return { part: self, begin: 0 };
  const points = self.points();
  const clamp = (value: Value | undefined, otherwise: number) => {
    const at = value === undefined || value === NONE ? otherwise : toCount(value);
    return Math.min(points.length, at < 0 ? Math.max(0, at + points.length) : at);
  };
  const [from, to] = [clamp(start, 0), clamp(end, points.length)];
  return { part: concat(...points.slice(from, Math.max(from, to))), begin: from };
}

function find(name: string, last: boolean, required: boolean): Method {
  return (self, args) => {
    const [sub, start, end] = bind(name, args, "sub", "start=", "end=");
    const { part, begin } = between(self, start, end);
    const wanted = textOf(sub, "argument").value;
    const found = last ? part.value.lastIndexOf(wanted) : part.value.indexOf(wanted);
    if (found < 0) return required ? fail("substring not found") : -1n;
    return int(begin + part.slice(0, found).length);
  };
}

function partition(last: boolean): Method {
  return (self, args) => {
    const sep = textOf(bind("partition", args, "sep")[0], "sep");
    if (sep.value === "") fail("empty separator");
    const found = last ? self.value.lastIndexOf(sep.value) : self.value.indexOf(sep.value);
    const none = text("").as(self.markup);
    if (found < 0) return last ? tuple(none, none, self) : tuple(self, none, none);
    return tuple(self.slice(0, found), sep.as(self.markup), self.slice(found + sep.value.length));
  };
}

function side(name: string, at: "<" | ">" | "^"): Method {
  return (self, args) => {
    const [width, fill] = bind(name, args, "width", "fillchar=");
    const by = fill === undefined ? " " : textOf(fill, "fillchar").value;
    if ([...by].length !== 1) fail("The fill character must be exactly one character long");
    const wanted = toCount(width!);
    if (at !== "^") return align(self, wanted, by, at === "<" ? "<" : ">");
    const missing = Math.max(0, wanted - self.length);
    limit("text", missing);
    const left = Math.floor(missing / 2) + (missing % 2 === 1 && wanted % 2 === 1 ? 1 : 0);
    return concat(repeat(text(by), left), self, repeat(text(by), missing - left)).as(self.markup);
  };
}

/** str.is...(): not empty and every character matches. */
function every(pattern: RegExp): Method {
  return (self) => pattern.test(self.value);
}

function cased(pattern: RegExp, other: RegExp): Method {
  return (self) => pattern.test(self.value) && !other.test(self.value);
}

function convert(change: (value: string) => string): Method {
  return (self) => self.mapWhole(change);
}

export const capitalize = (value: string): string => {
  const first = [...value][0] ?? "";
  return first.toUpperCase() + value.slice(first.length).toLowerCase();
};

const title = (value: string): string =>
  value.replace(/\p{L}+/gu, (word) => {
    const [first = "", ...rest] = word;
    return first.toUpperCase() + rest.join("").toLowerCase();
  });

const swapcase = (value: string): string =>
  value.replace(/./gsu, (point) => (point === point.toUpperCase() ? point.toLowerCase() : point.toUpperCase()));

function zfill(self: Text, args: Arguments): Text {
  const width = toCount(bind("zfill", args, "width")[0]!);
  const sign = /^[+-]/.test(self.value) ? 1 : 0;
  const zeros = repeat(text("0"), width - self.length);
  return concat(self.slice(0, sign), zeros, self.slice(sign)).as(self.markup);
}

function expandTabs(self: Text, args: Arguments): Text {
  const [size] = bind("expandtabs", args, "tabsize=");
  const stop = size === undefined ? 8 : toCount(size);
  const out = new TextBuilder();
  let column = 0;
  for (const point of self.points()) {
    if (point.value === "\t") {
      const spaces = stop > 0 ? stop - (column % stop) : 0;
      out.add(repeat(text(" "), spaces));
      column += spaces;
    } else {
      out.add(point);
      column = point.value === "\n" || point.value === "\r" ? 0 : column + 1;
    }
  }
  return out.text(self.markup);
}

function stripper(name: string, left: boolean, right: boolean): Method {
  return (self, args) => strip(self, bind(name, args, "chars=")[0], left, right);
}

function remover(name: string, prefix: boolean): Method {
  return (self, args) => {
    const part = textOf(bind(name, args, "prefix")[0], `${name}() argument`).value;
    if (part === "") return self;
    if (prefix) return self.value.startsWith(part) ? self.slice(part.length) : self;
    return self.value.endsWith(part) ? self.slice(0, self.value.length - part.length) : self;
  };
}

export const STRING_METHODS: Readonly<Record<string, Method>> = {
  capitalize: convert(capitalize),
  casefold: convert((value) => value.toUpperCase().toLowerCase()),
  center: side("center", "^"),
  count: (self, args) => {
    const [sub, start, end] = bind("count", args, "sub", "start=", "end=");
    const { part } = between(self, start, end);
    const wanted = textOf(sub, "argument").value;
    return int(wanted === "" ? part.length + 1 : part.value.split(wanted).length - 1);
  },
  endswith: startsOrEnds("endswith", (value, part) => value.endsWith(part)),
  expandtabs: expandTabs,
  find: find("find", false, false),
  index: find("index", false, true),
  isalnum: every(/^[\p{L}\p{N}]+$/u),
  isalpha: every(/^\p{L}+$/u),
  isascii: (self) => /^\p{ASCII}*$/u.test(self.value),
  isdecimal: every(/^\p{Nd}+$/u),
  isdigit: every(/^[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089]+$/u),
  isidentifier: every(/^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*$/u),
  islower: cased(/\p{Ll}/u, /[\p{Lu}\p{Lt}]/u),
  isnumeric: every(/^\p{N}+$/u),
  isprintable: (self) => !/[\p{C}\p{Z}]/u.test(self.value.replaceAll(" ", "")),
  isspace: every(new RegExp(`^[${SPACE}]+$`)),
  istitle: (self) => /\p{L}/u.test(self.value) && self.value === title(self.value),
  isupper: cased(/\p{Lu}/u, /[\p{Ll}\p{Lt}]/u),
  join: (self, args) => join(self, bind("join", args, "iterable")[0]!),
  ljust: side("ljust", "<"),
  lower: convert((value) => value.toLowerCase()),
  lstrip: stripper("lstrip", true, false),
  partition: partition(false),
  removeprefix: remover("removeprefix", true),
  removesuffix: remover("removesuffix", false),
  replace: (self, args) => {
    const [from, to, count] = bind("replace", args, "old", "new", "count=");
    const by = textOf(to, "replace() argument 2");
    const times = count === undefined ? -1 : toCount(count);
    return replace(self, textOf(from, "replace() argument 1"), self.markup ? escapeHtml(by) : by, times);
  },
  rfind: find("rfind", true, false),
  rindex: find("rindex", true, true),
  rjust: side("rjust", ">"),
  rpartition: partition(true),
  rsplit: (self, args) => split(self, args, true),
  rstrip: stripper("rstrip", false, true),
  split: (self, args) => split(self, args, false),
  splitlines: (self, args) => {
    const [keep] = bind("splitlines", args, "keepends=");
    return list(splitLines(self, keep !== undefined && truthy(keep)));
  },
  startswith: startsOrEnds("startswith", (value, part) => value.startsWith(part)),
  strip: stripper("strip", true, true),
  swapcase: convert(swapcase),
  title: convert(title),
  upper: convert((value) => value.toUpperCase()),
  zfill,
};
