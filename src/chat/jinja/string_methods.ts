// The methods of Python's str.

import { bind } from "./arguments.js";
import { fail, limit } from "./failure.js";
import { align } from "./format.js";
import { SPACE } from "./lexer.js";
import { toCount } from "./number.js";
import { escapeHtml } from "./print.js";
import { join, replace, split, splitLines, strip, textOf } from "./string_parts.js";
import { concat, repeat, type Text, TextBuilder } from "./text.js";
import { type Arguments, int, List, list, NONE, text, tuple, type Value } from "./value.js";

type Method = (self: Text, args: Arguments) => Value;

/** Whether one of the given prefixes (a str or a tuple of them) satisfies `test` within [start:end]. */
function startsOrEnds(name: string, test: (value: string, part: string) => boolean): Method {
  return (self, args) => {
    const [part, start, end] = bind(name, args, "prefix", "start=", "end=");
    const parts = part instanceof List && part.kind === "tuple" ? part.items : [part!];
    const wanted = parts.map((one) => textOf(one, `${name} first arg`).value);
    const within = between(self, start, end);
    return within !== undefined && wanted.some((one) => test(within.part.value, one));
  };
}

/** self[start:end] and the code point where it begins; undefined where start lies behind end. */
function between(
  self: Text,
  start: Value | undefined,
  end: Value | undefined,
): { part: Text; begin: number } | undefined {
  if (start === undefined && end === undefined) return { part: self, begin: 0 };
  const points = self.points();
  const place = (value: Value | undefined, otherwise: number) => {
    const at = value === undefined || value === NONE ? otherwise : toCount(value);
    return at < 0 ? Math.max(0, at + points.length) : at;
  };
  const from = place(start, 0);
  const to = Math.min(points.length, place(end, points.length));
  return from > to ? undefined : { part: concat(...points.slice(from, to)), begin: from };
}

function find(name: string, last: boolean, required: boolean): Method {
  return (self, args) => {
    const [sub, start, end] = bind(name, args, "sub", "start=", "end=");
    const wanted = textOf(sub, "argument").value;
    const within = between(self, start, end);
    const value = within?.part.value ?? "";
    const found = within === undefined ? -1 : last ? value.lastIndexOf(wanted) : value.indexOf(wanted);
    if (within === undefined || found < 0) return required ? fail("substring not found") : -1n;
    return int(within.begin + within.part.slice(0, found).length);
  };
}

function count(self: Text, args: Arguments): Value {
  const [sub, start, end] = bind("count", args, "sub", "start=", "end=");
  const wanted = textOf(sub, "argument").value;
  const within = between(self, start, end);
  if (within === undefined) return 0n;
  return int(wanted === "" ? within.part.length + 1 : within.part.value.split(wanted).length - 1);
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
function every(pattern: RegExp): (self: Text) => Value {
  return (self) => pattern.test(self.value);
}

function cased(pattern: RegExp, other: RegExp): (self: Text) => Value {
  return (self) => pattern.test(self.value) && !other.test(self.value);
}

function convert(change: (value: string) => string): (self: Text) => Value {
  return (self) => self.mapWhole(change);
}

const DIGRAPHS: ReadonlyMap<string, string> = new Map(
  [..."\u01c4\u01c7\u01ca\u01f1"].map((upper) => [upper, next(upper)]),
);

function next(letter: string): string {
  return String.fromCodePoint(letter.codePointAt(0)! + 1);
}

/** A word's first letter as Unicode's title case, for which JavaScript has no function: ß is Ss, not SS. */
function initial(letter: string): string {
  const [first = "", ...rest] = letter.toUpperCase();
  return (DIGRAPHS.get(first) ?? first) + rest.join("").toLowerCase();
}

/** A word with a capital first. */
export const capitalize = (word: string): string => {
  const [first = ""] = word;
  return initial(first) + word.slice(first.length).toLowerCase();
};

const title = (value: string): string => value.replace(/\p{L}+/gu, capitalize);

const swapcase = (value: string): string =>
  value.replace(/\p{Lu}|\p{Ll}/gu, (letter) => (/\p{Lu}/u.test(letter) ? letter.toLowerCase() : letter.toUpperCase()));

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

/** Methods without arguments. */
const PLAIN_METHODS: Readonly<Record<string, (self: Text) => Value>> = {
  capitalize: convert(capitalize),
  casefold: convert((value) => value.toUpperCase().toLowerCase()),
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
  lower: convert((value) => value.toLowerCase()),
  swapcase: convert(swapcase),
  title: convert(title),
  upper: convert((value) => value.toUpperCase()),
};

function plain(name: string, method: (self: Text) => Value): Method {
  return (self, args) => {
    if (args.positional.length > 0 || args.named.size > 0)
      fail(`str.${name}() takes no arguments (${args.positional.length} given)`);
    return method(self);
  };
}

export const STRING_METHODS: Readonly<Record<string, Method>> = {
  ...Object.fromEntries(Object.entries(PLAIN_METHODS).map(([name, method]) => [name, plain(name, method)])),
  center: side("center", "^"),
  count,
  endswith: startsOrEnds("endswith", (value, part) => value.endsWith(part)),
  expandtabs: expandTabs,
  find: find("find", false, false),
  index: find("index", false, true),
  join: (self, args) => join(self, bind("join", args, "iterable")[0]!),
  ljust: side("ljust", "<"),
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
    return list(splitLines(self, keep !== undefined && toCount(keep) !== 0));
  },
  startswith: startsOrEnds("startswith", (value, part) => value.startsWith(part)),
  strip: stripper("strip", true, true),
  zfill,
};
