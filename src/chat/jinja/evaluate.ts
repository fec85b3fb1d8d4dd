// Evaluates expressions. interpret.ts has the statements.

import type { CallArguments, Expression } from "./ast.js";
import { attribute, item, slice } from "./attributes.js";
import { fail, unsupported } from "./failure.js";
import { FILTERS, UNSUPPORTED_FILTERS } from "./filters.js";
import { type Names, SEQUENCE_FILTERS } from "./filters_sequence.js";
import { binary, compare, sign } from "./operators.js";
import { str } from "./print.js";
import { TESTS } from "./tests.js";
import { concat, Text } from "./text.js";
import {
  type Arguments,
  Callable,
  Dict,
  iterate,
  List,
  list,
  NONE,
  truthy,
  typeName,
  Undefined,
  type Value,
  weight,
} from "./value.js";
import { beginWork, spend } from "./work.js";

const NO_ELSE = "the inline if-expression evaluated to false and no else section was defined.";

/** Nodes that hand on what exists already. */
const CHEAP: ReadonlySet<Expression["kind"]> = new Set([
  "literal",
  "name",
  "attribute",
  "item",
  "condition",
  "and",
  "or",
]);

/** Names visible at a place: its own, then those of the places around it. */
export class Scope {
  readonly #values = new Map<string, Value>();

  constructor(readonly parent?: Scope) {}

  get(name: string): Value | undefined {
    return this.#values.get(name) ?? this.parent?.get(name);
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }
}

export class Evaluator implements Names {
  /** Offset in the source of what is being evaluated, for errors. */
  at = 0;

  constructor() {
    beginWork();
  }

  evaluate(node: Expression, scope: Scope): Value {
    spend(1);
    this.at = node.at;
    const value = this.#evaluate(node, scope);
    if (!CHEAP.has(node.kind)) spend(weight(value) >> (value instanceof Text ? 4 : 3));
    return value;
  }

  #evaluate(node: Expression, scope: Scope): Value {
    switch (node.kind) {
      case "literal":
        return node.value;
      case "name":
        return scope.get(node.name) ?? new Undefined(`'${node.name}' is undefined`);
      case "tuple":
        return new List(this.#all(node.items, scope), "tuple");
      case "list":
        return list(this.#all(node.items, scope));
      case "dict":
        return new Dict(
          node.pairs.map(([key, value]) => [this.evaluate(key, scope), this.evaluate(value, scope)] as const),
        );
      case "not":
        return !truthy(this.evaluate(node.operand, scope));
      case "and":
      case "or":
        return this.#either(node, scope);
      case "sign":
        return sign(node.operator, this.evaluate(node.operand, scope));
      case "binary":
        return binary(node.operator, this.evaluate(node.left, scope), this.evaluate(node.right, scope));
      case "concat":
        return concat(...this.#all(node.items, scope).map(str));
      case "compare":
        return this.#compare(node, scope);
      case "condition":
        return this.#condition(node, scope);
      default:
        return this.#access(node, scope);
    }
  }

  #access(node: Expression, scope: Scope): Value {
    switch (node.kind) {
      case "attribute":
        return attribute(this.evaluate(node.object, scope), node.name);
      case "item":
        return item(this.evaluate(node.object, scope), this.evaluate(node.key, scope));
      case "slice": {
        const bound = (part: Expression | undefined) => (part ? this.evaluate(part, scope) : NONE);
        return slice(this.evaluate(node.object, scope), bound(node.start), bound(node.stop), bound(node.step));
      }
      case "call":
        return this.call(this.evaluate(node.callee, scope), this.arguments(node.args, scope), node.at);
      case "filter":
        if (!node.operand) return fail("a filter without a value");
        return this.filter(node.name, this.evaluate(node.operand, scope), this.arguments(node.args, scope), node.at);
      case "test":
        return this.test(node.name, this.evaluate(node.operand, scope), this.arguments(node.args, scope), node.at);
    }
    return fail(`unknown expression '${node.kind}'`);
  }

  #all(nodes: readonly Expression[], scope: Scope): Value[] {
    return nodes.map((node) => this.evaluate(node, scope));
  }

  #either(node: Expression & { kind: "and" | "or" }, scope: Scope): Value {
    const left = this.evaluate(node.left, scope);
    return truthy(left) === (node.kind === "or") ? left : this.evaluate(node.right, scope);
  }

  /** a < b < c compares neighbours, and stops at the first that fails. */
  #compare(node: Expression & { kind: "compare" }, scope: Scope): boolean {
    let left = this.evaluate(node.first, scope);
    for (const { operator, operand } of node.rest) {
      const right = this.evaluate(operand, scope);
      spend(weight(left) + weight(right));
      if (!compare(operator, left, right)) return false;
      left = right;
    }
    return true;
  }

  #condition(node: Expression & { kind: "condition" }, scope: Scope): Value {
    if (truthy(this.evaluate(node.test, scope))) return this.evaluate(node.then, scope);
    if (node.otherwise) return this.evaluate(node.otherwise, scope);
    return new Undefined(NO_ELSE);
  }

  arguments(args: CallArguments, scope: Scope): Arguments {
    const positional = this.#all(args.positional, scope);
    const named = new Map(args.named.map(({ name, value }) => [name, this.evaluate(value, scope)]));
    if (args.spread) positional.push(...iterate(this.evaluate(args.spread, scope)));
    if (args.namedSpread) {
      const more = this.evaluate(args.namedSpread, scope);
      if (!(more instanceof Dict)) fail(`argument after ** must be a mapping, not ${typeName(more)}`);
      for (const [key, value] of more.entries()) named.set(str(key).value, value);
    }
    return { positional, named };
  }

  call(callee: Value, args: Arguments, at = this.at): Value {
    this.at = at;
    if (callee instanceof Callable) {
      spend(callee.cost);
      return callee.call(args);
    }
    if (callee instanceof Undefined) callee.fail();
    return fail(`'${typeName(callee)}' object is not callable`);
  }

  filter(name: string, value: Value, args: Arguments, at = this.at): Value {
    this.at = at;
    spend(1 + weight(value));
    if (Object.hasOwn(FILTERS, name)) return FILTERS[name]!(value, args);
    if (Object.hasOwn(SEQUENCE_FILTERS, name)) return SEQUENCE_FILTERS[name]!(value, args, this);
    return UNSUPPORTED_FILTERS.has(name) ? unsupported(`the filter '${name}'`) : fail(`No filter named '${name}'.`);
  }

  test(name: string, value: Value, args: Arguments, at = this.at): boolean {
    this.at = at;
    spend(1);
    if (name === "filter" || name === "test") {
      const known = name === "test" ? [TESTS] : [FILTERS, SEQUENCE_FILTERS];
      return value instanceof Text && known.some((names) => Object.hasOwn(names, value.value));
    }
    if (!Object.hasOwn(TESTS, name)) fail(`No test named '${name}'.`);
    return TESTS[name]!(value, args);
  }
}
