// What people and programs read: colours, tables, plain lines, JSON, and numbers in words.

import Table from "cli-table3";
import picocolors from "picocolors";

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Colours for a stream: NO_COLOR and FORCE_COLOR decide, else whether it is a terminal (no-color.org, force-color.org). */
function colorsOf(stream: { isTTY?: boolean }): Colors {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR) return picocolors.createColors(false);
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "") {
    return picocolors.createColors(FORCE_COLOR !== "0" && FORCE_COLOR !== "false");
  }
  return picocolors.createColors(Boolean(stream.isTTY) && TERM !== "dumb");
}

/** For standard output. */
export const colors = colorsOf(process.stdout);
/** For standard error. */
export const errorColors = colorsOf(process.stderr);

/** Writes to standard output; what a terminal would obey (escapes and other control characters) is made visible. */
export function write(text: string): void {
  process.stdout.write(process.stdout.isTTY ? visible(text) : text);
}

/** A line of our own on standard output. */
export function say(line = ""): void {
  process.stdout.write(`${line}\n`);
}

/** A line on standard error: notices beside the output that was asked for. */
export function notice(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Exactly one JSON document: a line for programs, indented for people. Undefined becomes null, so that keys stay. */
export function printJson(value: object): void {
  const keep = (_: string, one: unknown) => (typeof one === "bigint" ? String(one) : one === undefined ? null : one);
  const text = JSON.stringify(value, keep, process.stdout.isTTY ? 2 : undefined);
  // JSON escapes only half of what a terminal would obey.
  say(
    text.replaceAll(
      /[\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
  );
}

/** Names and values: aligned at a terminal, separated by a tab when piped. */
export function printFacts(facts: readonly (readonly [name: string, value: string])[]): void {
  if (!process.stdout.isTTY) {
    for (const [name, value] of facts) say(`${name}\t${value.replaceAll("\n", ", ")}`);
    return;
  }
  const table = new Table({ ...frameless, colWidths: [16, Math.max(20, columns() - 17)], wordWrap: true });
  for (const [name, value] of facts) table.push([colors.dim(name), value]);
  say(table.toString());
}

/** Rows under headings: a table at a terminal, separated by tabs when piped. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  if (!process.stdout.isTTY) {
    for (const row of [head, ...rows]) say(row.join("\t"));
    return;
  }
  const table = new Table({
    head: head.map((name) => colors.bold(name)),
    style: { head: [], border: colors.isColorSupported ? ["gray"] : [] },
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" }, // no lines between rows
  });
  table.push(...rows.map((row) => [...row]));
  say(table.toString());
}

export const frameless = {
  chars: Object.fromEntries(
    "top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid middle"
      .split(" ")
      .map((part) => [part, ""]),
  ),
  style: { "padding-left": 0, "padding-right": 1, head: [], border: [] },
};

export function columns(): number {
  return process.stdout.columns || 80;
}

/** Text without anything that a terminal would obey: control characters but newline and tab become visible. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
  return text.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
  });
}

/** The same on one line: for messages. */
export function oneLine(text: string): string {
  return visible(text.trim().replaceAll(/\s*\n\s*/g, " "));
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** 1536000 -> "1.54 MB" (powers of ten, as memory bandwidth and file sizes are given). */
export function bytes(count: number): string {
  return count < 1000 ? `${count} B` : scaled(count, BYTE_UNITS);
}

/** How much of a whole, in the unit of the whole: "2.24/4.97 GB". */
export function bytesOf(done: number, total: number): string {
  const [value = "", unit = "B"] = bytes(total).split(" ");
  const scale = 1000 ** Math.max(0, BYTE_UNITS.indexOf(unit));
  const digits = total < 1000 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Number(value))));
  return `${(done / scale).toFixed(digits)}/${(total / scale).toFixed(digits)} ${unit}`;
}

/** 3984000 -> "3.98 M". */
export function quantity(count: number): string {
  return count < 10_000 ? String(count) : scaled(count, ["", "K", "M", "B", "T"]);
}

function scaled(count: number, units: readonly string[]): string {
  let unit = 0;
  let value = count;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${Number(value.toPrecision(3))} ${units[unit]}`;
}

/** 1024 -> "1,024". */
export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

/** 12.34 -> "12 ms", 1234 -> "1.2 s". */
export function duration(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** 72500 ms -> "1:13", 3753000 ms -> "1:02:33". */
export function clock(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 99) return "> 99 h";
  const two = (count: number) => String(count).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** 123.4 -> "123", 12.34 -> "12.3": three digits are all a speed is good for. */
export function speed(perSecond: number): string {
  return perSecond >= 100 ? grouped(Math.round(perSecond)) : perSecond.toPrecision(3);
}

export function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}
