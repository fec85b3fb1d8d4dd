// Finds special tokens as they are written in a text.
import type { AddedTokenJson } from "./schema.js";

/** Where a special token is written: [start, end) in UTF-16 units. */
export interface Match {
  start: number;
  end: number;
  token: AddedTokenJson;
}

/** Finds added tokens as the library does: from left to right, the longest where several begin at one place. */
export class Matcher {
  readonly #tokens: ReadonlyMap<string, AddedTokenJson>;
  readonly #any: RegExp | undefined;
  readonly #special: RegExp | undefined;

  constructor(added: readonly AddedTokenJson[]) {
    // Ordinary tokens that are matched after normalization come second and take nothing from special ones.
    const tokens = added.filter((token) => token.special || !token.normalized);
    this.#tokens = new Map(tokens.map((token) => [token.content, token]));
    this.#any = anyOf(tokens);
    this.#special = anyOf(tokens.filter((token) => token.special));
  }

  /** Whether any special token is written anywhere in the text, alone or in a word. */
  occursIn(text: string): boolean {
    return this.#special !== undefined && text.search(this.#special) >= 0;
  }

  /** The special tokens in [start, end) of the text: those that are words of their own, if they have to be. */
  *find(text: string, start: number, end: number): Generator<Match> {
    if (!this.#any) return;
    for (const found of text.slice(start, end).matchAll(this.#any)) {
      const token = this.#tokens.get(found[0])!;
      const match = { start: start + found.index, end: start + found.index + found[0].length, token };
      if (token.special && (!token.single_word || isWord(text, match))) yield match;
    }
  }
}

function anyOf(tokens: readonly AddedTokenJson[]): RegExp | undefined {
  if (tokens.length === 0) return undefined;
  const longestFirst = tokens.map((token) => token.content).sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map((token) => token.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"), "gu");
}

/** No word character on either side. */
function isWord(text: string, { start, end }: Match): boolean {
  const word = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
  const before = Array.from(text.slice(Math.max(0, start - 2), start)).at(-1) ?? "";
  const after = Array.from(text.slice(end, end + 2))[0] ?? "";
  return !word.test(before) && !word.test(after);
}
