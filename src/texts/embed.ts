// Texts to vectors: prompts before them, limits, a length of 1, fewer dimensions.

import { DeadliftError, expected } from "../error.js";
import { checkInteger } from "../options.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import type { Encoder, EncoderText } from "./encoder.js";

export interface EmbedOptions {
  /** Name of one of the model's prompts ("query", "document" ...), or `{ text }` to put before each text; default: the model's. */
  readonly prompt?: string | { readonly text: string } | undefined;
  /** Vectors of length 1; default: as the model was published. */
  readonly normalize?: boolean | undefined;
  /** Keep so many values of each vector, the first ones, for models that were trained for it (Matryoshka). */
  readonly dimensions?: number | undefined;
  /** Cut texts that are too long, instead of an error. */
  readonly truncate?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: EmbedProgress) => void) | undefined;
}

export const embedKeys = ["prompt", "normalize", "dimensions", "truncate", "signal", "onProgress"] as const;

export interface EmbedProgress {
  readonly texts: number;
  readonly totalTexts: number;
}

/** How a model reads texts. */
export interface Reading {
  readonly tokenizer: Tokenizer;
  readonly encoder: Encoder;
  /** Most tokens of a text, or of a pair. */
  readonly maxTokens: number;
  readonly lowerCase: boolean;
  /** Vectors of tables: no special tokens are added. */
  readonly isStatic: boolean;
  /** The two texts of a pair are told apart by their segments. */
  readonly hasSegments: boolean;
  /** What the vocabulary lacks has no token, as in model2vec. */
  readonly dropsUnknown: boolean;
  readonly prompts: Readonly<Record<string, string>>;
  readonly defaultPrompt: string | undefined;
  /** Values of a row. */
  readonly width: number;
  /** Stands for what is to be filled in, of models that do. */
  readonly mask: number | undefined;
  /** Vectors have length 1 unless asked otherwise. */
  readonly normalize: boolean;
}

/** Texts whose ids are made at once, while those before them run. */
const CHUNK = 256;

/** A vector for each text. Throws InvalidArgument, ContextOverflow, Aborted. */
export async function embed(
  reading: Reading,
  texts: readonly string[],
  options: EmbedOptions,
): Promise<Float32Array[]> {
  const { dimensions, normalize, signal, onProgress } = options;
  checkTexts(texts);
  checkInteger("dimensions", dimensions, 1, reading.width);
  const prompt = promptOf(reading, options.prompt);
  const read = (from: number) =>
    Promise.all(texts.slice(from, from + CHUNK).map((text) => readText(reading, prompt + text, options.truncate)));
  const vectors: Float32Array[] = [];
  for (let from = 0, next = read(0); from < texts.length; from += CHUNK) {
    const rows = await encodeTexts(reading, await next, signal);
    if (from + CHUNK < texts.length) next = read(from + CHUNK);
    next.catch(() => {});
    for (const row of rows) vectors.push(finish(row, dimensions, normalize ?? reading.normalize));
    onProgress?.({ texts: vectors.length, totalTexts: texts.length });
  }
  return vectors;
}

export function checkTexts(texts: unknown): void {
  const bad = Array.isArray(texts) ? texts.find((text) => typeof text !== "string") : texts;
  if (bad !== undefined || !Array.isArray(texts)) {
    throw new DeadliftError("InvalidArgument", expected("a text, or a list of texts", "the texts", bad));
  }
}

/** Ids of one text, or of a pair. Throws ContextOverflow. */
export async function readText(
  { tokenizer, maxTokens, lowerCase, isStatic, hasSegments, dropsUnknown }: Reading,
  text: string | readonly [first: string, second: string],
  truncate = false,
): Promise<EncoderText> {
  const cut = truncate ? { maxTokens } : {};
  const cased = (one: string) => (lowerCase ? one.toLowerCase() : one);
  const encode = async () => {
    if (typeof text !== "string") {
      const { ids, types } = await tokenizer.encodePair(cased(text[0]), cased(text[1]), cut);
      return { ids, segments: hasSegments ? types : undefined };
    }
    const ids = await tokenizer.encode(cased(text), { ...cut, special: !isStatic });
    return { ids: dropsUnknown ? ids.filter((id) => id !== tokenizer.unk) : ids };
  };
  const read = await encode();
  if (read.ids.length <= maxTokens) return read;
  throw new DeadliftError(
    "ContextOverflow",
    `expected texts of at most ${maxTokens} tokens, received one of ${read.ids.length}; ` +
      "pass { truncate: true } to cut what is too much",
  );
}

/** The text of a prompt. Throws InvalidArgument naming those there are. */
function promptOf({ prompts, defaultPrompt }: Reading, prompt: EmbedOptions["prompt"]): string {
  if (typeof prompt === "object" && typeof prompt?.text === "string") return prompt.text;
  const name = prompt ?? defaultPrompt;
  if (name === undefined) return "";
  if (typeof name === "string" && Object.hasOwn(prompts, name)) return prompts[name]!;
  const known = Object.keys(prompts).map((one) => `"${one}"`);
  const what =
    known.length > 0 ? `one of ${known.join(", ")}, or { text }` : "{ text }, as this model names no prompts,";
  throw new DeadliftError("InvalidArgument", expected(what, "prompt", name));
}

/** A row for each text; a text without tokens has zeros. */
async function encodeTexts(
  { encoder, width }: Reading,
  texts: readonly EncoderText[],
  signal: AbortSignal | undefined,
): Promise<Float32Array[]> {
  const rows = [
    ...(await encoder.encode(
      texts.filter(({ ids }) => ids.length > 0),
      signal,
    )),
  ];
  return texts.map(({ ids }) => (ids.length > 0 ? rows.shift()![0]! : new Float32Array(width)));
}

function finish(row: Float32Array, dimensions: number | undefined, normalize: boolean): Float32Array {
  const vector = dimensions === undefined ? row : row.slice(0, dimensions);
  if (!normalize) return vector;
  const length = Math.max(lengthOf(vector), 1e-12);
  return vector.map((value) => value / length);
}

function lengthOf(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}
