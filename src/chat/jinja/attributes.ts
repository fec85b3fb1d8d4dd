// What `value.name` and `value[key]` give, as Python's sandbox allows it: never anything of JavaScript.

import { bind } from "./arguments.js";
import { fail, unsupported } from "./failure.js";
import { formatBraces } from "./format.js";
import { numeric, toCount } from "./number.js";
import { contains, equals } from "./operators.js";
import { repr } from "./print.js";
import { STRING_METHODS } from "./string_methods.js";
import { concat, Text } from "./text.js";
import {
  type Arguments,
  Callable,
  Dict,
  int,
  List,
  Namespace,
  NONE,
  text,
  tuple,
  typeName,
  Undefined,
  type Value,
  weight,
} from "./value.js";
import { spend } from "./work.js";

/** Public names that Python has, and deadlift does not: using one is an error, not an undefined value. */
const UNSUPPORTED: Record<string, string> = {
  str: "encode format_map maketrans translate",
  list: "copy",
  tuple: "",
  dict: "fromkeys",
  int: "as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag numerator real to_bytes",
  float: "as_integer_ratio conjugate fromhex hex imag is_integer real",
  range: "count index start step stop",
};

/** Names that would change a value; the immutable sandbox gives them out as undefined. */
const UNSAFE: Record<string, string> = {
  list: "append clear extend insert pop remove reverse sort",
  dict: "clear pop popitem setdefault update",
};

/** value.name */
export function attribute(value: Value, name: string): Value {
  const found = ownAttribute(value, name);
  if (found !== undefined) return found;
  if (value instanceof Dict) return value.named(name) ?? missing(value, name);
  return missing(value, name);
}

/** value[key] */
export function item(value: Value, key: Value): Value {
  const found = indexed(value, key);
  if (found !== undefined) return found;
  if (key instanceof Text) return ownAttribute(value, key.value) ?? missing(value, key.value);
  return new Undefined(`${described(value)} has no element ${repr(key).value}`);
}

function indexed(value: Value, key: Value): Value | undefined {
  if (value instanceof Undefined) value.fail();
  if (value instanceof Dict) return hashable(key) ? value.get(key) : undefined;
  if (typeof key !== "bigint" && typeof key !== "boolean") return undefined;
  const at = toCount(key);
  if (value instanceof List && !value.kind.startsWith("dict")) return value.items.at(at);
  if (!(value instanceof Text)) return undefined;
  const point = at < 0 ? at + value.length : at;
  return point >= 0 && point < value.length ? value.slice(value.unit(point), value.unit(point + 1)) : undefined;
}

function hashable(key: Value): boolean {
  spend(1);
  if (key instanceof List) return key.kind === "tuple" && key.items.every(hashable);
  return !(key instanceof Dict);
}

/** What Python's getattr() finds on the value itself, without its items. */
export function ownAttribute(value: Value, name: string): Value | undefined {
  if (value instanceof Undefined) value.fail();
  if (name.startsWith("_"))
    return name.startsWith("__") && !(value instanceof Dict && value.named(name)) ? unsafe(value, name) : undefined;
  if (value instanceof Namespace) return value.attributes.get(name);
  if (value instanceof Callable) return value.attribute(name);
  if (value instanceof List && value.fields.includes(name)) return value.items[value.fields.indexOf(name)];
  const type = typeName(value) === "Markup" ? "str" : typeName(value);
  const method = methodOf(value, name);
  if (method) return new Callable(`${type}.${name}`, method, undefined, undefined, undefined, weight(value));
  if (listed(UNSAFE[type], name)) return unsafe(value, name);
  if (listed(UNSUPPORTED[type], name)) unsupported(`${type}.${name}`);
  return undefined;
}

function unsafe(value: Value, name: string): Undefined {
  return new Undefined(`access to attribute '${name}' of '${typeName(value)}' object is unsafe.`);
}

function listed(names: string | undefined, name: string): boolean {
  return names?.split(" ").includes(name) ?? false;
}

function methodOf(value: Value, name: string): ((args: Arguments) => Value) | undefined {
  if (value instanceof Text) {
    if (name === "format") return (args) => formatBraces(value, args, readField);
    const method = Object.hasOwn(STRING_METHODS, name) ? STRING_METHODS[name] : undefined;
    return method && ((args) => method(value, args));
  }
  if (value instanceof Dict) return dictMethod(value, name);
  if (value instanceof List && (value.kind === "list" || value.kind === "tuple")) return listMethod(value, name);
  return undefined;
}

