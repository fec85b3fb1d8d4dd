// The filters of jinja2 that work on sequences. As there, many give generators that are used up by reading.

import { bind } from "./arguments.js";
import { fail, limit } from "./failure.js";
import { type Getter, getter, ORDER_FILTERS } from "./filters_order.js";
import { toCount } from "./number.js";
import { sum } from "./operators.js";
import { str } from "./print.js";
import { concat, Text } from "./text.js";
import {
  type Arguments,
  Iterated,
  isIterable,
  iterate,
  lazily,
  list,
  NONE,
  text,
  truthy,
  typeName,
  Undefined,
  type Value,
} from "./value.js";

/** What these filters need of the interpreter: other filters and tests by name. */
export interface Names {
  filter(name: string, value: Value, args: Arguments): Value;
  test(name: string, value: Value, args: Arguments): boolean;
}

export type SequenceFilter = (value: Value, args: Arguments, names: Names) => Value;

function joined(value: Value, args: Arguments): Value {
  const [separator, attribute] = bind("join", args, "d=", "attribute=");
  const between = separator === undefined ? text("") : str(separator);
  const get = getter(attribute);
  const parts: Text[] = [];
  for (const member of iterate(value)) {
    if (parts.length > 0) parts.push(between);
    parts.push(str(get(member)));
  }
  return concat(...parts);
}

function first(value: Value): Value {
  const next = iterate(value).next();
  return next.done ? new Undefined("No first item, sequence was empty.") : next.value;
}

function last(value: Value): Value {
  if (value instanceof Iterated) fail(`'${typeName(value)}' object is not reversible`);
  return [...iterate(value)].at(-1) ?? new Undefined("No last item, sequence was empty.");
}

function reverse(value: Value): Value {
  if (value instanceof Text) return concat(...value.points().reverse()).as(value.markup);
  if (!isIterable(value)) fail("argument must be iterable");
  const members = [...iterate(value)].reverse();
  return value instanceof Iterated ? list(members) : lazily(members, `${typeName(value)}_reverseiterator`);
}

function* batch(value: Value, size: Value | undefined, filler: Value | undefined): Generator<Value, void> {
  const most = toCount(size!);
  let row: Value[] = [];
  for (const member of iterate(value)) {
    if (row.length === most) {
      yield list(row);
      row = [];
    }
    row.push(member);
  }
  if (row.length === 0) return;
  if (filler !== undefined && filler !== NONE && row.length < most) {
    limit("items", most);
    row.push(...Array.from({ length: most - row.length }, () => filler));
  }
  yield list(row);
}

function* sliced(value: Value, slices: Value | undefined, filler: Value | undefined): Generator<Value, void> {
  const count = toCount(slices!);
  const members = [...iterate(value)];
  if (count === 0) fail("integer division or modulo by zero");
  limit("items", count);
  const each = Math.floor(members.length / count);
  const longer = members.length - each * count;
  for (let i = 0, at = 0; i < count; i++) {
    const row = members.slice(at, at + each + (i < longer ? 1 : 0));
    at += row.length;
    yield list(filler !== undefined && filler !== NONE && i >= longer ? [...row, filler] : row);
  }
}

/** The change that map's arguments ask for: an attribute, or a filter with arguments of its own. */
function changeOf(args: Arguments, names: Names): Getter {
  const [name, ...positional] = args.positional;
  if (name === undefined && args.named.has("attribute")) {
    const [attribute, fallback] = bind("map", args, "attribute", "default=");
    return getter(attribute, fallback);
  }
  if (name === undefined) fail("map requires a filter argument");
  return (member) => names.filter(str(name).value, member, { positional, named: args.named });
}

function testOf(args: Arguments, names: Names, byAttribute: boolean): (member: Value) => boolean {
  const rest = [...args.positional];
  if (byAttribute && rest.length === 0) fail("Missing parameter for attribute name");
  const get = byAttribute ? getter(rest.shift()) : (member: Value) => member;
  const name = rest.shift();
  if (name === undefined) return (member) => truthy(get(member));
  return (member) => names.test(str(name).value, get(member), { positional: rest, named: args.named });
}

/** As jinja2's generators: nothing happens before the first item is asked for, and an empty value gives none. */
function* mapped(value: Value, args: Arguments, names: Names): Generator<Value, void> {
  if (!truthy(value)) return;
  const change = changeOf(args, names);
  for (const member of iterate(value)) yield change(member);
}

function* chosen(
  value: Value,
  args: Arguments,
  names: Names,
  keep: boolean,
  byAttribute: boolean,
): Generator<Value, void> {
  if (!truthy(value)) return;
  const test = testOf(args, names, byAttribute);
  for (const member of iterate(value)) if (test(member) === keep) yield member;
}

/** select, reject, selectattr and rejectattr. */
function selecting(keep: boolean, byAttribute: boolean): SequenceFilter {
  return (value, args, names) => lazily(chosen(value, args, names, keep, byAttribute));
}

export const SEQUENCE_FILTERS: Readonly<Record<string, SequenceFilter>> = {
  ...ORDER_FILTERS,
  batch: (value, args) => {
    const [size, filler] = bind("batch", args, "linecount", "fill_with=");
    return lazily(batch(value, size, filler));
  },
  first,
  join: joined,
  last,
  list: (value) => list([...iterate(value)]),
  map: (value, args, names) => lazily(mapped(value, args, names)),
  reject: selecting(false, false),
  rejectattr: selecting(false, true),
  reverse,
  select: selecting(true, false),
  selectattr: selecting(true, true),
  slice: (value, args) => {
    const [slices, filler] = bind("slice", args, "slices", "fill_with=");
    return lazily(sliced(value, slices, filler));
  },
  sum: (value, args) => {
    const [attribute, start] = bind("sum", args, "attribute=", "start=");
    return sum([...iterate(value)].map(getter(attribute)), start ?? 0n);
  },
};
