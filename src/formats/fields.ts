// Typed fields of a configuration that may say anything: each reader gives the value, or says what was expected.

import { DeadliftError, expected } from "../error.js";
import { isObject, type JsonObject } from "./file.js";

/** Sizes beyond this are nonsense in any model, and their products would leave the exact integers. */
const maxSize = 2 ** 31 - 1;

/** A set of named values (config.json, GGUF metadata) and where they came from. */
export class Fields {
  constructor(
    readonly source: string,
    /** The value of a key; undefined when it is absent or null. */
    readonly get: (key: string) => unknown,
    /** The key is there, though its value may be null. */
    readonly has: (key: string) => boolean = (key) => get(key) !== undefined,
  ) {}

  static of(source: string, object: JsonObject): Fields {
    const has = (key: string) => Object.hasOwn(object, key);
    return new Fields(source, (key) => (has(key) ? (object[key] ?? undefined) : undefined), has);
  }

  /** The key is there and says null: "none", where an absent key means the default. */
  isNull(key: string): boolean {
    return this.has(key) && this.get(key) === undefined;
  }

  /** A size of at least 1. Throws InvalidConfig when it is absent and has no default. */
  size(key: string, otherwise?: number): number {
    return this.#required(key, this.optionalSize(key) ?? otherwise, "a positive integer");
  }

  optionalSize(key: string): number | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= maxSize) return value as number;
    throw this.wrong(key, `an integer of 1 to ${maxSize}`, value);
  }

  /** A finite number greater than 0. */
  positive(key: string, otherwise?: number): number {
    return this.#required(key, this.optionalPositive(key) ?? otherwise, "a positive number");
  }

  optionalPositive(key: string): number | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    throw this.wrong(key, "a positive number", value);
  }

  boolean(key: string, otherwise: boolean): boolean {
    const value = this.get(key) ?? otherwise;
    if (typeof value === "boolean") return value;
    throw this.wrong(key, "true or false", value);
  }

  string(key: string, otherwise?: string): string {
    return this.#required(key, this.optionalString(key) ?? otherwise, "a string");
  }

  optionalString(key: string): string | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.wrong(key, "a string", value);
  }

  /** The fields of an object, or undefined when there is none. */
  fields(key: string): Fields | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (isObject(value)) return Fields.of(`${key} of ${this.source}`, value);
    throw this.wrong(key, "an object", value);
  }

  /** An id or a list of ids that a vocabulary of this size can have; others can never come up and are left out. */
  tokens(key: string, vocab: number): number[] {
    const value = this.get(key);
    if (value === undefined) return [];
    const list = Array.isArray(value) ? value : [value];
    if (!list.every(Number.isSafeInteger)) throw this.wrong(key, "a token id or a list of them", value);
    return list.filter((id) => id >= 0 && id < vocab);
  }

  wrong(key: string, what: string, received: unknown): DeadliftError {
    return new DeadliftError("InvalidConfig", expected(what, `${key} in ${this.source}`, received));
  }

  #required<T>(key: string, value: T | undefined, what: string): T {
    if (value !== undefined) return value;
    throw this.wrong(key, what, undefined);
  }
}
