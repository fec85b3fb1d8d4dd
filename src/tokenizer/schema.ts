// The parts of a tokenizer.json, checked before the native library sees them: its panics end the process.
import { expected } from "../error.js";
import { checkPart, invalid, isRecord, normalizers, type PartJson, postProcessors, preTokenizers } from "./parts.js";

export interface AddedTokenJson {
  id: number;
  content: string;
  single_word: boolean;
  lstrip: boolean;
  rstrip: boolean;
  normalized: boolean;
  special: boolean;
}

/** A model. Its vocabulary is an array by id: an object of 262k keys takes longer to walk than a file to read. */
export interface ModelJson {
  type: "BPE" | "WordPiece" | "WordLevel" | "Unigram";
  /** Spellings by id; undefined where no token has the id. */
  tokens: readonly (string | undefined)[];
  /** Unigram only: log-probabilities by id. */
  scores?: ArrayLike<number>;
  /** BPE only: pairs, or lines of two tokens and a space between. */
  merges?: readonly string[] | readonly (readonly [string, string])[];
  /** The other fields, as in the file. */
  fields: Readonly<Record<string, unknown>>;
}

/** What we run of a tokenizer.json: truncation and padding are never done. */
export interface TokenizerJson {
  added_tokens: AddedTokenJson[];
  normalizer: PartJson | null;
  pre_tokenizer: PartJson | null;
  post_processor: PartJson | null;
  decoder: PartJson | null;
  model: ModelJson;
}

/** Four times the largest vocabulary known; bounds what an id out of nowhere can make us allocate. */
export const MAX_VOCAB = 4 * 2 ** 20;

const isString = (value: unknown): value is string => typeof value === "string";

/** Reads and checks a whole tokenizer.json. */
export function checkTokenizer(json: unknown): TokenizerJson {
  if (!isRecord(json)) throw invalid(expected("an object", "tokenizer.json", json));
  const model = checkModel(json.model);
  return {
    added_tokens: checkAddedTokens(json.added_tokens ?? []),
    normalizer: checkPart(json.normalizer, "normalizer", normalizers),
    pre_tokenizer: checkPart(json.pre_tokenizer, "pre_tokenizer", preTokenizers),
    post_processor: checkPart(json.post_processor, "post_processor", postProcessors),
    decoder: checkPart(json.decoder, "decoder", undefined),
    model,
  };
}

/** The text the library reads. It needs no decoder: decoding is done here. */
export function stringify({ model, ...parts }: TokenizerJson): string {
  const { type, tokens, scores, merges, fields } = model;
  const vocab = scores
    ? `[${tokens.map((token, id) => `[${JSON.stringify(token)},${scores[id]}]`)}]`
    : `{${tokens.map((token, id) => `${JSON.stringify(token)}:${id}`)}}`;
  const rest = JSON.stringify({ ...fields, dropout: null, type, ...(merges && { merges }) });
  const whole = JSON.stringify({ version: "1.0", truncation: null, padding: null, ...parts, decoder: null });
  return `${whole.slice(0, -1)},"model":{"vocab":${vocab},${rest.slice(1)}}`;
}

function checkAddedTokens(tokens: unknown): AddedTokenJson[] {
  if (!Array.isArray(tokens)) throw invalid(expected("an array", "added_tokens", tokens));
  const idOf = new Map<string, number>();
  return Array.from(tokens, (entry, i) => {
    const name = `added_tokens[${i}]`;
    if (!isRecord(entry)) throw invalid(expected("an object", name, entry));
    const token = { ...checkAddedToken(entry, name), id: checkId(entry.id, `${name}.id`) };
    const other = idOf.get(token.content) ?? token.id;
    if (other !== token.id) throw invalid(`"${token.content}" of added_tokens has the ids ${other} and ${token.id}`);
    idOf.set(token.content, token.id);
    return token;
  });
}

/** The fields of an added token but its id; missing flags are false, as in Rust's `AddedToken`. */
export function checkAddedToken(token: Record<string, unknown>, name: string): Omit<AddedTokenJson, "id"> {
  if (typeof token.content !== "string") throw invalid(expected("a string", `${name}.content`, token.content));
  const flag = (key: string, fallback = false) => (typeof token[key] === "boolean" ? token[key] : fallback);
  const special = flag("special");
  return {
    content: token.content,
    single_word: flag("single_word"),
    lstrip: flag("lstrip"),
    rstrip: flag("rstrip"),
    normalized: flag("normalized", !special),
    special,
  };
}

export function checkId(id: unknown, name: string): number {
  if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < MAX_VOCAB) return id;
  throw invalid(expected(`an id from 0 to ${MAX_VOCAB - 1}`, name, id));
}

function checkModel(model: unknown): ModelJson {
  if (!isRecord(model)) throw invalid(expected("an object", "model", model));
  const { type = guessType(model), vocab, merges, ...fields } = model;
  switch (type) {
    case "Unigram":
      return { type, ...checkPieces(vocab), fields };
    case "WordPiece":
    case "WordLevel":
      return { type, tokens: checkVocab(vocab), fields };
    case "BPE":
      return { type, tokens: checkVocab(vocab), merges: checkMerges(merges, fields), fields };
  }
  throw invalid(expected("BPE, WordPiece, WordLevel or Unigram", "model.type", type));
}

/** Files older than the `type` field. */
function guessType(model: Record<string, unknown>): string | undefined {
  if (Array.isArray(model.vocab)) return "Unigram";
  if ("merges" in model) return "BPE";
  return "continuing_subword_prefix" in model ? "WordPiece" : undefined;
}

function checkPieces(vocab: unknown): { tokens: string[]; scores: number[] } {
  if (!Array.isArray(vocab) || vocab.length === 0) throw invalid(expected("an array of pieces", "model.vocab", vocab));
  for (const [i, piece] of vocab.entries()) {
    const fine = Array.isArray(piece) && isString(piece[0]) && Number.isFinite(piece[1]);
    if (!fine) throw invalid(expected("[token, score]", `model.vocab[${i}]`, piece));
  }
  return { tokens: vocab.map(([token]) => token), scores: vocab.map(([, score]) => score) };
}

function checkVocab(vocab: unknown): (string | undefined)[] {
  if (!isRecord(vocab)) throw invalid(expected("an object of ids", "model.vocab", vocab));
  const tokens: (string | undefined)[] = [];
  for (const [token, value] of Object.entries(vocab)) {
    const id = checkId(value, `the id of "${token}"`);
    if (tokens[id] !== undefined) throw invalid(`"${tokens[id]}" and "${token}" of model.vocab have the same id ${id}`);
    tokens[id] = token;
  }
  return tokens;
}

/** All of them lines, or all of them pairs; the library accepts no mixture either. */
function checkMerges(merges: unknown, fields: Readonly<Record<string, unknown>>): NonNullable<ModelJson["merges"]> {
  if (!Array.isArray(merges)) throw invalid(expected("an array", "model.merges", merges));
  const prefix = typeof fields.continuing_subword_prefix === "string" ? fields.continuing_subword_prefix : "";
  for (const [i, merge] of merges.entries()) {
    const pair = typeof merge === "string" ? merge.split(" ") : merge;
    const fine = Array.isArray(pair) && pair.length === 2 && isString(pair[0]) && isString(pair[1]);
    if (!fine) throw invalid(expected("a pair of tokens", `model.merges[${i}]`, merge));
    // The library cuts the prefix off without looking.
    if (!pair[1]!.startsWith(prefix)) throw invalid(`"${pair[1]}" of model.merges[${i}] lacks the prefix "${prefix}"`);
  }
  return merges;
}
