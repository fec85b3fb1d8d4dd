// The filters of jinja2 that work on one value. filters_sequence.ts has those that work on many.

import { bind } from "./arguments.js";
import { ownAttribute } from "./attributes.js";
import { fail, unsupported } from "./failure.js";
import { formatPercent } from "./format.js";
import { numeric, parseFloating, parseInteger, roundFloat, toCount } from "./number.js";
import { escapeHtml, json, repr, str } from "./print.js";
import { capitalize, STRING_METHODS } from "./string_methods.js";
import { join, replace, splitLines, strip } from "./string_parts.js";
import { concat, repeat, Text } from "./text.js";
import {
  type Arguments,
  Dict,
  int,
  iterate,
  List,
  lazily,
  lengthOf,
  NONE,
  text,
  truthy,
  tuple,
  typeName,
  Undefined,
  type Value,
} from "./value.js";

export type Filter = (value: Value, args: Arguments) => Value;

const flag = (value: Value | undefined, otherwise = false): boolean =>
  value === undefined ? otherwise : truthy(value);
const method =
  (name: string): Filter =>
  (value, args) =>
    STRING_METHODS[name]!(str(value), args);

/** Python's json.dumps with ensure_ascii=False, as transformers registers it. */
function tojson(value: Value, args: Arguments): Text {
  const [ascii, indent, separators, sorted] = bind(
    "tojson",
    args,
    "ensure_ascii=",
    "indent=",
    "separators=",
    "sort_keys=",
  );
  const parts = separators === undefined || separators === NONE ? undefined : [...iterate(separators)].map(str);
  if (parts && parts.length !== 2) fail("tojson: separators must be a pair of strings");
  const level =
    indent === undefined || indent === NONE
      ? undefined
      : indent instanceof Text
        ? indent
        : repeat(text(" "), toCount(indent));
  return json(value, {
    indent: level,
    ascii: flag(ascii),
    itemSeparator: parts?.[0] ?? text(level ? "," : ", "),
    keySeparator: parts?.[1] ?? text(": "),
    sorted: flag(sorted),
  });
}

function indent(value: Value, args: Arguments): Text {
  const [width, first, blank] = bind("indent", args, "width=", "first=", "blank=");
  if (!(value instanceof Text)) fail(`unsupported operand type(s) for +=: '${typeName(value)}' and 'str'`);
  const space = width instanceof Text ? width : repeat(text(" "), width === undefined ? 4 : toCount(width));
  // The newline at the end makes an empty last line count, as in jinja2.
  const lines = splitLines(concat(value, "\n"));
  const indented = lines.map((line, i) =>
    i === 0 || (line.value === "" && !flag(blank)) ? line : concat(space, line),
  );
  const body = join(text("\n"), new List(indented));
  return (flag(first) ? concat(space, body) : body).as(value.markup);
}

function toInteger(value: Value, args: Arguments): Value {
  const [otherwise, base] = bind("int", args, "default=", "base=");
  const number =
    value instanceof Text ? parseInteger(value.value, base === undefined ? 10 : toCount(base)) : numeric(value);
  if (typeof number === "bigint") return number;
  if (value instanceof Undefined) value.fail();
  const real = number ?? (value instanceof Text ? parseFloating(value.value) : undefined);
  return real !== undefined && Number.isFinite(real) ? BigInt(Math.trunc(real)) : (otherwise ?? 0n);
}

function toFloat(value: Value, args: Arguments): Value {
  const [otherwise] = bind("float", args, "default=");
  if (value instanceof Undefined) value.fail();
  const number = value instanceof Text ? parseFloating(value.value) : numeric(value);
  return number === undefined ? (otherwise ?? 0) : Number(number);
}

function round(value: Value, args: Arguments): Value {
  const [precision, how] = bind("round", args, "precision=", "method=");
  const digits = precision === undefined ? 0 : toCount(precision);
  const way = how === undefined ? "common" : str(how).value;
  const number = numeric(value);
  if (value instanceof Undefined) value.fail();
  if (number === undefined) fail(`type ${typeName(value)} doesn't define __round__ method`);
  if (way === "common") {
    if (typeof number === "number") return roundFloat(number, digits);
    return digits >= 0 ? number : unsupported("rounding an integer to tens");
  }
  if (way !== "ceil" && way !== "floor") fail("method must be common, ceil or floor");
  const unit = 10 ** digits;
  return Math[way](Number(number) * unit) / unit;
}

function absolute(value: Value): Value {
  const number = numeric(value);
  if (value instanceof Undefined) value.fail();
  if (number === undefined) fail(`bad operand type for abs(): '${typeName(value)}'`);
  return number < 0 ? -number : number;
}

