// Python's operators over template values.

import type { BinaryOperator, CompareOperator } from "./ast.js";
import { fail, limit } from "./failure.js";
import { formatPercent } from "./format.js";
import { arithmetic, numeric, toCount } from "./number.js";
import { escapeHtml } from "./print.js";
import { concat, repeat, Text } from "./text.js";
import { Dict, isIterable, iterate, List, typeName, Undefined, type Value } from "./value.js";
import { spend } from "./work.js";

export function equals(a: Value, b: Value): boolean {
  spend(1);
  const [x, y] = [numeric(a), numeric(b)];
  if (x !== undefined || y !== undefined) return x !== undefined && y !== undefined && x <= y && x >= y;
  if (a instanceof Text) return b instanceof Text && sameText(a.value, b.value);
  if (a instanceof List) {
    if (!(b instanceof List) || a.kind !== b.kind || a.items.length !== b.items.length) return false;
    return a.items.every((item, i) => equals(item, b.items[i]!));
  }
  if (a instanceof Dict) {
    if (!(b instanceof Dict) || a.size !== b.size) return false;
    return a.entries().every(([key, value]) => {
      const other = b.get(key);
      return other !== undefined && equals(value, other);
    });
  }
  return a === b || (a instanceof Undefined && b instanceof Undefined);
}

function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  spend(a.length >> 7);
  return a === b;
}

/** Negative, zero or positive; fails where Python has no order. `operator` is for the message. */
export function order(a: Value, b: Value, operator: string): number {
  spend(1);
  const [x, y] = [numeric(a), numeric(b)];
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : x <= y ? 0 : Number.NaN;
  if (a instanceof Text && b instanceof Text) return comparePoints(a.value, b.value);
  if (a instanceof List && b instanceof List && a.kind === b.kind && (a.kind === "list" || a.kind === "tuple")) {
    for (let i = 0; i < Math.min(a.items.length, b.items.length); i++) {
      if (!equals(a.items[i]!, b.items[i]!)) return order(a.items[i]!, b.items[i]!, operator);
    }
    return a.items.length - b.items.length;
  }
  if (a instanceof Undefined) a.fail();
  if (b instanceof Undefined) b.fail();
  return fail(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

/** By code points, where JavaScript compares UTF-16 units. */
function comparePoints(a: string, b: string): number {
  spend(Math.min(a.length, b.length) >> 4);
  if (a === b) return 0;
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  const surrogate = (unit: string | undefined) => unit !== undefined && unit >= "\ud800" && unit <= "\udfff";
  if (surrogate(a[i]) !== surrogate(b[i]) && i < a.length && i < b.length) return surrogate(a[i]) ? 1 : -1;
  return a < b ? -1 : 1;
}

export function contains(container: Value, item: Value): boolean {
  if (container instanceof Text) {
    if (!(item instanceof Text)) fail(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    return container.value.includes(item.value);
  }
  if (container instanceof Dict) return container.get(item) !== undefined;
  if (!isIterable(container)) fail(`argument of type '${typeName(container)}' is not iterable`);
  for (const member of iterate(container)) if (equals(member, item)) return true;
  return false;
}

export function compare(operator: CompareOperator, a: Value, b: Value): boolean {
  switch (operator) {
    case "==":
      return equals(a, b);
    case "!=":
      return !equals(a, b);
    case "in":
      return contains(b, a);
    case "not in":
      return !contains(b, a);
    case "<":
      return order(a, b, "<") < 0;
    case "<=":
      return order(a, b, "<=") <= 0;
    case ">":
      return order(a, b, ">") > 0;
    case ">=":
      return order(a, b, ">=") >= 0;
  }
}

export function binary(operator: BinaryOperator, a: Value, b: Value): Value {
  const [x, y] = [numeric(a), numeric(b)];
  if (x !== undefined && y !== undefined) return arithmetic(operator, x, y);
  if (operator === "%" && a instanceof Text) return formatPercent(a, b);
  if (a instanceof Undefined) a.fail();
  if (b instanceof Undefined) b.fail();
  if (operator === "+") return add(a, b);
  if (operator === "*" && isSequence(a) && isInteger(b)) return times(a, toCount(b));
  if (operator === "*" && isSequence(b) && isInteger(a)) return times(b, toCount(a));
  return unsupportedOperands(operator === "**" ? "** or pow()" : operator, a, b);
}

function unsupportedOperands(operator: string, a: Value, b: Value): never {
  return fail(`unsupported operand type(s) for ${operator}: '${typeName(a)}' and '${typeName(b)}'`);
}

function add(a: Value, b: Value): Value {
  if (a instanceof Text && b instanceof Text) {
    if (a.markup || b.markup) return concat(escapeHtml(a), escapeHtml(b)).as(true);
    return concat(a, b);
  }
  if (a instanceof Text) fail(`can only concatenate str (not "${typeName(b)}") to str`);
  if (a instanceof List && (a.kind === "list" || a.kind === "tuple")) {
    if (b instanceof List && b.kind === a.kind) {
      limit("items", a.items.length + b.items.length);
      spend((a.items.length + b.items.length) >> 5);
      return new List([...a.items, ...b.items], a.kind);
    }
    fail(`can only concatenate ${a.kind} (not "${typeName(b)}") to ${a.kind}`);
  }
  return unsupportedOperands("+", a, b);
}

function isInteger(value: Value): boolean {
  return typeof value === "bigint" || typeof value === "boolean";
}

function isSequence(value: Value): value is Text | List {
  return value instanceof Text || (value instanceof List && (value.kind === "list" || value.kind === "tuple"));
}

function times(value: Text | List, count: number): Value {
  if (value instanceof Text) return repeat(value, count);
  limit("items", value.items.length * Math.max(count, 0));
  return new List(Array.from({ length: Math.max(count, 0) }, () => value.items).flat(), value.kind);
}

export function sign(operator: "+" | "-", value: Value): Value {
  const number = numeric(value);
  if (value instanceof Undefined) value.fail();
  if (number === undefined) fail(`bad operand type for unary ${operator}: '${typeName(value)}'`);
  return operator === "-" ? -number : number;
}

/** Python's sum(): adds from the left. */
export function sum(values: Iterable<Value>, start: Value): Value {
  let total = start;
  for (const value of values) total = binary("+", total, value);
  return total;
}
