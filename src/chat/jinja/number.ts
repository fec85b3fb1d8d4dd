// Python's arithmetic and the way it writes numbers.

import { fail, limit, unsupported } from "./failure.js";
import { bounded, type Value } from "./value.js";

export type Numeric = bigint | number;

/** bool counts as int; anything else is no number. */
export function numeric(value: Value): Numeric | undefined {
  if (typeof value === "boolean") return value ? 1n : 0n;
  return typeof value === "bigint" || typeof value === "number" ? value : undefined;
}

/** An int where Python insists on one (an index, a width, a count); clamped to what JavaScript can count. */
export function toCount(value: Value): number {
  const number = numeric(value);
  if (typeof number !== "bigint") fail("expected an integer in a chat template");
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(number > most ? most : number < -most ? -most : number);
}

export function arithmetic(operator: string, a: Numeric, b: Numeric): Numeric {
  if (operator === "/") return divide(Number(a), Number(b), "division by zero");
  if (typeof a === "bigint" && typeof b === "bigint") return integers(operator, a, b);
  return floats(operator, Number(a), Number(b));
}

function divide(a: number, b: number, message: string): number {
  return b === 0 ? fail(message) : a / b;
}

function integers(operator: string, a: bigint, b: bigint): Numeric {
  switch (operator) {
    case "+":
      return bounded(a + b);
    case "-":
      return bounded(a - b);
    case "*":
      return bounded(a * b);
    case "//":
      return floorDivide(a, b, "integer division or modulo by zero");
    case "%":
      return a - floorDivide(a, b, "integer modulo by zero") * b;
    default: // **
      if (b < 0n) return floats("**", Number(a), Number(b));
      if (a > 1n || a < -1n) limit("bits", (a.toString(2).length - 1) * Number(b));
      return a >= -1n && a <= 1n ? a ** (b === 0n ? 0n : 2n - (b % 2n)) : a ** b;
  }
}

function floorDivide(a: bigint, b: bigint, message: string): bigint {
  if (b === 0n) fail(message);
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

function floats(operator: string, a: number, b: number): number {
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "//":
      return Math.floor(divide(a, b, "float floor division by zero"));
    case "%": {
      if (b === 0) fail("float modulo");
      const rest = a % b;
      return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
    }
    default: // **
      if (a === 0 && b < 0) fail("0.0 cannot be raised to a negative power");
      if (a < 0 && !Number.isInteger(b)) unsupported("a complex number");
      return a ** b;
  }
}

/** Python's repr of a float: JavaScript's digits, another point where exponents begin. */
export function printFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) return shortExponent(value.toExponential());
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** 1e+5 as 1e+05. */
export function shortExponent(exponential: string): string {
  return exponential.replace(/e([+-])(\d)$/, "e$10$2");
}

/** `digits` after the point, ties to even as in Python (JavaScript's toFixed rounds them up). */
export function fixed(value: number, digits: number): string {
  if (digits > 100) fail("format precision above 100");
  const size = Math.abs(value);
  const up = size >= 1e21 ? `${BigInt(size)}${digits > 0 ? `.${"0".repeat(digits)}` : ""}` : size.toFixed(digits);
  const down = tieBelow(size, digits, up);
  return (value < 0 || Object.is(value, -0) ? "-" : "") + (down ?? up);
}

/** The even neighbour below `up`, if `size` lies exactly between the two and `up` is odd. */
function tieBelow(size: number, digits: number, up: string): string | undefined {
  if (size >= 2 ** 52 || digits > 70 || !/[13579]$/.test(up)) return undefined;
  const exact = size.toFixed(digits + 30);
  if (!/^50*$/.test(exact.slice(exact.length - 30))) return undefined;
  const below = exact.slice(0, exact.length - 30);
  return below.endsWith(".") ? below.slice(0, -1) : below;
}

/** Python's round(value, digits) of a float. */
export function roundFloat(value: number, digits: number): number {
  if (!Number.isFinite(value)) return value;
  if (digits >= 0) return digits > 22 ? value : Number(fixed(value, digits));
  const unit = 10 ** -digits;
  return Number(fixed(value / unit, 0)) * unit;
}

/** Python's int(text, base), or undefined where it raises. */
export function parseInteger(source: string, radix = 10): bigint | undefined {
  const match = /^([+-]?)(0[xob])?([\da-z]+(?:_[\da-z]+)*)$/i.exec(source.trim());
  if (!match) return undefined;
  const [, sign, prefix, digits] = match;
  const own = { "0x": 16, "0o": 8, "0b": 2 }[(prefix ?? "").toLowerCase()];
  if (prefix !== undefined && own !== radix) return undefined;
  limit("bits", digits!.length * 3);
  let value = 0n;
  for (const digit of digits!.replaceAll("_", "")) {
    const number = Number.parseInt(digit, radix);
    if (Number.isNaN(number)) return undefined;
    value = value * BigInt(radix) + BigInt(number);
  }
  return sign === "-" ? -value : value;
}

/** Python's float(text), or undefined where it raises. */
export function parseFloating(source: string): number | undefined {
  const trimmed = source.trim().toLowerCase();
  const special = /^([+-]?)(inf|infinity|nan)$/.exec(trimmed);
  if (special) return (special[1] === "-" ? -1 : 1) * (special[2] === "nan" ? Number.NaN : Number.POSITIVE_INFINITY);
  if (!/^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+)?$/.test(trimmed)) return undefined;
  return Number(trimmed.replaceAll("_", ""));
}

export function range(start: number, stop: number, step: number): number[] {
  if (step === 0) fail("range() arg 3 must not be zero");
  const length = Math.max(0, Math.ceil((stop - start) / step));
  limit("range", length);
  return Array.from({ length }, (_, i) => start + i * step);
}
