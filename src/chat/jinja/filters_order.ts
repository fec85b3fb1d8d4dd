// The filters of jinja2 that put sequences in order, or look for equal and extreme members.

import { bind } from "./arguments.js";
import { item } from "./attributes.js";
import { fail } from "./failure.js";
import { equals, order } from "./operators.js";
import { str } from "./print.js";
import { Text } from "./text.js";
import {
  type Arguments,
  Dict,
  hashOf,
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

type OrderFilter = (value: Value, args: Arguments) => Value;

export type Getter = (value: Value) => Value;

const flag = (value: Value | undefined): boolean => value !== undefined && truthy(value);
const lowered: Getter = (value) => (value instanceof Text ? value.mapWhole((run) => run.toLowerCase()) : value);

/** Follows "a.b.0" through a value. */
export function getter(path: Value | undefined, fallback?: Value): Getter {
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

function extreme(name: string, direction: number): OrderFilter {
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

export const ORDER_FILTERS: Readonly<Record<string, OrderFilter>> = {
  dictsort,
  groupby,
  max: extreme("max", 1),
  min: extreme("min", -1),
  sort,
  unique,
};
