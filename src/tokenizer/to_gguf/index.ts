// A tokenizer.json as the keys of GGUF that llama.cpp and our own reader make the same ids of.

import { endsOfGeneration } from "../gguf_ends.js";
import { Keys, TokenType } from "../gguf_metadata.js";
import { settleTokenizer, type TokenizerFiles } from "../json.js";
import { invalid } from "../parts.js";
import { preOf } from "../pre.js";
import type { TokenizerJson } from "../schema.js";
import { spellings } from "../vocabulary.js";
import { flag, scores, string, strings, type TokenizerEntry, types } from "./entries.js";
import { unigramEntries, wordPieceEntries } from "./pieces.js";
import { preNameOf } from "./pre_names.js";
import { specialEntries } from "./specials.js";
import { isSentencePiece, normalizersOf, prefixesSpace, scoresOf } from "./spm.js";

export type { TokenizerEntry } from "./entries.js";

export interface ToGgufFiles extends TokenizerFiles {
  /** config.json. */
  readonly modelConfig?: Readonly<Record<string, unknown>> | undefined;
  /** Rows of the embedding table: ids without a token get a placeholder, as llama.cpp wants one for each row. */
  readonly vocab: number;
  /** Every id that ends a generation. */
  readonly ends: readonly number[];
}

/**
 * The `tokenizer.ggml.*` keys for a tokenizer.json, in the order llama.cpp's converter writes them. A normaliser to NFC
 * is left out, since GGUF has none.
 * @throws DeadliftError InvalidTokenizer, also for tokenizers that GGUF cannot hold
 */
export async function tokenizerToGguf(json: string | object, files: ToGgufFiles): Promise<TokenizerEntry[]> {
  const { vocab, ends, modelConfig = {}, ...rest } = files;
  const { config, settled } = settleTokenizer(json, rest);
  const spelled = spellings(settled);
  if (spelled.length > vocab) {
    throw invalid(
      `expected at most ${vocab} tokens, one for each row of the embedding table, received ${spelled.length}`,
    );
  }
  const sentencePiece = isSentencePiece(settled);
  const tokens = Array.from({ length: vocab }, (_, id) => spelled[id] ?? `[PAD${id}]`);
  const kinds = tokenTypes(settled, spelled, vocab, sentencePiece);
  const parts = await partsOf(settled, config, tokens, kinds);
  const known = new Set(endsOfGeneration(tokens, new Keys(new Map()), undefined).ends);
  const source = { tokenizer: settled, config, modelConfig, ends, known, vocab };
  return [...parts.entries, ...specialEntries({ ...source, assumed: parts.assumed })];
}

interface Parts {
  readonly entries: TokenizerEntry[];
  /** What readers add unless the file says otherwise. */
  readonly assumed: { readonly bos: boolean; readonly eos: boolean };
}

type Fields = Readonly<Record<string, unknown>>;

async function partsOf(json: TokenizerJson, config: Fields, tokens: string[], kinds: Int32Array): Promise<Parts> {
  if (isSentencePiece(json)) return sentencePieceEntries(json, config, tokens, kinds);
  if (json.model.type === "WordPiece") {
    return { entries: wordPieceEntries(json, tokens, kinds), assumed: { bos: true, eos: false } };
  }
  if (json.model.type === "Unigram") {
    return { entries: unigramEntries(json, tokens, kinds), assumed: { bos: false, eos: true } };
  }
  return byteLevelEntries(json, tokens, kinds);
}

async function byteLevelEntries(json: TokenizerJson, tokens: string[], kinds: Int32Array): Promise<Parts> {
  const { model, normalizer } = json;
  if (model.type !== "BPE")
    throw invalid(`expected a BPE, WordPiece or unigram tokenizer, as GGUF has them, received ${model.type}`);
  const change = normalizersOf(normalizer).find(({ type }) => type !== "NFC");
  if (change) throw invalid(`the tokenizer changes texts by ${change.type}, which GGUF cannot say of byte-level BPE`);
  for (const name of ["continuing_subword_prefix", "end_of_word_suffix"]) {
    if (model.fields[name]) throw invalid(`the tokenizer has a ${name}, which GGUF cannot say`);
  }
  const pre = await preNameOf(json);
  const merges = (model.merges ?? []).map((merge) => (typeof merge === "string" ? merge : escaped(merge)));
  return {
    entries: [
      string("model", "gpt2"),
      string("pre", pre),
      strings("tokens", asFound(tokens, kinds)),
      types(kinds),
      ...(merges.length > 0 ? [strings("merges", merges)] : []),
    ],
    assumed: { bos: preOf(pre).addBos === true, eos: false },
  };
}

/** Spaces within a part would look like the one between them. */
function escaped([left, right]: readonly [string, string]): string {
  return `${left.replaceAll(" ", "Ġ")} ${right.replaceAll(" ", "Ġ")}`;
}

function sentencePieceEntries(json: TokenizerJson, config: Fields, tokens: string[], kinds: Int32Array): Parts {
  const prefixed = prefixesSpace(json);
  const isStated = typeof config.add_prefix_space === "boolean";
  return {
    entries: [
      ...(isStated || !prefixed ? [flag("add_space_prefix", prefixed)] : []),
      string("model", "llama"),
      string("pre", "default"),
      strings("tokens", asFound(tokens, kinds)),
      scores(scoresOf(json.model, tokens, kinds)),
      types(kinds),
    ],
    assumed: { bos: true, eos: false },
  };
}

/** Tokens that are looked for in texts have the spaces of texts. */
function asFound(tokens: readonly string[], kinds: Int32Array): string[] {
  return tokens.map((token, id) => (kinds[id] === TokenType.userDefined ? token.replaceAll("▁", " ") : token));
}

/** Special tokens, and those that look so, are control tokens; other added ones are found in every text. */
function tokenTypes(
  { added_tokens }: TokenizerJson,
  spelled: readonly (string | undefined)[],
  vocab: number,
  bytes: boolean,
): Int32Array {
  const kinds = Int32Array.from({ length: vocab }, (_, id) => {
    const token = spelled[id];
    if (token === undefined) return TokenType.unused;
    return bytes && /^<0x[0-9A-Fa-f]{2}>$/.test(token) ? TokenType.byte : TokenType.normal;
  });
  for (const { id, content, special } of added_tokens) {
    if (kinds[id] === TokenType.byte) continue;
    kinds[id] = special || looksSpecial(content) ? TokenType.control : TokenType.userDefined;
  }
  return kinds;
}

/** Authors forget to say so (names as llama.cpp's converter knows them). */
function looksSpecial(token: string): boolean {
  return /^(<pad>|<mask>|<2mass>|\[@BOS@\]|<\|.*\|>|<｜.*｜>|<unused.*>)$/s.test(token);
}
