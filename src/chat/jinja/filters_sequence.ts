// The filters of jinja2 that work on sequences. As there, many give generators that are used up by reading.

import { bind } from "./arguments.js";
import { item } from "./attributes.js";
import { fail, limit } from "./failure.js";
import { toCount } from "./number.js";
import { equals, order, sum } from "./operators.js";
import { str } from "./print.js";
import { concat, Text } from "./text.js";
import {
  type Arguments,
  Dict,
  hashOf,
  Iterated,
  isIterable,
  iterate,
  List,
  lazily,
  list,
  NONE,
  text,
  truthy,
  tuple,
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

type Getter = (value: Value) => Value;

const flag = (value: Value | undefined): boolean => value !== undefined && truthy(value);
const lowered: Getter = (value) => (value instanceof Text ? value.mapWhole((run) => run.toLowerCase()) : value);

/** Follows "a.b.0" through a value. */
function getter(path: Value | undefined, fallback?: Value): Getter {
  if (path === undefined || path === NONE) return (value) => value;
  const parts =
    path instanceof Text
      ? path.value.split(".").map((part) => (/^\d+$/.test(part) ? BigInt(part) : text(part)))
      : [path];
  return (value) => {
    for (const part of parts) {
      value = item(value, part);
      if (value instanceof Undefined && fallback !== undefined && fallback !== NONE) value = fallback;
    }
    return value;
  };
}

function keyGetter(path: Value | undefined, caseSensitive: boolean, fallback?: Value): Getter {
  const get = getter(path, fallback);
  return caseSensitive ? get : (value) => lowered(get(value));
}

/** Stable, smallest first. */
function sorted(values: readonly Value[], key: Getter, reverse: boolean): Value[] {
  const pairs = values.map((value) => ({ value, key: key(value) }));
  const direction = reverse ? -1 : 1;
  return pairs.sort((a, b) => direction * order(a.key, b.key, "<")).map(({ value }) => value);
}

function sort(value: Value, args: Arguments): Value {
  const [reverse, caseSensitive, attribute] = bind("sort", args, "reverse=", "case_sensitive=", "attribute=");
  const paths = attribute instanceof Text ? attribute.value.split(",").map(text) : [attribute];
  const keys = paths.map((path) => keyGetter(path, flag(caseSensitive)));
  return list(sorted([...iterate(value)], (member) => list(keys.map((key) => key(member))), flag(reverse)));
}

function dictsort(value: Value, args: Arguments): Value {
  const [caseSensitive, by, reverse] = bind("dictsort", args, "case_sensitive=", "by=", "reverse=");
  const position = by === undefined ? 0 : ["key", "value"].indexOf(str(by).value);
  if (position < 0) fail('You can only sort by either "key" or "value"');
  if (!(value instanceof Dict)) fail(`'${typeName(value)} object' has no attribute 'items'`);
  const pairs = value.entries().map((entry) => tuple(...entry));
  const key: Getter = (pair) =>
    flag(caseSensitive) ? (pair as List).items[position]! : lowered((pair as List).items[position]!);
  return list(sorted(pairs, key, flag(reverse)));
}

function unique(value: Value, args: Arguments): Value {
  const [caseSensitive, attribute] = bind("unique", args, "case_sensitive=", "attribute=");
  const key = keyGetter(attribute, flag(caseSensitive));
  const seen = new Set<string>();
  return lazily(
    (function* () {
      for (const member of iterate(value)) {
        const hash = hashOf(key(member));
        if (!seen.has(hash)) yield member;
        seen.add(hash);
      }
    })(),
  );
}

function extreme(name: string, direction: number): SequenceFilter {
  return (value, args) => {
    const [caseSensitive, attribute] = bind(name, args, "case_sensitive=", "attribute=");
    const key = keyGetter(attribute, flag(caseSensitive));
    let best: Value | undefined;
    for (const member of iterate(value)) {
      if (best === undefined || direction * order(key(member), key(best), direction < 0 ? "<" : ">") > 0) best = member;
    }
    return best ?? new Undefined("No aggregated item, sequence was empty.");
  };
}

function groupby(value: Value, args: Arguments): Value {
  const [attribute, fallback, caseSensitive] = bind("groupby", args, "attribute", "default=", "case_sensitive=");
  const key = keyGetter(attribute, flag(caseSensitive), fallback);
  const groups: { key: Value; members: Value[] }[] = [];
  for (const member of sorted([...iterate(value)], key, false)) {
    const last = groups.at(-1);
    if (last && equals(last.key, key(member))) last.members.push(member);
    else groups.push({ key: key(member), members: [member] });
  }
  const name = getter(attribute, fallback);
  const pairs = groups.map(
    ({ members }) => new List([name(members[0]!), list(members)], "tuple", undefined, ["grouper", "list"]),
  );
  return list(pairs);
}

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
  batch: (value, args) => {
    const [size, filler] = bind("batch", args, "linecount", "fill_with=");
    return lazily(batch(value, size, filler));
  },
  dictsort,
  first,
  groupby,
  join: joined,
  last,
  list: (value) => list([...iterate(value)]),
  map: (value, args, names) => lazily(mapped(value, args, names)),
  max: extreme("max", 1),
  min: extreme("min", -1),
  reject: selecting(false, false),
  rejectattr: selecting(false, true),
  reverse,
  select: selecting(true, false),
  selectattr: selecting(true, true),
  slice: (value, args) => {
    const [slices, filler] = bind("slice", args, "slices", "fill_with=");
    return lazily(sliced(value, slices, filler));
  },
  sort,
  sum: (value, args) => {
    const [attribute, start] = bind("sum", args, "attribute=", "start=");
    return sum([...iterate(value)].map(getter(attribute)), start ?? 0n);
  },
  unique,
};