function readField(value: Value, key: string, isItem: boolean): Value {
  if (!isItem) return attribute(value, key);
  return item(value, /^\d+$/.test(key) ? BigInt(key) : text(key));
}

function dictMethod(self: Dict, name: string): ((args: Arguments) => Value) | undefined {
  const plain = (make: () => Value) => (args: Arguments) => {
    if (args.positional.length > 0) fail(`dict.${name}() takes no arguments (${args.positional.length} given)`);
    return make();
  };
  switch (name) {
    case "items":
      return plain(
        () =>
          new List(
            self.entries().map((entry) => tuple(...entry)),
            "dict_items",
          ),
      );
    case "keys":
      return plain(() => new List(self.keys(), "dict_keys"));
    case "values":
      return plain(() => new List(self.values(), "dict_values"));
    case "copy":
      return plain(() => self);
    case "get":
      return (args) => {
        const [key, otherwise] = bind("get", args, "key", "default=");
        return self.get(key!) ?? otherwise ?? NONE;
      };
  }
  return undefined;
}

function listMethod(self: List, name: string): ((args: Arguments) => Value) | undefined {
  if (name === "count") {
    return (args) => {
      const [wanted] = bind("count", args, "value");
      return int(self.items.filter((member) => equals(member, wanted!)).length);
    };
  }
  if (name !== "index") return undefined;
  return (args) => {
    const [wanted, start, end] = bind("index", args, "value", "start=", "end=");
    const part = slice(self, start ?? NONE, end ?? NONE, NONE) as List;
    if (!contains(part, wanted!)) fail(`${repr(wanted!).value} is not in list`);
    const offset = start === undefined ? 0 : toCount(start);
    return int(
      (offset < 0 ? Math.max(0, self.items.length + offset) : offset) +
        part.items.findIndex((member) => equals(member, wanted!)),
    );
  };
}

function described(value: Value): string {
  return value === NONE ? "None" : `${typeName(value)} object`;
}

function missing(value: Value, name: string): Undefined {
  return new Undefined(`'${described(value)}' has no attribute '${name}'`);
}

/** value[start:stop:step] */
export function slice(value: Value, start: Value, stop: Value, step: Value): Value {
  if (value instanceof Undefined) value.fail();
  const sliceable = value instanceof Text || (value instanceof List && !value.kind.startsWith("dict"));
  if (!sliceable)
    fail(value instanceof Dict ? "unhashable type: 'slice'" : `'${typeName(value)}' object is not subscriptable`);
  for (const bound of [start, stop, step]) {
    if (bound !== NONE && typeof numeric(bound) !== "bigint")
      fail("slice indices must be integers or None or have an __index__ method");
  }
  const by = step === NONE ? 1 : toCount(step);
  if (by === 0) fail("slice step cannot be zero");
  if (value instanceof Text && by === 1) {
    const [from, to] = bounds(value.length, start, stop, by);
    return from < to ? value.slice(value.unit(from), value.unit(to)) : text("").as(value.markup);
  }
  const members = value instanceof Text ? value.points() : value.items;
  const picked = pick(members, ...bounds(members.length, start, stop, by), by);
  if (value instanceof Text) return concat(...(picked as Text[])).as(value.markup);
  return value.kind === "range" ? sliceOfRange(picked) : new List(picked, value.kind);
}

function bounds(length: number, start: Value, stop: Value, step: number): [number, number] {
  const [least, most] = step > 0 ? [0, length] : [-1, length - 1];
  const place = (bound: Value, otherwise: number) => {
    if (bound === NONE) return otherwise;
    const at = toCount(bound);
    return Math.min(most, Math.max(least, at < 0 ? at + length : at));
  };
  return step > 0 ? [place(start, 0), place(stop, length)] : [place(start, length - 1), place(stop, -1)];
}

function pick(members: readonly Value[], from: number, to: number, step: number): Value[] {
  const picked: Value[] = [];
  for (let at = from; step > 0 ? at < to : at > to; at += step) picked.push(members[at]!);
  return picked;
}

function sliceOfRange(items: Value[]): List {
  // Its label would need Python's normalised bounds; nothing but printing one shows it.
  return new List(items, "range", "range(...)");
}
