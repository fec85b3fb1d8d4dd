// The parts of a tokenizer.json, checked before the native library sees them: its panics end the process.
import { DeadliftError, expected } from "../error.js";
import { checkCharsmap } from "./charsmap.js";
import type { DecoderJson } from "./decoder.js";

export interface AddedTokenJson {
  id: number;
  content: string;
  single_word: boolean;
  lstrip: boolean;
  rstrip: boolean;
  normalized: boolean;
  special: boolean;
}

export interface PartJson {
  type: string;
  [field: string]: unknown;
}

export interface ModelJson {
  type: "BPE" | "WordPiece" | "WordLevel" | "Unigram";
  /** Unigram: [token, score] by id; the others: token to id. */
  vocab: Record<string, number> | [string, number][];
  merges?: [string, string][];
  [field: string]: unknown;
}

export interface TokenizerJson {
  version: string;
  truncation: null;
  padding: null;
  added_tokens: AddedTokenJson[];
  normalizer: PartJson | null;
  pre_tokenizer: PartJson | null;
  post_processor: PartJson | null;
  decoder: DecoderJson | null;
  model: ModelJson;
}

/** Four times the largest vocabulary known; bounds what an id out of nowhere can make us allocate. */
export const MAX_VOCAB = 4 * 2 ** 20;

export const invalid = (message: string, cause?: unknown) =>
  new DeadliftError("InvalidTokenizer", message, cause === undefined ? undefined : { cause });

/** A plain object, not an array and not null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads and checks a whole tokenizer.json. Truncation and padding are dropped: `encode` does neither. */
export function checkTokenizer(json: unknown): TokenizerJson {
  if (!isRecord(json)) throw invalid(expected("an object", "tokenizer.json", json));
  const model = checkModel(json.model);
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: checkAddedTokens(json.added_tokens ?? []),
    normalizer: checkPart(json.normalizer, "normalizer", normalizers),
    pre_tokenizer: checkPart(json.pre_tokenizer, "pre_tokenizer", preTokenizers),
    post_processor: checkPart(json.post_processor, "post_processor", postProcessors),
    decoder: checkPart(json.decoder, "decoder", undefined),
    model,
  };
}

