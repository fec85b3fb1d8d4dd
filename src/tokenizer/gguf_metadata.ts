// The tokenizer.ggml.* keys of a GGUF file, checked: types, lengths, ranges.
import { expected } from "../error.js";
import { invalid } from "./parts.js";
import { MAX_VOCAB } from "./schema.js";

/** A metadata value as a GGUF reader gives it. Number arrays may be typed or not. */
export type GgufValue = number | bigint | boolean | string | readonly GgufValue[] | NumberArray;
export type NumberArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** `llama_token_type` of llama.cpp. */
export const TokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Reads one key at a time; each read names the key in its error. Keys are given without "tokenizer.ggml.". */
export class Keys {
  readonly #metadata: GgufMetadata;

  constructor(metadata: GgufMetadata) {
    this.#metadata = metadata;
  }

  /** A value under its full name, if it is a string. */
  text(key: string): string | undefined {
    const value = this.#metadata.get(key);
    if (value === undefined || typeof value === "string") return value;
    throw invalid(expected("a string", key, value));
  }

  string(key: string): string | undefined {
    return this.text(name(key));
  }

  flag(key: string): boolean | undefined {
    const value = this.#metadata.get(name(key));
    if (value === undefined || typeof value === "boolean") return value;
    throw invalid(expected("true or false", name(key), value));
  }

  /** An id; llama.cpp too takes one outside of the vocabulary as absent. */
  id(key: string, size: number): number | undefined {
    const value = this.#metadata.get(name(key));
    if (value === undefined) return undefined;
    if (typeof value !== "number" && typeof value !== "bigint") throw invalid(expected("an id", name(key), value));
    const id = Number(value);
    return Number.isInteger(id) && id >= 0 && id < size ? id : undefined;
  }

  strings(key: string): readonly string[] | undefined {
    const values = this.#metadata.get(name(key));
    if (values === undefined) return undefined;
    const fine = Array.isArray(values) && values.every((value) => typeof value === "string");
    if (!fine) throw invalid(expected("an array of strings", name(key), values));
    return values as readonly string[];
  }

  /** Finite numbers, `size` of them or more. */
  numbers(key: string, size: number): ArrayLike<number> | undefined {
    const values = this.#metadata.get(name(key));
    if (values === undefined) return undefined;
    const array = Array.isArray(values) || (ArrayBuffer.isView(values) && "length" in values);
    if (!array) throw invalid(expected("an array of numbers", name(key), values));
    const numbers = Float64Array.from(values as ArrayLike<number | bigint>, Number);
    if (!numbers.every(Number.isFinite)) throw invalid(`${name(key)} holds something that is not a finite number`);
    if (numbers.length < size) throw invalid(`${name(key)} has ${numbers.length} numbers for ${size} tokens`);
    return numbers;
  }
}

const name = (key: string) => `tokenizer.ggml.${key}`;

/** The vocabulary: spellings, distinct, with what is known of each. */
export interface GgufVocabulary {
  readonly tokens: readonly string[];
  readonly scores: ArrayLike<number> | undefined;
  /** A value of TokenType for each token. */
  readonly types: ArrayLike<number>;
}

export function readVocabulary(keys: Keys): GgufVocabulary {
  const spelled = keys.strings("tokens");
  if (!spelled || spelled.length === 0) throw invalid("tokenizer.ggml.tokens is missing or empty");
  if (spelled.length > MAX_VOCAB) throw invalid(`${spelled.length} tokens; the limit is ${MAX_VOCAB}`);
  const tokens = distinctTokens(spelled);
  const types = keys.numbers("token_type", tokens.length) ?? new Uint8Array(tokens.length).fill(TokenType.normal);
  return { tokens, scores: keys.numbers("scores", tokens.length), types };
}

/**
 * Empty spellings get the name llama.cpp gives them. Bytes that are no UTF-8 arrive as U+FFFD, which may make
 * different tokens look the same; such tokens keep their ids but no text can give them.
 */
function distinctTokens(spelled: readonly string[]): string[] {
  const first = new Map<string, number>();
  return spelled.map((token, id) => {
    if (token === "") return `[EMPTY_${id}]`;
    const other = first.get(token);
    if (other === undefined) {
      first.set(token, id);
      return token;
    }
    if (token.includes("\ufffd")) return `\u0000broken ${id}`;
    throw invalid(`the tokens ${other} and ${id} of tokenizer.ggml.tokens are both "${token}"`);
  });
}
