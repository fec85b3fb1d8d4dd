// Parses expressions, in the order of precedence of jinja2's own parser (3.1).

import type { BinaryOperator, CallArguments, CompareOperator, Expression } from "./ast.js";
import { Cursor, described } from "./cursor.js";
import { fail, unsupported } from "./failure.js";
import { unescaped } from "./literal.js";
import { NONE, text, type Value } from "./value.js";

// A Map: a name such as "constructor" must not be found on a prototype.
const CONSTANTS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", NONE],
  ["None", NONE],
]);

export class ExpressionParser extends Cursor {
  protected expression(): Expression {
    return this.nested(() => this.#condition());
  }

  #condition(): Expression {
    let then = this.or();
    while (this.isName("if")) {
      const at = this.next().at;
      const test = this.or();
      const otherwise = this.skip("name", "else") ? this.expression() : undefined;
      then = { kind: "condition", at, test, then, otherwise };
    }
    return then;
  }

  /** An expression without `if`, as `{% if %}` and `{% for %}` take it. */
  protected or(): Expression {
    let left = this.#and();
    while (this.isName("or")) left = { kind: "or", at: this.next().at, left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.isName("and")) left = { kind: "and", at: this.next().at, left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    if (!this.isName("not")) return this.#compare();
    const at = this.next().at;
    return { kind: "not", at, operand: this.nested(() => this.#not()) };
  }

  #compare(): Expression {
    const first = this.#sum();
    const rest: { operator: CompareOperator; operand: Expression }[] = [];
    const at = this.token.at;
    for (let operator = this.#comparison(); operator; operator = this.#comparison()) {
      rest.push({ operator, operand: this.#sum() });
    }
    return rest.length === 0 ? first : { kind: "compare", at, first, rest };
  }

  #comparison(): CompareOperator | undefined {
    if (this.isOperator("==", "!=", "<", "<=", ">", ">=")) return this.next().value as CompareOperator;
    if (this.skip("name", "in")) return "in";
    if (!this.isName("not") || !this.is("name", "in", this.tokens[this.at + 1])) return undefined;
    this.at += 2;
    return "not in";
  }

  #binary(operators: BinaryOperator[], operand: () => Expression): Expression {
    let left = operand();
    while (this.isOperator(...operators)) {
      const { value, at } = this.next();
      left = { kind: "binary", at, operator: value as BinaryOperator, left, right: operand() };
    }
    return left;
  }

  #sum(): Expression {
    return this.#binary(["+", "-"], () => this.#concat());
  }

  #concat(): Expression {
    const first = this.#product();
    if (!this.isOperator("~")) return first;
    const at = this.token.at;
    const items = [first];
    while (this.skip("operator", "~")) items.push(this.#product());
    return { kind: "concat", at, items };
  }

  #product(): Expression {
    return this.#binary(["*", "/", "//", "%"], () => this.#binary(["**"], () => this.#unary(true)));
  }

  #unary(filters: boolean): Expression {
    const { at, value } = this.token;
    let node: Expression;
    if (this.isOperator("+", "-")) {
      this.at++;
      node = { kind: "sign", at, operator: value as "+" | "-", operand: this.nested(() => this.#unary(false)) };
    } else node = this.primary();
    node = this.#postfix(node);
    return filters ? this.#filters(node) : node;
  }

  protected primary(): Expression {
    const token = this.next();
    const at = token.at;
    switch (token.kind) {
      case "name": {
        const constant = CONSTANTS.get(token.value);
        return constant === undefined
          ? { kind: "name", at, name: token.value }
          : { kind: "literal", at, value: constant };
      }
      case "string": {
        let value = unescaped(token);
        while (this.is("string")) value += unescaped(this.next());
        return { kind: "literal", at, value: text(value) };
      }
      case "integer":
        return { kind: "literal", at, value: BigInt(token.value.replaceAll("_", "")) };
      case "float":
        return { kind: "literal", at, value: Number(token.value.replaceAll("_", "")) };
      case "operator":
        if (token.value === "(") return this.#parenthesised();
        if (token.value === "[") return { kind: "list", at, items: this.#items("]") };
        if (token.value === "{") return { kind: "dict", at, pairs: this.#pairs() };
    }
    return fail(`unexpected ${described(token)}`, at);
  }

  #parenthesised(): Expression {
    const inner = this.tuple(() => this.expression(), true);
    this.expect("operator", ")");
    return inner;
  }

  /** One item, or with a comma a tuple of them. */
  protected tuple<T extends { at: number }>(
    item: () => T,
    mayBeEmpty = false,
  ): T | { kind: "tuple"; at: number; items: T[] } {
    const at = this.token.at;
    const items: T[] = [];
    let comma = false;
    while (!this.#endsTuple(items.length > 0)) {
      items.push(item());
      if (!this.isOperator(",")) break;
      this.at++;
      comma = true;
    }
    if (!comma && items[0]) return items[0];
    if (!comma && !mayBeEmpty) fail(`Expected an expression, got ${described(this.token)}`, at);
    return { kind: "tuple", at, items };
  }

  #endsTuple(begun: boolean): boolean {
    if (this.is("printEnd") || this.is("blockEnd") || this.isOperator(")", "=")) return true;
    return begun && this.isName("in", "recursive");
  }

  #items(close: string): Expression[] {
    const items: Expression[] = [];
    while (!this.isOperator(close)) {
      items.push(this.expression());
      if (!this.isOperator(close)) this.expect("operator", ",");
    }
    this.at++;
    return items;
  }