function checkAddedTokens(tokens: unknown): AddedTokenJson[] {
  if (!Array.isArray(tokens)) throw invalid(expected("an array", "added_tokens", tokens));
  const idOf = new Map<string, number>();
  return tokens.map((entry, i) => {
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
  const type = model.type ?? guessType(model);
  if (type === "Unigram") checkPieces(model.vocab);
  else if (type === "BPE" || type === "WordPiece" || type === "WordLevel") checkVocab(model.vocab);
  else throw invalid(expected("BPE, WordPiece, WordLevel or Unigram", "model.type", type));
  const merges = type === "BPE" ? { merges: checkMerges(model.merges, model.continuing_subword_prefix) } : {};
  return { ...model, type, ...merges } as ModelJson;
}

/** Files older than the `type` field. */
function guessType(model: Record<string, unknown>): string | undefined {
  if (Array.isArray(model.vocab)) return "Unigram";
  if ("merges" in model) return "BPE";
  return "continuing_subword_prefix" in model ? "WordPiece" : undefined;
}

function checkPieces(vocab: unknown): void {
  if (!Array.isArray(vocab) || vocab.length === 0) throw invalid(expected("an array of pieces", "model.vocab", vocab));
  for (const [i, piece] of vocab.entries()) {
    const fine = Array.isArray(piece) && typeof piece[0] === "string" && Number.isFinite(piece[1]);
    if (!fine) throw invalid(expected("[token, score]", `model.vocab[${i}]`, piece));
  }
}

function checkVocab(vocab: unknown): void {
  if (!isRecord(vocab)) throw invalid(expected("an object of ids", "model.vocab", vocab));
  const tokenOf = new Map<unknown, string>();
  for (const token of Object.keys(vocab)) {
    const id = checkId(vocab[token], `the id of "${token}"`);
    if (tokenOf.has(id)) throw invalid(`"${tokenOf.get(id)}" and "${token}" of model.vocab have the same id ${id}`);
    tokenOf.set(id, token);
  }
}

/** Merges as pairs, whichever of the two spellings the file has. */
function checkMerges(merges: unknown, prefix: unknown): [string, string][] {
  if (!Array.isArray(merges)) throw invalid(expected("an array", "model.merges", merges));
  const start = typeof prefix === "string" ? prefix : "";
  return merges.map((merge, i) => {
    const pair = typeof merge === "string" ? merge.split(" ") : merge;
    const fine = Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === "string");
    if (!fine) throw invalid(expected("a pair of tokens", `model.merges[${i}]`, merge));
    // The library cuts the prefix off without looking.
    if (!pair[1]!.startsWith(start)) throw invalid(`"${pair[1]}" of model.merges[${i}] lacks the prefix "${start}"`);
    return pair as [string, string];
  });
}

/** The children of composite parts, by type; undefined: any type (a type that panics nowhere). */
type Check = (part: PartJson, name: string) => void;
type Checks = Readonly<Record<string, Check>>;

function checkPart(part: unknown, name: string, checks: Checks | undefined): PartJson | null {
  if (part === undefined || part === null) return null;
  if (!isRecord(part) || typeof part.type !== "string") throw invalid(expected("an object with a type", name, part));
  const check = checks?.[part.type];
  if (checks && !Object.hasOwn(checks, part.type)) {
    throw invalid(`${name} has the unknown type "${part.type}"; known: ${Object.keys(checks).join(", ")}`);
  }
  check?.(part as PartJson, name);
  return part as PartJson;
}

const fine: Check = () => {};
const sequence =
  (field: string, checks: () => Checks): Check =>
  (part, name) => {
    const parts = part[field];
    if (!Array.isArray(parts)) throw invalid(expected("an array", `${name}.${field}`, parts));
    for (const [i, one] of parts.entries()) {
      if (checkPart(one, `${name}.${field}[${i}]`, checks()) === null) throw invalid(`${name}.${field}[${i}] is null`);
    }
  };

const normalizers: Checks = {
  BertNormalizer: fine,
  ByteLevel: fine,
  Lowercase: fine,
  NFC: fine,
  NFD: fine,
  NFKC: fine,
  NFKD: fine,
  Nmt: fine,
  Precompiled: (part, name) => checkCharsmap(part.precompiled_charsmap, name),
  Prepend: fine,
  Replace: fine,
  Sequence: sequence("normalizers", () => normalizers),
  Strip: fine,
  StripAccents: fine,
};

const preTokenizers: Checks = {
  BertPreTokenizer: fine,
  ByteLevel: fine,
  CharDelimiterSplit: fine,
  Digits: fine,
  FixedLength: (part, name) => {
    if (typeof part.length !== "number" || part.length < 1)
      throw invalid(expected("1 or more", `${name}.length`, part.length));
  },
  Metaspace: fine,
  Punctuation: fine,
  Sequence: sequence("pretokenizers", () => preTokenizers),
  Split: fine,
  UnicodeScripts: fine,
  Whitespace: fine,
  WhitespaceSplit: fine,
};

const postProcessors: Checks = {
  BertProcessing: fine,
  ByteLevel: fine,
  RobertaProcessing: fine,
  Sequence: sequence("processors", () => postProcessors),
  TemplateProcessing: checkTemplate,
};

/** Every special token a template names must be defined: the library looks it up without asking. */
function checkTemplate(part: PartJson, name: string): void {
  const defined = isRecord(part.special_tokens) ? part.special_tokens : {};
  for (const field of ["single", "pair"]) {
    const items = part[field] ?? [];
    if (!Array.isArray(items)) throw invalid(expected("an array", `${name}.${field}`, items));
    for (const item of items) {
      const id = isRecord(item) && isRecord(item.SpecialToken) ? item.SpecialToken.id : undefined;
      if (id === undefined) continue;
      if (typeof id !== "string" || !Object.hasOwn(defined, id)) throw invalid(`${name}.special_tokens lacks "${id}"`);
    }
  }
  for (const [token, entry] of Object.entries(defined)) {
    const { id, ids, tokens } = isRecord(entry) ? entry : ({} as Record<string, unknown>);
    const equal = Array.isArray(ids) && Array.isArray(tokens) && ids.length === tokens.length && id === token;
    if (!equal)
      throw invalid(expected("its id, and as many ids as tokens", `${name}.special_tokens["${token}"]`, entry));
  }
}
