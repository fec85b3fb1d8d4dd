// Python's two ways to fill in a string: '%s' % x and '{}'.format(x).

import { fail, limit, unsupported } from "./failure.js";
import { fixed, type Numeric, numeric, printFloat, shortExponent } from "./number.js";
import { escapeHtml, repr, str } from "./print.js";
import { concat, repeat, Text, TextBuilder } from "./text.js";
import { type Arguments, Dict, List, text, typeName, Undefined, type Value } from "./value.js";

/** A format specification: of printf, or of format()'s mini-language. */
interface Spec {
  fill: string;
  align: string; // < > = ^ or "" for the type's own
  sign: string;
  alternate: boolean;
  width: number;
  comma: string;
  precision: number | undefined;
  type: string;
}

const PERCENT = /%(?:\(([^)]*)\))?([-#0 +]*)(\*|\d+)?(?:\.(\*|\d+)?)?([hlL]?)(.)?/gs;

export function formatPercent(pattern: Text, value: Value): Text {
  const tuple = value instanceof List && value.kind === "tuple";
  const queue = tuple ? [...value.items] : [value];
  const next = () => queue.shift() ?? fail("not enough arguments for format string");
  const out = new TextBuilder();
  let at = 0;
  for (const match of pattern.value.matchAll(PERCENT)) {
    out.add(pattern.slice(at, match.index));
    at = match.index + match[0].length;
    const [, name, flags, width, precision, , type] = match;
    if (type === "%") {
      out.add("%");
      continue;
    }
    if (type === undefined) fail("incomplete format");
    if (width === "*" || precision === "*") unsupported("a '*' in a format string");
    const item = name === undefined ? next() : lookUp(value, name);
    const spec = percentSpec(flags!, width, match[0].includes(".") ? Number(precision ?? 0) : undefined, type);
    out.add(percentField(item, spec, pattern.markup));
  }
  if (tuple && queue.length > 0) fail("not all arguments converted during string formatting");
  const mapping = value instanceof Dict || value instanceof List || value instanceof Undefined;
  if (!tuple && queue.length > 0 && !mapping) fail("not all arguments converted during string formatting");
  return out.add(pattern.slice(at)).text(pattern.markup);
}

function lookUp(mapping: Value, name: string): Value {
  if (!(mapping instanceof Dict)) fail("format requires a mapping");
  return mapping.named(name) ?? fail(`'${name}'`);
}

function percentSpec(flags: string, width: string | undefined, precision: number | undefined, type: string): Spec {
  const left = flags.includes("-");
  const zero = flags.includes("0") && !left;
  return {
    fill: zero ? "0" : " ",
    align: left ? "<" : zero ? "=" : ">",
    sign: flags.includes("+") ? "+" : flags.includes(" ") ? " " : "",
    alternate: flags.includes("#"),
    width: Number(width ?? 0),
    comma: "",
    precision,
    type,
  };
}

function percentField(value: Value, spec: Spec, markup: boolean): Text {
  if ("sra".includes(spec.type)) {
    if (spec.type === "a") unsupported("%a in a format string");
    const shown = spec.type === "s" ? str(value) : repr(value);
    return pad(markup ? escapeHtml(shown) : shown, { ...spec, fill: " ", align: spec.align === "<" ? "<" : ">" });
  }
  if (spec.type === "c") unsupported("%c in a format string");
  if (!"diuoxXeEfFgG".includes(spec.type)) fail(`unsupported format character '${spec.type}'`);
  const number = numeric(value);
  const real = /[eEfFgG]/.test(spec.type);
  if (number === undefined) {
    if (value instanceof Undefined) value.fail();
    fail(
      real
        ? `must be real number, not ${typeName(value)}`
        : `%${spec.type} format: a real number is required, not ${typeName(value)}`,
    );
  }
  const whole = real ? Number(number) : typeof number === "number" ? BigInt(Math.trunc(number)) : number;
  return formatNumber(whole, { ...spec, type: "iu".includes(spec.type) ? "d" : spec.type });
}

/** `value` after {name:spec}. */
function formatValue(value: Value, source: string): Text {
  if (source === "") return str(value);
  const match = /^(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su.exec(source);
  if (!match) fail("Invalid format specifier");
  const [, fill, align, sign, alternate, zero, width, comma, precision, type] = match;
  const spec: Spec = {
    fill: fill ?? (zero ? "0" : " "),
    align: align ?? (zero ? "=" : ""),
    sign: sign ?? "",
    alternate: alternate !== undefined,
    width: Number(width ?? 0),
    comma: comma ?? "",
    precision: precision === undefined ? undefined : Number(precision),
    type: type ?? "",
  };
  if (value instanceof Text) {
    if (spec.type !== "" && spec.type !== "s") fail(`Unknown format code '${spec.type}' for object of type 'str'`);
    if (spec.align === "=" && !zero) fail("'=' alignment not allowed in string format specifier");
    return pad(value, { ...spec, align: spec.align === "=" || spec.align === "" ? "<" : spec.align });
  }
  const number = numeric(value);
  if (number === undefined) fail(`unsupported format string passed to ${typeName(value)}.__format__`);
  return formatNumber(number, spec);
}

function formatNumber(value: Numeric, spec: Spec): Text {
  const magnitude = digits(value, spec);
  const negative = magnitude.startsWith("-");
  const sign = negative ? "-" : spec.sign === "+" || spec.sign === " " ? spec.sign : "";
  const body = group(negative ? magnitude.slice(1) : magnitude, spec.comma);
  if (spec.align !== "=") return pad(text(sign + body), { ...spec, precision: undefined, align: spec.align || ">" });
  limit("text", spec.width);
  return text(sign + spec.fill.repeat(Math.max(0, spec.width - sign.length - body.length)) + body);
}

function digits(value: Numeric, spec: Spec): string {
  const upper = /[A-Z]/.test(spec.type);
  const type = spec.type.toLowerCase();
  if (typeof value === "bigint" && (type === "" || "dxobn".includes(type))) {
    const radix = { x: 16, o: 8, b: 2 }[type] ?? 10;
    const prefix = spec.alternate && radix !== 10 ? `0${type}` : "";
    const shown = `${value < 0n ? "-" : ""}${prefix}${(value < 0n ? -value : value).toString(radix).padStart(spec.precision ?? 0, "0")}`;
    return upper ? shown.toUpperCase() : shown;
  }
  const number = Number(value);
  if (!Number.isFinite(number)) return printFloat(number);
  const precision = spec.precision ?? 6;
  if (type === "f") return fixed(number, precision);
  if (type === "%") return `${fixed(number * 100, precision)}%`;
  if (type === "e") return cased(shortExponent(number.toExponential(Math.min(precision, 100))), upper);
  if (type === "g" || (type === "" && spec.precision !== undefined))
    return cased(general(number, precision || 1, spec), upper);
  if (type === "") return printFloat(number);
  return fail(`Unknown format code '${spec.type}' for object of type '${typeof value === "bigint" ? "int" : "float"}'`);
}

function cased(value: string, upper: boolean): string {
  return upper ? value.toUpperCase() : value;
}

/** %g: `precision` significant digits, without trailing zeros. */
function general(value: number, precision: number, spec: Spec): string {
  const exponential = value.toExponential(Math.min(precision, 100) - 1);
  const exponent = Number(exponential.slice(exponential.indexOf("e") + 1));
  const keepsPoint = spec.type === "" ? precision - 1 : precision;
  const trimmed = (number: string) => (number.includes(".") && !spec.alternate ? number.replace(/\.?0+$/, "") : number);
  if (exponent < -4 || exponent >= keepsPoint) {
    const [mantissa, power] = exponential.split("e");
    return shortExponent(`${trimmed(mantissa!)}e${power}`);
  }
  const shown = trimmed(fixed(value, Math.max(0, precision - 1 - exponent)));
  return spec.type === "" && !shown.includes(".") ? `${shown}.0` : shown;
}

function group(value: string, separator: string): string {
  if (separator === "") return value;
  return value.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, separator));
}

function pad(value: Text, spec: Spec): Text {
  const shown = spec.precision === undefined ? value : cut(value, spec.precision);
  return align(shown, spec.width, spec.fill, spec.align);
}

function cut(value: Text, points: number): Text {
  return value.wide ? concat(...value.points().slice(0, points)) : value.slice(0, points);
}

/** Fills `value` up to `width` code points. */
export function align(value: Text, width: number, fill: string, side: string): Text {
  const missing = width - value.length;
  if (missing <= 0) return value;
  limit("text", width);
  const before = side === ">" ? missing : side === "^" ? Math.floor(missing / 2) : 0;
  return concat(repeat(text(fill), before), value, repeat(text(fill), missing - before)).as(value.markup);
}

/** '...'.format(...). `read` looks attributes and items up as the sandbox allows. */
export function formatBraces(
  pattern: Text,
  args: Arguments,
  read: (value: Value, key: string, item: boolean) => Value,
): Text {
  const out = new TextBuilder();
  let at = 0;
  let automatic = 0;
  for (const match of pattern.value.matchAll(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g)) {
    out.add(pattern.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[0] === "{{" || match[0] === "}}") out.add(match[0][0]!);
    else if (match[1] === undefined)
      fail(`Single '${match[0]}' encountered in format string (or a nested field, which is not supported)`);
    else {
      const [, path, conversion, spec] =
        /^([^!:]*)(?:!([^:]*))?(?::(.*))?$/s.exec(match[1]) ?? fail("bad field in format string");
      const value = field(path!, args, read, () => automatic++);
      const shown = formatValue(conversion === undefined ? value : convert(value, conversion), spec ?? "");
      out.add(pattern.markup ? escapeHtml(shown) : shown);
    }
  }
  return out.add(pattern.slice(at)).text(pattern.markup);
}

function convert(value: Value, conversion: string): Text {
  if (conversion === "s") return str(value);
  return conversion === "r" ? repr(value) : fail(`Unknown conversion specifier ${conversion}`);
}

function field(
  path: string,
  args: Arguments,
  read: (value: Value, key: string, item: boolean) => Value,
  automatic: () => number,
): Value {
  const [, first, rest] = /^([^.[]*)(.*)$/s.exec(path)!;
  let value: Value | undefined;
  if (first === "" || /^\d+$/.test(first!)) {
    const index = first === "" ? automatic() : Number(first);
    value = args.positional[index] ?? fail(`Replacement index ${index} out of range for positional args tuple`);
  } else value = args.named.get(first!) ?? fail(`'${first}'`);
  for (const part of rest!.matchAll(/\.([^.[]+)|\[([^\]]+)\]/g))
    value = read(value, part[1] ?? part[2]!, part[1] === undefined);
  return value;
}