  #pairs(): [Expression, Expression][] {
    const pairs: [Expression, Expression][] = [];
    while (!this.isOperator("}")) {
      const key = this.expression();
      this.expect("operator", ":");
      pairs.push([key, this.expression()]);
      if (!this.isOperator("}")) this.expect("operator", ",");
    }
    this.at++;
    return pairs;
  }

  #postfix(node: Expression): Expression {
    for (;;) {
      const at = this.token.at;
      if (this.skip("operator", ".")) node = this.#attribute(node, at);
      else if (this.skip("operator", "[")) node = this.#subscript(node, at);
      else if (this.isOperator("(")) node = { kind: "call", at, callee: node, args: this.callArguments() };
      else return node;
    }
  }

  #attribute(object: Expression, at: number): Expression {
    const token = this.next();
    if (token.kind === "name") return { kind: "attribute", at, object, name: token.value };
    if (token.kind !== "integer") fail("expected name or number", token.at);
    return { kind: "item", at, object, key: { kind: "literal", at, value: BigInt(token.value.replaceAll("_", "")) } };
  }

  #subscript(object: Expression, at: number): Expression {
    const start = this.isOperator(":") ? undefined : this.expression();
    if (start && this.skip("operator", "]")) return { kind: "item", at, object, key: start };
    if (this.isOperator(",")) unsupported("indexing with several values", at);
    const node: Expression = { kind: "slice", at, object };
    if (start) node.start = start;
    this.expect("operator", ":");
    if (!this.isOperator(":", "]")) node.stop = this.expression();
    if (this.skip("operator", ":") && !this.isOperator("]")) node.step = this.expression();
    this.expect("operator", "]");
    return node;
  }

  #filters(node: Expression): Expression {
    for (;;) {
      const at = this.token.at;
      if (this.isOperator("|")) node = this.filter(node);
      else if (this.skip("name", "is")) node = this.#test(node, at);
      else if (this.isOperator("(")) node = { kind: "call", at, callee: node, args: this.callArguments() };
      else return node;
    }
  }

  /** `|name(arguments)`, or without the bar where a filter block begins. */
  protected filter(operand: Expression | undefined): Expression {
    this.skip("operator", "|");
    const at = this.token.at;
    const name = this.#dotted();
    return { kind: "filter", at, operand, name, args: this.isOperator("(") ? this.callArguments() : noArguments() };
  }

  #dotted(): string {
    let name = this.expect("name").value;
    while (this.skip("operator", ".")) name += `.${this.expect("name").value}`;
    return name;
  }

  #test(operand: Expression, at: number): Expression {
    const negated = this.skip("name", "not");
    const name = this.#dotted();
    let args = noArguments();
    if (this.isOperator("(")) args = this.callArguments();
    else if (this.#beginsValue()) {
      if (this.isName("is")) fail("You cannot chain multiple tests with is", this.token.at);
      args.positional.push(this.#postfix(this.primary()));
    }
    const test: Expression = { kind: "test", at, operand, name, args };
    return negated ? { kind: "not", at, operand: test } : test;
  }

  #beginsValue(): boolean {
    if (this.is("name")) return !this.isName("else", "or", "and");
    return this.is("string") || this.is("integer") || this.is("float") || this.isOperator("[", "{");
  }

  protected callArguments(): CallArguments {
    const args = noArguments();
    const begin = this.expect("operator", "(");
    while (!this.isOperator(")")) {
      if (!this.#argument(args)) fail("invalid syntax for function call expression", begin.at);
      if (!this.isOperator(")")) this.expect("operator", ",");
    }
    this.at++;
    return args;
  }

  /** False where Python's order of arguments is broken. */
  #argument(args: CallArguments): boolean {
    if (this.skip("operator", "*")) {
      if (args.spread || args.namedSpread) return false;
      args.spread = this.expression();
    } else if (this.skip("operator", "**")) {
      if (args.namedSpread) return false;
      args.namedSpread = this.expression();
    } else if (this.is("name") && this.is("operator", "=", this.tokens[this.at + 1])) {
      if (args.namedSpread) return false;
      const name = this.next().value;
      this.at++;
      args.named.push({ name, value: this.expression() });
    } else {
      if (args.spread || args.namedSpread || args.named.length > 0) return false;
      args.positional.push(this.expression());
    }
    return true;
  }
}

function noArguments(): CallArguments {
  return { positional: [], named: [], spread: undefined, namedSpread: undefined };
}
