// Cuts a template into tokens, by the whitespace rules that transformers sets: trim_blocks and lstrip_blocks.

import { fail, limit } from "./failure.js";

export type TokenKind =
  | "data"
  | "blockBegin"
  | "blockEnd"
  | "printBegin"
  | "printEnd"
  | "name"
  | "string"
  | "integer"
  | "float"
  | "operator"
  | "end";

export interface Token {
  kind: TokenKind;
  value: string;
  /** Offset in the normalised source. */
  at: number;
}

/** What Python's str.isspace and regular expressions take for whitespace (JavaScript's set differs). */
export const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const TRAILING_SPACE = new RegExp(`[${SPACE}]+$`);
const ONLY_SPACE = new RegExp(`^[${SPACE}]+$`);
const OPENING = /\{[%{#]/g;
const END = {
  comment: new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, "g"),
  block: new RegExp(`\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`, "y"),
  print: new RegExp(`-\\}\\}[${SPACE}]*|\\}\\}`, "y"),
};
const RAW_BEGIN = new RegExp(`\\{%[-+]?[${SPACE}]*raw[${SPACE}]*(?:-%\\}[${SPACE}]*|%\\})`, "y");
const RAW_END = new RegExp(`\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?)`, "g");
const SKIPPED = new RegExp(`[${SPACE}]+`, "y");

const INSIDE: [TokenKind, RegExp][] = [
  ["float", /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy],
  ["integer", /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy],
  ["name", /[\p{L}\p{N}\p{M}_]+/uy],
  ["string", /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/sy],
  ["operator", /\/\/|\*\*|[=!<>]=|[-+/*%~[\](){}<>=.:|,;]/y],
];

/** Throws TemplateFailure with the offset of what cannot be read. */
export function lex(source: string): { tokens: Token[]; source: string } {
  limit("source", source.length);
  const normal = source.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  return { tokens: new Lexer(normal).run(), source: normal };
}

/** "line 3, column 7" of an offset. */
export function position(source: string, at: number): string {
  const before = source.slice(0, at).split("\n");
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

class Lexer {
  readonly tokens: Token[] = [];
  at = 0;
  /** The last token ended a line, so that spaces up to the next tag are indentation. */
  lineStarting = true;

  constructor(readonly source: string) {}

  run(): Token[] {
    while (this.at < this.source.length) this.#outside();
    this.#push("end", "", this.source.length);
    return this.tokens;
  }

  #push(kind: TokenKind, value: string, at: number): void {
    this.tokens.push({ kind, value, at });
  }

  #match(pattern: RegExp, at = this.at): RegExpExecArray | null {
    pattern.lastIndex = at;
    return pattern.exec(this.source);
  }

  /** Moves behind what was matched. */
  #pass(match: RegExpExecArray): void {
    this.at = match.index + match[0].length;
    this.lineStarting = match[0].endsWith("\n");
  }

  #outside(): void {
    const opening = this.#match(OPENING);
    if (!opening) {
      this.#push("data", this.source.slice(this.at), this.at);
      this.at = this.source.length;
      return;
    }
    const sign = this.source[opening.index + 2] ?? "";
    this.#data(opening.index, sign, opening[0] !== "{{");
    this.at = opening.index;
    const raw = this.#match(RAW_BEGIN);
    if (raw) {
      this.#raw(raw);
      return;
    }
    this.at += sign === "-" || sign === "+" ? 3 : 2;
    this.lineStarting = false;
    if (opening[0] === "{#") this.#comment(opening.index);
    else this.#inside(opening[0] === "{%" ? "block" : "print", opening.index);
  }

  /** The text up to `end`, trimmed as the tag after it asks. */
  #data(end: number, sign: string, strips: boolean): void {
    let data = this.source.slice(this.at, end);
    if (sign === "-") data = data.replace(TRAILING_SPACE, "");
    else if (sign !== "+" && strips) {
      const line = data.lastIndexOf("\n") + 1;
      if ((line > 0 || this.lineStarting) && ONLY_SPACE.test(data.slice(line))) data = data.slice(0, line);
    }
    if (data !== "") this.#push("data", data, this.at);
  }

  #comment(begin: number): void {
    const end = this.#match(END.comment);
    if (!end) fail("Missing end of comment tag", begin);
    this.#pass(end);
  }

  #raw(begin: RegExpExecArray): void {
    this.#pass(begin);
    const end = this.#match(RAW_END);
    if (!end) fail("Missing end of raw directive", begin.index);
    this.#data(end.index, end[1]!, true);
    this.#pass(end);
  }

  #inside(kind: "block" | "print", begin: number): void {
    this.#push(`${kind}Begin`, "", begin);
    const open: string[] = [];
    for (;;) {
      const end = open.length === 0 ? this.#match(END[kind]) : null;
      if (end) {
        this.#push(`${kind}End`, "", this.at);
        this.#pass(end);
        return;
      }
      const space = this.#match(SKIPPED);
      if (space) this.#pass(space);
      else if (this.at >= this.source.length)
        fail(
          `unexpected end of template, expected 'end of ${kind === "block" ? "statement block" : "print statement"}'.`,
          begin,
        );
      else this.#token(open);
    }
  }

  #token(open: string[]): void {
    for (const [kind, pattern] of INSIDE) {
      const match = this.#match(pattern);
      if (!match) continue;
      if (kind === "operator") balance(match[0], open, this.at);
      this.#push(kind, match[0], this.at);
      this.#pass(match);
      return;
    }
    fail(`unexpected char '${this.source[this.at]}'`, this.at);
  }
}

function balance(operator: string, open: string[], at: number): void {
  if ("([{".includes(operator)) {
    open.push({ "(": ")", "[": "]", "{": "}" }[operator]!);
    limit("nesting", open.length);
  } else if (")]}".includes(operator)) {
    const wanted = open.pop();
    if (wanted === undefined) fail(`unexpected '${operator}'`, at);
    if (wanted !== operator) fail(`unexpected '${operator}', expected '${wanted}'`, at);
  }
}
