// The one interface of all tokenizers: text to ids and back, whole or as a stream.
import type { EncodedPair } from "./surroundings.js";

export type { EncodedPair } from "./surroundings.js";

/** How to encode. */
export interface EncodeOptions {
  /** Add what the model expects around a text (bos, eos, [CLS] ...), as `add_special_tokens` of Python. Default true. */
  special?: boolean;
  /** Recognise special tokens that are written in the text, as Python does. Default true. */
  parseSpecial?: boolean;
  /**
   * Most ids of the result. Texts lose what is too much, the special tokens around them stay: Python's `truncation=True`,
   * "longest_first" for two. Default: no limit.
   */
  maxTokens?: number;
}

/** How to decode. */
export interface DecodeOptions {
  /** Leave special tokens out of the text. Default false, as `AutoTokenizer.decode` of Python. */
  skipSpecial?: boolean;
}

/** A part of a prompt: template text (special tokens are parsed) or somebody's words (they never are). */
export interface Segment {
  text: string;
  parseSpecial: boolean;
}

/** Turns ids into text one at a time. What it has returned is final; it never holds half a character. */
export interface TokenStream {
  /** The text that is final with this token: often one piece, sometimes none, sometimes what was held back too. */
  push(id: number): string;
  /** The rest, at the end of a generation. The stream is new afterwards. */
  flush(): string;
}

/** Text to ids and back. All of it may be called concurrently. */
export interface Tokenizer {
  /** The highest id + 1. A model's embedding may have more rows, never fewer. */
  readonly vocabSize: number;
  readonly bos: number | undefined;
  /** Every id that ends a generation; empty where none is known. */
  readonly eos: readonly number[];
  readonly unk: number | undefined;
  readonly pad: number | undefined;
  /** Ids of all special (control) tokens: what `skipSpecial` leaves out and `parseSpecial: false` never yields. */
  readonly special: ReadonlySet<number>;

  /**
   * Ids of a text, with the ids Python's tokenizer gives. Runs off the main thread. Lone surrogates count as U+FFFD.
   * @throws DeadliftError InvalidArgument (also for a `maxTokens` that is less than the special tokens), UnknownOption,
   * LimitExceeded (a text of more than 8 Mi UTF-16 units)
   */
  encode(text: string, options?: EncodeOptions): Promise<Int32Array>;

  /**
   * Two texts as one sequence, as cross-encoders read them: `[CLS] first [SEP] second [SEP]` or what the model has.
   * `types` are Python's `token_type_ids`, as many as ids.
   * @throws DeadliftError as `encode`
   */
  encodePair(first: string, second: string, options?: EncodeOptions): Promise<EncodedPair>;

  /**
   * Ids of a prompt made of parts, without added bos or eos. The ids are those of the whole text encoded at once, but
   * special tokens are recognised only where they lie completely in parts with `parseSpecial`; written anywhere else,
   * also across a border, they are ordinary text. (A special "unknown" id still stands for unknown characters.)
   * @throws DeadliftError as `encode`
   */
  encodeSegments(segments: readonly Segment[]): Promise<Int32Array>;

  /** Text of ids. Ids outside of the vocabulary have no text. The same as pushing all of them through a stream. */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;

  /** The id of a token's exact spelling in the vocabulary ("Ġthe", "▁the", "<|im_end|>"). */
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;

  stream(options?: DecodeOptions): TokenStream;
}
