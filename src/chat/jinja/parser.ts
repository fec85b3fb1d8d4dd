// Parses a template into statements.

import type { Expression, MacroStatement, Parameter, Statement, Target } from "./ast.js";
import { described } from "./cursor.js";
import { ExpressionParser } from "./expression.js";
import { fail, unsupported } from "./failure.js";
import { lex } from "./lexer.js";

/** Throws TemplateFailure with the offset of the mistake. */
export function parse(source: string): { body: Statement[]; source: string } {
  const lexed = lex(source);
  return { body: new Parser(lexed.tokens).template(), source: lexed.source };
}

/** Tags of jinja2 that need a template loader or belong to HTML. */
const UNSUPPORTED = new Set(["block", "extends", "include", "import", "from", "autoescape", "trans", "do", "debug"]);

const ENDS = /^(?:end\w+|else|elif)$/;

class Parser extends ExpressionParser {
  /** Loops around this place, within the same macro. */
  #loops = 0;
  /** Names read in the macros around this place. */
  #used: Set<string>[] = [];

  template(): Statement[] {
    const body = this.#statements();
    if (!this.is("end")) fail(`Encountered unknown tag ${described(this.token)}.`, this.token.at);
    return body;
  }

  /** Statements up to a tag that ends or continues the block around; the parser stands on the tag's name. */
  #statements(): Statement[] {
    const body: Statement[] = [];
    for (;;) {
      const token = this.next();
      if (token.kind === "data") body.push({ kind: "text", at: token.at, text: token.value });
      else if (token.kind === "printBegin") {
        body.push({ kind: "print", at: token.at, value: this.#value() });
        this.expect("printEnd");
      } else if (token.kind === "end") {
        this.at--;
        return body;
      } else {
        if (this.is("name") && ENDS.test(this.token.value)) return body;
        body.push(...this.nested(() => this.#statement()));
        this.expect("blockEnd");
      }
    }
  }

  #value(): Expression {
    return this.tuple(() => this.expression());
  }

  /** The rest of a tag and the statements behind it, up to one of `ends`, which is returned. */
  #block(tag: string, ...ends: string[]): { body: Statement[]; end: string } {
    this.skip("operator", ":");
    this.expect("blockEnd");
    const body = this.#statements();
    const end = this.token;
    if (!this.isName(...ends)) {
      const tags = ends.map((name) => `'${name}'`).join(" or ");
      const got = this.is("end") ? "Unexpected end of template" : `Encountered unknown tag ${described(end)}`;
      fail(
        `${got}. Jinja was looking for the following tags: ${tags}. The innermost block that needs to be closed is '${tag}'.`,
        end.at,
      );
    }
    return { body, end: this.next().value };
  }

  #statement(): Statement[] {
    const { value: tag, at } = this.expect("name");
    switch (tag) {
      case "if":
        return [this.#if(at)];
      case "for":
        return [this.#for(at)];
      case "set":
        return [this.#set(at)];
      case "macro":
        return [this.#macro(this.expect("name").value, at, true, "endmacro")];
      case "call":
        return [this.#call(at)];
      case "filter": {
        const filter = this.#filterChain(this.filter(undefined));
        return [{ kind: "filterBlock", at, filter, body: this.#block("filter", "endfilter").body }];
      }
      case "with":
        return [this.#with(at)];
      case "generation": // transformers' own tag; it scopes names as a call block does
        return [{ kind: "with", at, names: [], body: this.#block("generation", "endgeneration").body }];
      case "print":
        return this.#print(at);
      case "break":
      case "continue":
        if (this.#loops === 0) fail(`'${tag}' outside loop`, at);
        return [{ kind: tag, at }];
    }
    if (UNSUPPORTED.has(tag)) unsupported(`the tag '${tag}'`, at);
    return fail(`Encountered unknown tag '${tag}'.`, at);
  }

  #filterChain(filter: Expression): Expression {
    while (this.isOperator("|")) filter = this.filter(filter);
    return filter;
  }

  #if(at: number): Statement {
    const branches: { test: Expression; body: Statement[] }[] = [];
    for (;;) {
      const test = this.tuple(() => this.or());
      const { body, end } = this.#block("if", "elif", "else", "endif");
      branches.push({ test, body });
      if (end === "elif") continue;
      return { kind: "if", at, branches, otherwise: end === "else" ? this.#block("if", "endif").body : [] };
    }
  }

  #for(at: number): Statement {
    const target = this.#target(false);
    this.expect("name", "in");
    const iterable = this.tuple(() => this.or());
    const filter = this.skip("name", "if") ? this.expression() : undefined;
    const recursive = this.skip("name", "recursive");
    this.#loops++;
    const { body, end } = this.#block("for", "endfor", "else");
    this.#loops--;
    const otherwise = end === "else" ? this.#block("for", "endfor").body : [];
    return { kind: "for", at, target, iterable, filter, recursive, body, otherwise };
  }

  #set(at: number): Statement {
    const target = this.#target(true);
    if (this.skip("operator", "=")) return { kind: "set", at, target, value: this.#value() };
    const filter = this.isOperator("|") ? this.#filterChain(this.filter(undefined)) : undefined;
    return { kind: "setBlock", at, target, filter, body: this.#block("set", "endset").body };
  }

  #target(namespaces: boolean): Target {
    return this.tuple(() => this.#oneTarget(namespaces));
  }

  #oneTarget(namespaces: boolean): Target {
    const at = this.token.at;
    if (this.skip("operator", "(")) {
      const inner = this.nested(() => this.#target(namespaces));
      this.expect("operator", ")");
      return inner;
    }
    const name = this.expect("name").value;
    if (/^(?:[Tt]rue|[Ff]alse|[Nn]one)$/.test(name)) fail("can't assign to 'const'", at);
    if (!namespaces || !this.skip("operator", ".")) return { kind: "name", at, name };
    return { kind: "namespace", at, name, attribute: this.expect("name").value };
  }

  #macro(name: string, at: number, signature: boolean, end: string): MacroStatement {
    const uses = new Set<string>();
    const loops = this.#loops;
    this.#loops = 0;
    this.#used.push(uses);
    const parameters = signature ? this.#parameters() : [];
    const { body } = this.#block(end.slice("end".length), end);
    this.#used.pop();
    this.#loops = loops;
    return { kind: "macro", at, name, parameters, body, uses };
  }

  #parameters(): Parameter[] {
    const parameters: Parameter[] = [];
    this.expect("operator", "(");
    while (!this.isOperator(")")) {
      const { value: name, at } = this.expect("name");
      const fallback = this.skip("operator", "=") ? this.expression() : undefined;
      if (!fallback && parameters.at(-1)?.fallback) fail("non-default argument follows default argument", at);
      parameters.push({ name, fallback });
      if (!this.isOperator(")")) this.expect("operator", ",");
    }
    this.at++;
    return parameters;
  }

  #call(at: number): Statement {
    const parameters = this.isOperator("(") ? this.#parameters() : [];
    const call = this.expression();
    if (call.kind !== "call") fail("expected call", at);
    const caller = { ...this.#macro("caller", at, false, "endcall"), parameters };
    return { kind: "call", at, call, caller };
  }

  #with(at: number): Statement {
    const names: { target: Target; value: Expression }[] = [];
    while (!this.is("blockEnd")) {
      if (names.length > 0) this.expect("operator", ",");
      const target = this.#oneTarget(false);
      this.expect("operator", "=");
      names.push({ target, value: this.expression() });
    }
    return { kind: "with", at, names, body: this.#block("with", "endwith").body };
  }

  #print(at: number): Statement[] {
    const printed: Statement[] = [];
    while (!this.is("blockEnd")) {
      if (printed.length > 0) this.expect("operator", ",");
      printed.push({ kind: "print", at, value: this.expression() });
    }
    return printed;
  }

  protected override primary(): Expression {
    // Every macro around may hand its own special names down to this one by closure.
    if (this.is("name")) for (const names of this.#used) names.add(this.token.value);
    return super.primary();
  }
}
