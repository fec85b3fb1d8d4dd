// Runs the statements of a template.

import type { Expression, ForStatement, MacroStatement, Statement, Target } from "./ast.js";
import { Evaluator, Scope } from "./evaluate.js";
import { fail, limit } from "./failure.js";
import { Loop } from "./loop.js";
import { str } from "./print.js";
import { type Text, TextBuilder } from "./text.js";
import {
  type Arguments,
  Callable,
  Dict,
  iterate,
  List,
  lengthOf,
  Namespace,
  NONE,
  text,
  truthy,
  Undefined,
  type Value,
} from "./value.js";
import { spend } from "./work.js";

/** How a list of statements ended early. */
type Jump = "break" | "continue" | undefined;

export class Interpreter extends Evaluator {
  #depth = 0;

  run(body: readonly Statement[], scope: Scope): Text {
    return this.#captured(body, scope);
  }

  /** The text that statements print. */
  #captured(body: readonly Statement[], scope: Scope): Text {
    const out = new TextBuilder();
    this.#execute(body, scope, out);
    return out.text();
  }

  #execute(body: readonly Statement[], scope: Scope, out: TextBuilder): Jump {
    for (const statement of body) {
      spend(1);
      this.at = statement.at;
      const jump = this.#statement(statement, scope, out);
      if (jump) return jump;
    }
    return undefined;
  }

  #statement(node: Statement, scope: Scope, out: TextBuilder): Jump {
    switch (node.kind) {
      case "text":
        out.add(node.text);
        return undefined;
      case "print":
        out.add(str(this.evaluate(node.value, scope)));
        return undefined;
      case "if": {
        const branch = node.branches.find(({ test }) => truthy(this.evaluate(test, scope)));
        return this.#execute(branch?.body ?? node.otherwise, scope, out);
      }
      case "for":
        return this.#for(node, scope, out);
      case "break":
      case "continue":
        return node.kind;
      case "set":
        this.#assign(node.target, this.evaluate(node.value, scope), scope);
        return undefined;
      case "macro":
        scope.set(node.name, this.#macro(node, scope, node.name));
        return undefined;
      default:
        return this.#block(node, scope, out);
    }
  }

  /** Statements whose body has names of its own. */
  #block(node: Statement, scope: Scope, out: TextBuilder): Jump {
    switch (node.kind) {
      case "setBlock": {
        const body = this.#captured(node.body, new Scope(scope));
        this.#assign(node.target, node.filter ? this.#filtered(node.filter, body, scope) : body, scope);
        return undefined;
      }
      case "filterBlock":
        out.add(str(this.#filtered(node.filter, this.#captured(node.body, new Scope(scope)), scope)));
        return undefined;
      case "with": {
        const inner = new Scope(scope);
        for (const { target, value } of node.names) this.#assign(target, this.evaluate(value, scope), inner);
        return this.#execute(node.body, inner, out);
      }
      case "call":
        out.add(str(this.#callBlock(node, scope)));
        return undefined;
    }
    return fail(`unknown statement '${node.kind}'`);
  }

  /** Applies a chain of filters to a block's text. */
  #filtered(filter: Expression, body: Text, scope: Scope): Value {
    if (filter.kind !== "filter") fail("expected a filter");
    const value = filter.operand ? this.#filtered(filter.operand, body, scope) : body;
    return this.filter(filter.name, value, this.arguments(filter.args, scope), filter.at);
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    if (target.kind === "name") scope.set(target.name, value);
    else if (target.kind === "namespace") {
      const space = scope.get(target.name) ?? new Undefined(`'${target.name}' is undefined`);
      if (!(space instanceof Namespace)) fail("cannot assign attribute on non-namespace object");
      space.set(target.attribute, value);
    } else {
      const values = [...iterate(value)];
      const wanted = target.items.length;
      if (values.length > wanted) fail(`too many values to unpack (expected ${wanted})`);
      if (values.length < wanted) fail(`not enough values to unpack (expected ${wanted}, got ${values.length})`);
      target.items.forEach((part, i) => {
        this.#assign(part, values[i]!, scope);
      });
    }
  }

  #for(node: ForStatement, scope: Scope, out: TextBuilder): Jump {
    this.#loop(node, this.evaluate(node.iterable, scope), scope, out, 0);
    return undefined;
  }

  #loop(node: ForStatement, iterable: Value, scope: Scope, out: TextBuilder, depth: number): void {
    const items = node.filter ? this.#chosen(node, node.filter, iterable, scope) : iterate(iterable);
    const size = node.filter ? undefined : lengthOf(iterable);
    const again = (inner: Value) => this.#deeper(() => this.#recursion(node, inner, scope, depth + 1));
    const loop = new Loop(items, size, depth, node.recursive ? again : undefined);
    const value = loop.value();
    while (loop.advance()) {
      spend(4); // a round costs more than a node: a scope and the loop's bookkeeping
      const inner = new Scope(scope);
      inner.set("loop", value);
      this.#assign(node.target, loop.current, inner);
      if (this.#execute(node.body, inner, out) === "break") break;
    }
    // As in jinja2: whoever leaves at the first item has looped, and an empty loop runs its else.
    if (loop.index0 < 0) this.#execute(node.otherwise, new Scope(scope), out);
  }

  #recursion(node: ForStatement, iterable: Value, scope: Scope, depth: number): Text {
    const out = new TextBuilder();
    this.#loop(node, iterable, scope, out, depth);
    return out.text();
  }

  *#chosen(node: ForStatement, filter: Expression, iterable: Value, scope: Scope): Generator<Value, void> {
    for (const value of iterate(iterable)) {
      const inner = new Scope(scope);
      this.#assign(node.target, value, inner);
      if (truthy(this.evaluate(filter, inner))) yield value;
    }
  }

  #deeper<T>(work: () => T): T {
    limit("depth", ++this.#depth);
    const result = work();
    this.#depth--;
    return result;
  }

  #callBlock(node: Statement & { kind: "call" }, scope: Scope): Value {
    if (node.call.kind !== "call") fail("expected call");
    const callee = this.evaluate(node.call.callee, scope);
    const args = this.arguments(node.call.args, scope);
    const named = new Map(args.named).set("caller", this.#macro(node.caller, scope, undefined));
    return this.call(callee, { positional: args.positional, named }, node.at);
  }

  /** A macro sees the names around its definition as they are when it is called. */
  #macro(node: MacroStatement, scope: Scope, name: string | undefined): Callable {
    const call = (args: Arguments) =>
      this.#deeper(() => {
        const inner = new Scope(scope);
        this.#bind(node, args, inner);
        return this.#captured(node.body, inner);
      });
    const attribute = (key: string): Value | undefined => {
      if (key === "name") return name === undefined ? NONE : text(name);
      if (key === "arguments")
        return new List(
          node.parameters.map((parameter) => text(parameter.name)),
          "tuple",
        );
      if (key === "caller" || key === "catch_kwargs" || key === "catch_varargs") {
        return node.uses.has(key.replace("catch_", ""));
      }
      return undefined;
    };
    return new Callable(
      name ?? "caller",
      call,
      attribute,
      () => `<Macro ${name === undefined ? "anonymous" : `'${name}'`}>`,
    );
  }

  /** As jinja2's Macro.__call__. */
  #bind(node: MacroStatement, args: Arguments, scope: Scope): void {
    const named = new Map(args.named);
    const count = node.parameters.length;
    if (node.uses.has("caller") && !node.parameters.some(({ name }) => name === "caller")) {
      scope.set("caller", named.get("caller") ?? new Undefined("No caller defined"));
      named.delete("caller");
    }
    node.parameters.forEach(({ name, fallback }, i) => {
      const given = i < args.positional.length ? args.positional[i] : named.get(name);
      if (i >= args.positional.length) named.delete(name);
      if (given !== undefined) scope.set(name, given);
      else
        scope.set(
          name,
          fallback ? this.evaluate(fallback, scope) : new Undefined(`parameter '${name}' was not provided`),
        );
    });
    if (node.uses.has("kwargs")) scope.set("kwargs", new Dict([...named].map(([name, value]) => [text(name), value])));
    else if (named.size > 0) refuse(node.name, [...named.keys()]);
    if (node.uses.has("varargs")) scope.set("varargs", new List(args.positional.slice(count), "tuple"));
    else if (args.positional.length > count) fail(`macro '${node.name}' takes not more than ${count} argument(s)`);
  }
}

function refuse(macro: string, names: string[]): never {
  if (names.includes("caller")) {
    fail(`macro '${macro}' was invoked with two values for the special caller argument. This is most likely a bug.`);
  }
  return fail(`macro '${macro}' takes no keyword argument '${names[0]}'`);
}
