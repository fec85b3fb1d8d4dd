// How values become text: Python's str() and repr(), and json.dumps as transformers calls it.

import { fail, limit, unsupported } from "./failure.js";
import { printFloat } from "./number.js";
import { repeat, Text, TextBuilder } from "./text.js";
import { Callable, Dict, hashOf, List, Namespace, NONE, text, typeName, Undefined, type Value } from "./value.js";
import { spend } from "./work.js";

const CONTROLS = "\\x00-\\x1f";
const ESCAPED_IN_JSON = new RegExp(`["\\\\${CONTROLS}]`, "g");
const UNPRINTABLE = /[\p{C}\p{Z}]/u;

/** Python's str(). */
export function str(value: Value): Text {
  if (value instanceof Text) return value;
  if (value instanceof Undefined) return text("");
  return repr(value);
}

/** Python's repr(). */
export function repr(value: Value): Text {
  const out = new TextBuilder();
  writeRepr(value, out);
  return out.text();
}

function writeRepr(value: Value, out: TextBuilder): void {
  if (value instanceof Text) writeQuoted(value, out);
  else if (value instanceof List) writeList(value, out);
  else if (value instanceof Dict) {
    writeItems("{", "}", value.entries(), out, ([key, item]) => {
      writeRepr(key, out);
      writeRepr(item, out.add(": "));
    });
  } else if (value instanceof Namespace) {
    writeItems("<Namespace {", "}>", [...value.attributes], out, ([name, item]) => {
      writeRepr(text(name), out);
      writeRepr(item, out.add(": "));
    });
  } else out.add(plain(value));
}

function plain(value: Value): string {
  if (value === NONE) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return printFloat(value);
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof Callable && value.print) return value.print();
  return unsupported(`printing a ${typeName(value)} (Python prints its address)`);
}

function writeItems<T>(
  open: string,
  close: string,
  items: readonly T[],
  out: TextBuilder,
  write: (item: T) => void,
): void {
  out.add(open);
  items.forEach((item, i) => {
    if (i > 0) out.add(", ");
    write(item);
  });
  out.add(close);
}

function writeList(value: List, out: TextBuilder): void {
  if (value.label !== undefined) {
    out.add(value.label);
    return;
  }
  const write = (item: Value) => writeRepr(item, out);
  if (value.kind === "list") writeItems("[", "]", value.items, out, write);
  else if (value.kind === "tuple") writeItems("(", value.items.length === 1 ? ",)" : ")", value.items, out, write);
  else writeItems(`${value.kind}([`, "])", value.items, out, write);
}

function writeQuoted(value: Text, out: TextBuilder): void {
  const quote = value.value.includes("'") && !value.value.includes('"') ? '"' : "'";
  spend(value.value.length >> 1);
  const quoted = (run: string) => run.replace(/./gsu, (character) => escapeCharacter(character, quote));
  if (value.markup) out.add("Markup(");
  out.add(quote).add(value.mapCharacters(quoted)).add(quote);
  if (value.markup) out.add(")");
}

function escapeCharacter(character: string, quote: string): string {
  if (character === quote || character === "\\") return `\\${character}`;
  const named = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
  if (named) return named;
  if (character === " " || !UNPRINTABLE.test(character)) return character;
  const code = character.codePointAt(0)!;
  const hex = (width: number) => code.toString(16).padStart(width, "0");
  return code < 0x100 ? `\\x${hex(2)}` : code < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`;
}

export interface JsonOptions {
  /** Text of one level, or undefined for everything on one line. */
  indent: Text | undefined;
  ascii: boolean;
  itemSeparator: Text;
  keySeparator: Text;
  sorted: boolean;
}

/** Python's json.dumps. */
export function json(value: Value, options: JsonOptions): Text {
  const out = new TextBuilder();
  new JsonWriter(options, out).write(value, 0);
  return out.text();
}

class JsonWriter {
  constructor(
    readonly options: JsonOptions,
    readonly out: TextBuilder,
  ) {}

  write(value: Value, level: number): void {
    if (value instanceof Text) this.#string(value);
    else if (value instanceof List && (value.kind === "list" || value.kind === "tuple")) {
      this.#block("[", "]", value.items, level, (item) => this.write(item, level + 1));
    } else if (value instanceof Dict) {
      this.#block("{", "}", this.#entries(value), level, ([key, item]) => {
        this.#string(key);
        this.out.add(this.options.keySeparator);
        this.write(item, level + 1);
      });
    } else this.out.add(scalar(value));
  }

  #entries(value: Dict): [Text, Value][] {
    const entries = value.entries();
    if (this.options.sorted) entries.sort(([a], [b]) => (hashOf(a) < hashOf(b) ? -1 : 1));
    return entries.map(([key, item]) => {
      if (key instanceof Text) return [key, item];
      if (key instanceof List) fail(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
      return [text(scalar(key)), item];
    });
  }

  #block<T>(open: string, close: string, items: readonly T[], level: number, write: (item: T) => void): void {
    this.out.add(open);
    items.forEach((item, i) => {
      if (i > 0) this.out.add(this.options.itemSeparator);
      this.#newline(level + 1);
      write(item);
    });
    if (items.length > 0) this.#newline(level);
    this.out.add(close);
  }

  #newline(level: number): void {
    if (this.options.indent) this.out.add("\n").add(repeat(this.options.indent, level));
  }

  #string(value: Text): void {
    const pattern = this.options.ascii ? /["\\]|[^ -~]/g : ESCAPED_IN_JSON;
    this.out
      .add('"')
      .add(value.mapCharacters((run) => run.replace(pattern, escapeJson)))
      .add('"');
  }
}

function escapeJson(unit: string): string {
  const short = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b" }[unit];
  return short ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function scalar(value: Value): string {
  if (value === NONE) return "null";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "number") return fail(`Object of type ${typeName(value)} is not JSON serializable`);
  if (Number.isFinite(value)) return printFloat(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

/** Characters as MarkupSafe escapes them; text that is Markup already stays. */
export function escapeHtml(value: Text): Text {
  if (value.markup) return value;
  limit("text", value.value.length * 5);
  const names: Record<string, string> = { "&": "&amp;", ">": "&gt;", "<": "&lt;", "'": "&#39;", '"': "&#34;" };
  return value.mapCharacters((run) => run.replace(/[&<>'"]/g, (character) => names[character]!)).as(true);
}
