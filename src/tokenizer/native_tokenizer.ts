// A tokenizer.json run by the native `tokenizers` library: encoding there, decoding here.
import { setImmediate } from "node:timers/promises";
import type { Tokenizer as Library } from "tokenizers";
import { DeadliftError, expected } from "../error.js";
import { cutsAtWords, inParts } from "./cuts.js";
import { type Chain, compileDecoder } from "./decoder.js";
import { makeSecrets, mask, type Secrets } from "./mask.js";
import { Matcher } from "./matcher.js";
import { invalid } from "./parts.js";
import { stringify, type TokenizerJson } from "./schema.js";
import { type EncodedPair, Surroundings } from "./surroundings.js";
import type { DecodeOptions, EncodeOptions, Segment, Tokenizer, TokenStream } from "./tokenizer.js";
import { fillHoles, spellings } from "./vocabulary.js";

/** A tokenizer.json and what it does not say. */
export interface Blueprint {
  json: TokenizerJson;
  bos: number | undefined;
  eos: readonly number[];
  unk: number | undefined;
  pad: number | undefined;
  /** Apply `clean_up_tokenization_spaces` to decoded text. */
  cleanUp: boolean;
  /** Texts that are too long lose their beginning. */
  truncateLeft: boolean;
}

/**
 * Longest text of one call, in UTF-16 units. The library's regex engine gives up, and ends the process, after 10
 * million steps back; a run of spaces takes one step per space.
 */
export const MAX_TEXT = 8 * 2 ** 20;

/**
 * Opens a tokenizer.
 * @param draw makes the blueprint; called again for the second, masked instance when that is first needed
 * @throws DeadliftError InvalidTokenizer, NativeUnavailable
 */
export async function openTokenizer(draw: () => Blueprint): Promise<Tokenizer> {
  const open = await library();
  try {
    // A large vocabulary takes tens of milliseconds, and what native code makes of it cannot leave its thread: all is done
    // on this one, in parts between which the event loop gets its turn.
    const blueprint = draw();
    await setImmediate();
    const json = fillHoles(blueprint.json);
    const library = open(json);
    await setImmediate();
    const openMasked = (secrets: Secrets) => open(mask(fillHoles(draw().json), secrets));
    return new NativeTokenizer({ ...blueprint, json }, library, openMasked);
  } catch (error) {
    if (error instanceof RangeError) throw invalid("the tokenizer is nested too deeply", error);
    throw error;
  }
}

/** Loads the native library when it is first needed, since the rest of deadlift works without it: opens a tokenizer.json. */
export async function library(): Promise<(json: TokenizerJson) => Library> {
  const { Tokenizer: Native } = await import("tokenizers").catch((cause: unknown) => {
    throw new DeadliftError("NativeUnavailable", `the tokenizers library has no build for this platform: ${cause}`, {
      cause,
    });
  });
  return (json) => {
    try {
      return Native.fromString(stringify(json));
    } catch (cause) {
      throw invalid(`the tokenizer cannot be built: ${(cause as Error).message}`, cause);
    }
  };
}

class NativeTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bos: number | undefined;
  readonly eos: readonly number[];
  readonly unk: number | undefined;
  readonly pad: number | undefined;
  readonly special: ReadonlySet<number>;
  readonly #library: Library;
  readonly #openMasked: (secrets: Secrets) => Library;
  readonly #tokens: readonly (string | undefined)[];
  readonly #makeChain: () => Chain;
  readonly #matcher: Matcher;
  readonly #secrets: Secrets;
  readonly #surroundings: Surroundings;
  readonly #fromLeft: boolean;
  readonly #cuts: boolean;
  #masked: Library | undefined;

  constructor(blueprint: Blueprint, library: Library, openMasked: (secrets: Secrets) => Library) {
    const { json } = blueprint;
    const specials = json.added_tokens.filter((token) => token.special);
    this.#library = library;
    this.#openMasked = openMasked;
    this.#tokens = spellings(json);
    this.#matcher = new Matcher(json.added_tokens);
    this.#secrets = makeSecrets(specials);
    this.#surroundings = new Surroundings(json.post_processor);
    this.#fromLeft = blueprint.truncateLeft;
    this.#cuts = cutsAtWords(json);
    this.#makeChain = compileDecoder(json.decoder, blueprint.cleanUp);
    this.vocabSize = this.#tokens.length;
    this.special = new Set(specials.map((token) => token.id));
    this.bos = blueprint.bos;
    this.eos = blueprint.eos;
    this.unk = blueprint.unk;
    this.pad = blueprint.pad;
    for (const { content, id } of json.added_tokens) {
      const got = library.tokenToId(content);
      if (got !== id) throw invalid(`"${content}" should have the id ${id} but comes out as ${got}`);
    }
  }

  async encode(text: string, options: EncodeOptions = {}): Promise<Int32Array> {
    return (await this.#encodeTexts([text], options)).ids;
  }

  async encodePair(first: string, second: string, options: EncodeOptions = {}): Promise<EncodedPair> {
    return this.#encodeTexts([first, second], options);
  }

  async #encodeTexts(texts: readonly string[], options: EncodeOptions): Promise<EncodedPair> {
    checkOptions(options, ["special", "parseSpecial", "maxTokens"]);
    const { special = true, parseSpecial = true, maxTokens } = options;
    if (maxTokens !== undefined && !(Number.isInteger(maxTokens) && maxTokens >= 0)) {
      throw new DeadliftError("InvalidArgument", expected("a whole number", "maxTokens", maxTokens));
    }
    const ids = await Promise.all(texts.map((text) => this.#idsOf([{ text, parseSpecial }])));
    return this.#surroundings.join(ids, { special, maxTokens, fromLeft: this.#fromLeft });
  }

  async encodeSegments(segments: readonly Segment[]): Promise<Int32Array> {
    return this.#idsOf(segments);
  }

  async #idsOf(segments: readonly Segment[]): Promise<Int32Array> {
    for (const { text } of segments) {
      if (typeof text !== "string") throw new DeadliftError("InvalidArgument", expected("a string", "text", text));
    }
    const text = segments.map((segment) => segment.text).join("");
    if (text.length > MAX_TEXT) {
      throw new DeadliftError("LimitExceeded", `a text of ${text.length} characters; the limit is ${MAX_TEXT}`);
    }
    const parsed = segments.every((segment) => segment.parseSpecial || segment.text === "");
    return parsed ? this.#run(text) : this.#encodeGuarded(segments, text);
  }

  /**
   * Encodes the whole text at once and looks whether its special ids are exactly those the template has. Where they
   * are not, or a part that is only text has a look-alike, does the same with the masked instance: there the
   * template's own special tokens get their secret spelling, and nothing else can match.
   */
  async #encodeGuarded(segments: readonly Segment[], text: string): Promise<Int32Array> {
    const { own, secret } = this.#markOwn(segments, text);
    if (!segments.some((segment) => !segment.parseSpecial && this.#matcher.occursIn(segment.text))) {
      const ids = await this.#run(text);
      if (this.#hasOnly(ids, own)) return ids;
    }
    this.#masked ??= this.#openMasked(this.#secrets);
    const ids = await run(this.#masked, secret);
    if (this.#hasOnly(ids, own)) return ids;
    throw invalid("this tokenizer does not keep special tokens apart from text that looks like them");
  }

  #run(text: string): Promise<Int32Array> {
    return this.#cuts ? inParts(text, (part) => run(this.#library, part)) : run(this.#library, text);
  }

  /** The special tokens of the parsed segments, and the text with these in their secret spelling. */
  #markOwn(segments: readonly Segment[], text: string): { own: number[]; secret: string } {
    const own: number[] = [];
    let secret = "";
    let done = 0;
    for (const [start, end] of parsedRuns(segments)) {
      for (const match of this.#matcher.find(text, start, end)) {
        own.push(match.token.id);
        secret += text.slice(done, match.start) + this.#secrets.get(match.token.content);
        done = match.end;
      }
    }
    return { own, secret: secret + text.slice(done) };
  }

  /** Whether the special ids are these. Unknown characters may add the unknown token anywhere. */
  #hasOnly(ids: Int32Array, own: readonly number[]): boolean {
    const counts = (id: number) => id !== this.unk && this.special.has(id);
    const found = ids.filter(counts);
    const wanted = own.filter(counts);
    return found.length === wanted.length && found.every((id, i) => id === wanted[i]);
  }

  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const stream = this.stream(options);
    const pieces: string[] = [];
    for (const id of ids) pieces.push(stream.push(id));
    pieces.push(stream.flush());
    return pieces.join("");
  }

  stream(options: DecodeOptions = {}): TokenStream {
    checkOptions(options, ["skipSpecial"]);
    const { skipSpecial = false } = options;
    const chain = this.#makeChain();
    const push = (id: number) => {
      if (!Number.isInteger(id)) throw new DeadliftError("InvalidArgument", expected("an integer", "a token id", id));
      const token = this.#tokens[id];
      return token === undefined || (skipSpecial && this.special.has(id)) ? "" : chain.push(token);
    };
    return { push, flush: chain.flush };
  }

  tokenToId(token: string): number | undefined {
    return this.#library.tokenToId(token) ?? undefined;
  }

  idToToken(id: number): string | undefined {
    return this.#tokens[id];
  }
}

/** Neighbouring parsed segments as one: a special token may lie across them. */
function* parsedRuns(segments: readonly Segment[]): Generator<[start: number, end: number]> {
  let [start, at] = [0, 0];
  for (const { text, parseSpecial } of segments) {
    if (!parseSpecial && text !== "") {
      if (at > start) yield [start, at];
      start = at + text.length;
    }
    at += text.length;
  }
  if (at > start) yield [start, at];
}

/** Encodes in the library's thread pool. It finds out only now that an unknown token is missing. */
async function run(library: Library, text: string): Promise<Int32Array> {
  try {
    return new Int32Array((await library.encode(text, null, { addSpecialTokens: false })).getIds());
  } catch (cause) {
    throw invalid(`the tokenizer cannot encode this text: ${(cause as Error).message}`, cause);
  }
}

function checkOptions(options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new DeadliftError("UnknownOption", `there is no option "${key}" here; known: ${known.join(", ")}`);
    }
  }
}
