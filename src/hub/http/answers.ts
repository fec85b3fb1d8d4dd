// Checks the fields of the Hub's answers: they come over a network, from a server that the user may have mistyped.

import { DeadliftError, expected } from "../../error.js";

export type Fields = Readonly<Record<string, unknown>>;

/** A word of the Hub - a tag, a name, a title - is not longer; card texts are not asked for. */
const maxTextLength = 10_000;

/** Throws HubFailed unless `value` is an object. */
export function fieldsOf(value: unknown, where: string): Fields {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) return value as Fields;
  throw nonsense("an object", where, value);
}

/** undefined for null and undefined. Throws HubFailed unless `value` is an object then. */
export function optionalFields(value: unknown, where: string): Fields | undefined {
  return value === undefined || value === null ? undefined : fieldsOf(value, where);
}

export function listOf(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw nonsense("a list", where, value);
}

/** A safe integer of at least 0. */
export function countOf(value: unknown, where: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw nonsense("a number of at least 0", where, value);
}

export function optionalCount(value: unknown, where: string): number | undefined {
  return value === undefined || value === null ? undefined : countOf(value, where);
}

/** One line without anything that could steer a terminal. */
export function textOf(value: unknown, where: string): string {
  if (typeof value === "string" && value.length <= maxTextLength) return plainLine(value);
  throw nonsense("a text", where, value);
}

export function optionalText(value: unknown, where: string): string | undefined {
  return value === undefined || value === null ? undefined : textOf(value, where);
}

/** A list of texts, or one alone: model cards have both. Nothing and what is no text count for none. */
export function textsOf(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter((text) => typeof text === "string" && text.length <= maxTextLength).map(plainLine);
}

export function optionalDate(value: unknown, where: string): Date | undefined {
  if (value === undefined || value === null) return undefined;
  const date = value instanceof Date ? value : new Date(textOf(value, where));
  if (!Number.isNaN(date.getTime())) return date;
  throw nonsense("a date", where, value);
}

/** Throws HubFailed unless `value` is the id of a repository. */
export function idOf(value: unknown): string {
  if (typeof value === "string" && /^\w[\w.-]{0,200}(?:\/\w[\w.-]{0,200})?$/.test(value)) return value;
  throw nonsense("the id of a repository", "an answer", value);
}

export function gatedOf(value: unknown): false | "auto" | "manual" {
  if (value === "auto" || value === "manual") return value;
  if (value === undefined || value === null || value === false) return false;
  throw nonsense('false, "auto" or "manual"', "gated", value);
}

const commitPattern = /^[0-9a-f]{40}$/;

export function commitOf(value: unknown, where: string): string {
  if (typeof value === "string" && commitPattern.test(value)) return value;
  throw nonsense("a commit of 40 hex digits", where, value);
}

export function nonsense(what: string, where: string, received: unknown): DeadliftError {
  return new DeadliftError("HubFailed", `the Hub's answer makes no sense: ${expected(what, where, received)}`);
}

/** One line of visible text. */
export function plainLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a server's text must not steer a terminal.
  return text.replace(/[\x00-\x20\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, " ").trim();
}

/** What @huggingface/hub makes of an answer; its own stumbling over a strange one becomes HubFailed. */
export async function fromHub<T>(answer: Promise<T>, where: string): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw stumble(error, where);
  }
}

/** As `fromHub`, for its lists. */
export async function* listFromHub<T>(list: AsyncIterable<T>, where: string): AsyncGenerator<T> {
  try {
    yield* list;
  } catch (error) {
    throw stumble(error, where);
  }
}

function stumble(error: unknown, where: string): unknown {
  if (error instanceof DeadliftError) return error;
  return new DeadliftError("HubFailed", `the Hub's answer about ${where} makes no sense`, { cause: error });
}
