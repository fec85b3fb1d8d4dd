// What a template's expressions evaluate to: Python's values, as far as chat templates meet them.

import { fail, limit } from "./failure.js";
import { Text } from "./text.js";
import { spend } from "./work.js";

/** Python's None. Not null, which `??` would take for a missing value. */
export class None {
  readonly isNone = true;
}

export const NONE = new None();

/** int is bigint, float is number, str is Text. Everything but iterators and namespaces is immutable. */
export type Value =
  | typeof NONE
  | boolean
  | bigint
  | number
  | Text
  | List
  | Dict
  | Undefined
  | Namespace
  | Iterated
  | Callable;

/** What list-like thing it is in Python; only the first three can be indexed. */
export type ListKind = "list" | "tuple" | "range" | "dict_keys" | "dict_values" | "dict_items";

export class List {
  constructor(
    readonly items: readonly Value[],
    readonly kind: ListKind = "list",
    /** How it prints, when that is not its items: range(0, 3). */
    readonly label?: string,
    /** Names of its items, for the pairs that groupby gives. */
    readonly fields: readonly string[] = [],
  ) {
    limit("items", items.length);
  }
}

/** Insertion-ordered; keys compare as in Python (1 == 1.0 == True). */
export class Dict {
  readonly #entries = new Map<string, [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) {
      const hash = hashOf(key);
      const old = this.#entries.get(hash);
      this.#entries.set(hash, [old ? old[0] : key, value]);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(hashOf(key))?.[1];
  }

  named(name: string): Value | undefined {
    return this.#entries.get(`s${name}`)?.[1];
  }

  entries(): [Value, Value][] {
    return [...this.#entries.values()];
  }

  keys(): Value[] {
    return this.entries().map(([key]) => key);
  }

  values(): Value[] {
    return this.entries().map(([, value]) => value);
  }
}

/** The absence of a value: prints as nothing, is empty and false, and fails in every other use. */
export class Undefined {
  constructor(readonly message: string) {}

  fail(): never {
    fail(this.message);
  }
}

export class Namespace {
  readonly attributes = new Map<string, Value>();

  set(name: string, value: Value): void {
    if (name.startsWith("_")) {
      fail(
        `Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${name}'. Please rename the attribute.`,
      );
    }
    this.attributes.set(name, value);
  }
}

/** A generator: its values come once, when asked for. */
export class Iterated {
  constructor(
    readonly iterator: Iterator<Value>,
    readonly label = "generator",
  ) {}
}

export interface Arguments {
  positional: readonly Value[];
  named: ReadonlyMap<string, Value>;
}

/** A macro, a method bound to its value, a global function, or the loop variable. */
export class Callable {
  constructor(
    readonly name: string,
    readonly call: (args: Arguments) => Value,
    readonly attribute: (name: string) => Value | undefined = () => undefined,
    /** How it prints; without one, Python would print an address. */
    readonly print?: () => string,
    readonly length?: () => number,
    /** Steps that a call takes: the size of what the method works on. */
    readonly cost = 0,
  ) {}
}

export const text = (value: string): Text => new Text(value);
export const list = (items: readonly Value[]): List => new List(items);
export const tuple = (...items: Value[]): List => new List(items, "tuple");
export const int = (value: number): bigint => BigInt(value);

export function lazily(values: Iterable<Value>, label = "generator"): Iterated {
  return new Iterated(values[Symbol.iterator](), label);
}

export function truthy(value: Value): boolean {
  if (value instanceof Text) return value.value !== "";
  if (value instanceof List) return value.items.length > 0;
  if (value instanceof Dict) return value.size > 0;
  if (value instanceof Undefined) return false;
  if (value instanceof Callable) return value.length === undefined || value.length() > 0;
  if (typeof value === "number") return value !== 0; // NaN is true in Python
  return value !== NONE && value !== false && value !== 0n;
}

/** The name of the value's type in Python. */
export function typeName(value: Value): string {
  if (value === NONE) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "float";
  if (value instanceof Text) return value.markup ? "Markup" : "str";
  if (value instanceof List) return value.kind;
  if (value instanceof Dict) return "dict";
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof Namespace) return "TemplateNamespace";
  return value instanceof Iterated ? value.label : "function";
}

/** As Python's `for` sees it. */
export function* iterate(value: Value): Generator<Value, void> {
  if (value instanceof Text) for (const point of value.points()) yield point.as(false);
  else if (value instanceof List) yield* value.items;
  else if (value instanceof Dict) yield* value.keys();
  else if (value instanceof Iterated) {
    // Not yield*: leaving a loop early must not close the generator.
    for (let next = value.iterator.next(); !next.done; next = value.iterator.next()) yield next.value;
  } else if (!(value instanceof Undefined)) fail(`'${typeName(value)}' object is not iterable`);
}

export function isIterable(value: Value): boolean {
  return [Text, List, Dict, Iterated, Undefined].some((type) => value instanceof type);
}

/** The length in Python, or undefined where Python has none. */
export function lengthOf(value: Value): number | undefined {
  if (value instanceof Text) return value.length;
  if (value instanceof List) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof Undefined) return 0;
  return value instanceof Callable ? value.length?.() : undefined;
}

/** The same string for keys that Python takes for equal. */
export function hashOf(key: Value): string {
  spend(1);
  if (key instanceof Text) {
    spend(key.value.length >> 7);
    return `s${key.value}`;
  }
  if (typeof key === "boolean") return key ? "n1" : "n0";
  if (typeof key === "bigint") return `n${key}`;
  if (typeof key === "number") return Number.isInteger(key) ? `n${BigInt(key)}` : `f${key}`;
  if (key === NONE) return "None";
  if (key instanceof Undefined) return "Undefined";
  if (key instanceof List && key.kind === "tuple") return hashOfTuple(key);
  return fail(`unhashable type: '${typeName(key)}'`);
}

function hashOfTuple(tuple: List): string {
  let hash = "(";
  for (const item of tuple.items) {
    const part = hashOf(item);
    spend(part.length >> 4);
    hash += `${part.length}:${part}`;
  }
  return hash;
}

/** Integers grow without end in Python; here they are stopped. */
export function bounded(value: bigint): bigint {
  if (value > 0x7fff_ffff_ffff_ffffn || value < -0x7fff_ffff_ffff_ffffn) limit("bits", value.toString(16).length * 4);
  return value;
}

/** Steps it takes to look through a value. They also bound the memory of all results together. */
export function weight(value: Value): number {
  if (value instanceof Text) return value.value.length >> 6;
  return value instanceof List ? value.items.length : value instanceof Dict ? value.size : 0;
}