function truncate(value: Value, args: Arguments): Value {
  const [width, kill, ending, leeway] = bind("truncate", args, "length=", "killwords=", "end=", "leeway=");
  const most = width === undefined ? 255 : toCount(width);
  const end = ending === undefined ? text("...") : str(ending);
  if (most < end.length) fail(`expected length >= ${end.length}, got ${most}`);
  const slack = leeway === undefined || leeway === NONE ? 5 : toCount(leeway);
  if (Number(length(value)) <= most + slack) return value;
  if (!(value instanceof Text)) return unsupported("truncating a collection");
  const points = value.points();
  const cut = concat(...points.slice(0, most - end.length));
  if (flag(kill)) return concat(cut, end);
  const space = cut.value.lastIndexOf(" ");
  return concat(space < 0 ? cut : cut.slice(0, space), end);
}

const titled = (value: string): string =>
  value.replace(/[^-\s({[<]+/gu, (word) => {
    const [first = ""] = word;
    return first.toUpperCase() + word.slice(first.length).toLowerCase();
  });

function length(value: Value): Value {
  const known = lengthOf(value);
  return known === undefined ? fail(`object of type '${typeName(value)}' has no len()`) : int(known);
}

function* pairs(value: Value): Generator<Value, void> {
  if (value instanceof Undefined) return;
  if (!(value instanceof Dict)) fail("Can only get item pairs from a mapping.");
  for (const entry of value.entries()) yield tuple(...entry);
}

function otherwise(value: Value, args: Arguments): Value {
  const [fallback, boolean] = bind("default", args, "default_value=", "boolean=");
  return value instanceof Undefined || (flag(boolean) && !truthy(value)) ? (fallback ?? text("")) : value;
}

function replaced(value: Value, args: Arguments): Text {
  const [from, to, count] = bind("replace", args, "old", "new", "count=");
  const times = count === undefined || count === NONE ? -1 : toCount(count);
  return replace(str(value).as(false), str(from!), str(to!), times);
}

function center(value: Value, args: Arguments): Value {
  const [width] = bind("center", args, "width=");
  return STRING_METHODS.center!(str(value), { positional: [width ?? 80n], named: new Map() });
}

function formatted(value: Value, args: Arguments): Text {
  if (args.positional.length > 0 && args.named.size > 0)
    fail("can't handle positional and keyword arguments at the same time");
  if (args.named.size === 0) return formatPercent(str(value), new List(args.positional, "tuple"));
  return formatPercent(str(value), new Dict([...args.named].map(([name, given]) => [text(name), given])));
}

function attr(value: Value, args: Arguments): Value {
  const name = str(bind("attr", args, "name")[0]!).value;
  return ownAttribute(value, name) ?? new Undefined(`'${typeName(value)} object' has no attribute '${name}'`);
}

const SIZES = ["Bytes", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];

function fileSize(value: Value, args: Arguments): Text {
  const [binary] = bind("filesizeformat", args, "binary=");
  const bytes = Number(toFloat(value, { positional: [], named: new Map() }));
  const unit = flag(binary) ? 1024 : 1000;
  if (bytes === 1) return text("1 Byte");
  if (bytes < unit) return text(`${Math.trunc(bytes)} Bytes`);
  let power = 1;
  while (power < SIZES.length - 1 && bytes >= unit ** (power + 1)) power++;
  const name = flag(binary) ? `${SIZES[power]![0]!.toUpperCase()}iB` : SIZES[power]!;
  return text(`${(bytes / unit ** power).toFixed(1)} ${name}`);
}

export const FILTERS: Readonly<Record<string, Filter>> = {
  abs: absolute,
  attr,
  capitalize: (value) => str(value).mapWhole(capitalize),
  center,
  count: length,
  d: otherwise,
  default: otherwise,
  e: (value) => escapeHtml(str(value)),
  escape: (value) => escapeHtml(str(value)),
  filesizeformat: fileSize,
  float: toFloat,
  forceescape: (value) => escapeHtml(str(value).as(false)),
  format: formatted,
  indent,
  int: toInteger,
  items: (value) => lazily(pairs(value)),
  length,
  lower: method("lower"),
  pprint: (value) =>
    value instanceof Text || numeric(value) !== undefined
      ? repr(value)
      : unsupported("the filter 'pprint' of a collection"),
  replace: replaced,
  round,
  safe: (value) => str(value).as(true),
  string: (value) => str(value),
  title: (value) => str(value).mapWhole(titled),
  tojson,
  trim: (value, args) => strip(str(value), bind("trim", args, "chars=")[0], true, true),
  truncate,
  upper: method("upper"),
  wordcount: (value) => int(str(value).value.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
};

/** Filters of jinja2 for HTML and chance, which no chat template has been seen to use. */
export const UNSUPPORTED_FILTERS = new Set(["random", "striptags", "urlencode", "urlize", "wordwrap", "xmlattr"]);
