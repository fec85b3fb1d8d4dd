// A string that knows which of its characters came from the conversation and which from the template.

import { limit } from "./failure.js";
import { spend } from "./work.js";

const NOWHERE: readonly number[] = [];

/** One stretch of characters of the same origin. */
export interface Segment {
  text: string;
  /** True when the characters came from messages, tools or variables; false when the template wrote them. */
  content: boolean;
}

/** Immutable. Offsets are UTF-16 units; Python's code points are converted where templates see them. */
export class Text {
  #wide: boolean | undefined;
  #length: number | undefined;

  constructor(
    readonly value: string,
    /** Where content is: start, end, start, end, ... ascending and not empty. */
    readonly content: readonly number[] = NOWHERE,
    /** Python's Markup: escapes what is added to it. */
    readonly markup = false,
  ) {}

  static content(value: string): Text {
    return new Text(value, value === "" ? NOWHERE : [0, value.length]);
  }

  /** A string made from others in a way that keeps no positions: all content, if any of them has some. */
  static derived(value: string, ...from: Text[]): Text {
    return from.some((text) => text.content.length > 0) ? Text.content(value) : new Text(value);
  }

  /** Whether a code point takes two units somewhere, so that Python's offsets differ from ours. */
  get wide(): boolean {
    this.#wide ??= /[\ud800-\udbff][\udc00-\udfff]/.test(this.value);
    return this.#wide;
  }

  /** Length in code points, as Python counts. */
  get length(): number {
    this.#length ??= this.wide ? this.value.length - this.#pairs() : this.value.length;
    return this.#length;
  }

  /** The UTF-16 offset of a code point. */
  unit(point: number): number {
    if (!this.wide) return point;
    spend(point >> 4);
    let at = 0;
    for (let seen = 0; seen < point && at < this.value.length; seen++)
      at += this.value.codePointAt(at)! > 0xffff ? 2 : 1;
    return at;
  }

  /** How many code points take two units. */
  #pairs(): number {
    spend(this.value.length >> 5);
    let pairs = 0;
    for (let at = 0; at < this.value.length - 1; at++) {
      if (this.value.codePointAt(at)! <= 0xffff) continue;
      pairs++;
      at++;
    }
    return pairs;
  }

  /** From UTF-16 offset `start` to `end`. */
  slice(start: number, end = this.value.length): Text {
    if (start <= 0 && end >= this.value.length) return this;
    const content: number[] = [];
    for (let i = this.#stretchAt(start); i < this.content.length && this.content[i]! < end; i += 2) {
      const from = Math.max(this.content[i]!, start);
      const to = Math.min(this.content[i + 1]!, end);
      if (from < to) content.push(from - start, to - start);
    }
    spend(content.length >> 3);
    return new Text(this.value.slice(start, end), content, this.markup);
  }

  /** Where in `content` the first stretch that ends behind an offset begins. */
  #stretchAt(offset: number): number {
    let low = 0;
    let high = this.content.length >> 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.content[2 * middle + 1]! <= offset) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }

  /** The characters as texts of one code point each. */
  points(): Text[] {
    limit("items", this.value.length);
    if (!this.wide) return Array.from(this.value, (_, i) => this.slice(i, i + 1));
    let at = 0;
    return Array.from(this.value, (point) => {
      at += point.length;
      return this.slice(at - point.length, at);
    });
  }

  segments(): Segment[] {
    const segments: Segment[] = [];
    let at = 0;
    for (let i = 0; i < this.content.length; i += 2) {
      const [start, end] = [this.content[i]!, this.content[i + 1]!];
      if (start > at) segments.push({ text: this.value.slice(at, start), content: false });
      segments.push({ text: this.value.slice(start, end), content: true });
      at = end;
    }
    if (at < this.value.length) segments.push({ text: this.value.slice(at), content: false });
    return segments;
  }

  /** `change` for strings whose characters change one by one, as escaping does. */
  mapCharacters(change: (run: string) => string): Text {
    spend(this.value.length >> 3);
    if (this.content.length === 0) return new Text(change(this.value), NOWHERE, this.markup);
    const builder = new TextBuilder();
    for (const { text, content } of this.segments()) {
      builder.add(content ? Text.content(change(text)) : change(text));
    }
    return builder.text(this.markup);
  }

  /** `change` for strings where each prefix keeps its meaning, as case conversion does. */
  mapWhole(change: (value: string) => string): Text {
    const value = change(this.value);
    const content = this.content.map((at) => {
      if (at === this.value.length) return value.length;
      spend(at >> 5);
      return change(this.value.slice(0, at)).length;
    });
    return new Text(value, content, this.markup);
  }

  as(markup: boolean): Text {
    return markup === this.markup ? this : new Text(this.value, this.content, markup);
  }
}

/** Concatenates texts, carrying their origins along. */
export class TextBuilder {
  #parts: string[] = [];
  #content: number[] = [];
  length = 0;

  add(part: Text | string): this {
    const value = typeof part === "string" ? part : part.value;
    if (value === "") return this;
    limit("text", this.length + value.length);
    if (typeof part !== "string") this.#mark(part.content);
    this.#parts.push(value);
    this.length += value.length;
    return this;
  }

  #mark(content: readonly number[]): void {
    spend(content.length >> 3);
    for (let i = 0; i < content.length; i += 2) {
      const start = content[i]! + this.length;
      const end = content[i + 1]! + this.length;
      // Neighbours grow together, so that segments alternate.
      if (this.#content.length > 0 && this.#content.at(-1) === start) this.#content[this.#content.length - 1] = end;
      else this.#content.push(start, end);
    }
  }

  text(markup = false): Text {
    return new Text(this.#joined(), this.#content, markup);
  }

  /** V8 copies what it joins, but not what is added: a text that grows in a loop must not be copied each time. */
  #joined(): string {
    if (this.#parts.length <= 8) return this.#parts.reduce((sum, part) => sum + part, "");
    spend(this.length >> 6);
    return this.#parts.join("");
  }
}

export function concat(...parts: (Text | string)[]): Text {
  const builder = new TextBuilder();
  for (const part of parts) builder.add(part);
  return builder.text();
}

export function repeat(text: Text, times: number): Text {
  if (times <= 0 || text.value === "") return new Text("", NOWHERE, text.markup);
  limit("text", text.value.length * times);
  if (text.content.length === 0) return new Text(text.value.repeat(times), NOWHERE, text.markup);
  const builder = new TextBuilder();
  for (let i = 0; i < times; i++) builder.add(text);
  return builder.text(text.markup);
}
