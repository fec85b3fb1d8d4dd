// The tests behind `is`: value is defined, is divisibleby(3), is eq(x) ...

import { bind } from "./arguments.js";
import { unsupported } from "./failure.js";
import { numeric } from "./number.js";
import { binary, compare, equals } from "./operators.js";
import { str } from "./print.js";
import { STRING_METHODS } from "./string_methods.js";
import { Text } from "./text.js";
import { type Arguments, Callable, Dict, isIterable, List, NONE, Undefined, type Value } from "./value.js";

export type Test = (value: Value, args: Arguments) => boolean;

const comparison =
  (operator: "==" | "!=" | "<" | "<=" | ">" | ">=" | "in"): Test =>
  (value, args) =>
    compare(operator, value, bind("test", args, "other")[0]!);

const isCase =
  (name: "islower" | "isupper"): Test =>
  (value) =>
    STRING_METHODS[name]!(str(value), { positional: [], named: new Map() }) === true;

/** Python's `is`: one object. It keeps one of each small integer and one-letter string; other numbers it may not. */
function same(value: Value, other: Value): boolean {
  if (typeof value === "number" || (typeof value === "bigint" && (value < -5n || value > 256n))) {
    unsupported("the test 'sameas' of a number");
  }
  if (value === other) return true;
  return value instanceof Text && other instanceof Text && value.value === other.value && value.value.length <= 1;
}

export const TESTS: Readonly<Record<string, Test>> = {
  boolean: (value) => typeof value === "boolean",
  callable: (value) => value instanceof Callable || value instanceof Undefined,
  defined: (value) => !(value instanceof Undefined),
  divisibleby: (value, args) => equals(binary("%", value, bind("divisibleby", args, "num")[0]!), 0n),
  escaped: (value) => value instanceof Text && value.markup,
  even: (value) => equals(binary("%", value, 2n), 0n),
  false: (value) => value === false,
  float: (value) => typeof value === "number",
  integer: (value) => typeof value === "bigint",
  iterable: isIterable,
  lower: isCase("islower"),
  mapping: (value) => value instanceof Dict,
  none: (value) => value === NONE,
  number: (value) => numeric(value) !== undefined,
  odd: (value) => equals(binary("%", value, 2n), 1n),
  sameas: (value, args) => same(value, bind("sameas", args, "other")[0]!),
  sequence: (value) =>
    value instanceof Text ||
    value instanceof Dict ||
    value instanceof Undefined ||
    (value instanceof List && !value.kind.startsWith("dict")),
  string: (value) => value instanceof Text,
  true: (value) => value === true,
  undefined: (value) => value instanceof Undefined,
  upper: isCase("isupper"),
  in: comparison("in"),
  "==": comparison("=="),
  eq: comparison("=="),
  equalto: comparison("=="),
  "!=": comparison("!="),
  ne: comparison("!="),
  ">": comparison(">"),
  gt: comparison(">"),
  greaterthan: comparison(">"),
  ">=": comparison(">="),
  ge: comparison(">="),
  "<": comparison("<"),
  lt: comparison("<"),
  lessthan: comparison("<"),
  "<=": comparison("<="),
  le: comparison("<="),
};
