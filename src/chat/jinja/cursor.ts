// Steps through the tokens of a template.

import { fail, limit } from "./failure.js";
import type { Token, TokenKind } from "./lexer.js";

export class Cursor {
  protected at = 0;
  #nesting = 0;

  constructor(protected readonly tokens: readonly Token[]) {}

  protected get token(): Token {
    return this.tokens[this.at]!;
  }

  protected next(): Token {
    return this.tokens[this.at++]!;
  }

  protected is(kind: TokenKind, value?: string, token = this.token): boolean {
    return token.kind === kind && (value === undefined || token.value === value);
  }

  protected isName(...values: string[]): boolean {
    return this.token.kind === "name" && values.includes(this.token.value);
  }

  protected isOperator(...values: string[]): boolean {
    return this.token.kind === "operator" && values.includes(this.token.value);
  }

  protected skip(kind: TokenKind, value: string): boolean {
    const found = this.is(kind, value);
    if (found) this.at++;
    return found;
  }

  protected expect(kind: TokenKind, value?: string): Token {
    if (!this.is(kind, value))
      fail(`expected token '${value ?? spoken(kind)}', got ${described(this.token)}`, this.token.at);
    return this.next();
  }

  /** Guards against sources made to overflow the stack. */
  protected nested<T>(parse: () => T): T {
    limit("nesting", ++this.#nesting);
    const result = parse();
    this.#nesting--;
    return result;
  }
}

function spoken(kind: TokenKind): string {
  const words: Partial<Record<TokenKind, string>> = {
    blockEnd: "end of statement block",
    printEnd: "end of print statement",
    end: "end of template",
  };
  return words[kind] ?? kind;
}

export function described(token: Token): string {
  return `'${token.value || spoken(token.kind)}'`;
}
