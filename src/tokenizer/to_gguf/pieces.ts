// WordPiece and unigram vocabularies as keys of GGUF.

import { TokenType } from "../gguf_metadata.js";
import { invalid, isRecord, type PartJson } from "../parts.js";
import type { TokenizerJson } from "../schema.js";
import { charsmap, flag, scores, string, strings, type TokenizerEntry, types } from "./entries.js";
import { normalizersOf } from "./spm.js";

const cannot = (what: string) => invalid(`the tokenizer ${what}, which GGUF cannot say`);

/** BERT's vocabulary: the beginnings of words are marked where BERT marks what goes on. */
export function wordPieceEntries(json: TokenizerJson, tokens: readonly string[], kinds: Int32Array): TokenizerEntry[] {
  const { model, normalizer, pre_tokenizer } = json;
  const { continuing_subword_prefix: prefix, max_input_chars_per_word: longest } = model.fields;
  if ((prefix ?? "##") !== "##" || (longest ?? 100) !== 100) throw cannot("has no pieces of BERT");
  if (normalizer?.type !== "BertNormalizer" || pre_tokenizer?.type !== "BertPreTokenizer") {
    throw cannot("treats texts otherwise than BERT");
  }
  for (const field of ["clean_text", "handle_chinese_chars"]) {
    if (normalizer[field] === false) throw cannot(`has a normalizer without ${field}`);
  }
  const marked = (token: string, id: number) => {
    if (kinds[id] === TokenType.control) return token;
    return token.startsWith("##") ? token.slice(2) : `▁${token}`;
  };
  const accents = normalizer.strip_accents;
  return [
    string("model", "bert"),
    string("pre", "default"),
    strings("tokens", tokens.map(marked)),
    types(kinds),
    flag("normalizer.lowercase", normalizer.lowercase !== false),
    ...(typeof accents === "boolean" ? [flag("normalizer.strip_accents", accents)] : []),
  ];
}

/** SentencePiece's unigram vocabulary with its scores and its map of characters. */
export function unigramEntries(json: TokenizerJson, tokens: readonly string[], kinds: Int32Array): TokenizerEntry[] {
  const { model, normalizer } = json;
  if (model.fields.byte_fallback === true) throw cannot("has bytes for unknown characters in a unigram vocabulary");
  const unk = model.fields.unk_id;
  if (typeof unk !== "number") throw cannot("has a unigram vocabulary without an unknown token");
  const map = charsmapOf(normalizer);
  if (!splitsWords(json.pre_tokenizer)) throw cannot("cuts texts otherwise than at spaces");
  const withUnknown = kinds.map((kind, id) => (id === unk ? TokenType.unknown : kind));
  // Ids without a token are never the best cut.
  const of = Float32Array.from(tokens, (_, id) => model.scores![id] ?? -10000);
  return [
    string("model", "t5"),
    string("pre", "default"),
    strings("tokens", tokens),
    scores(of),
    types(withUnknown),
    flag("add_space_prefix", true),
    flag("remove_extra_whitespaces", true),
    ...(map ? [charsmap(map)] : []),
  ];
}

/** A map of characters and nothing else. Throws InvalidTokenizer for other normalizers. */
function charsmapOf(normalizer: PartJson | null): Uint8Array | undefined {
  if (normalizer === null) return undefined;
  const [first, ...others] = normalizersOf(normalizer).filter((part) => !dropsSpaces(part));
  if (first?.type !== "Precompiled" || others.length > 0) {
    throw cannot(`changes texts by ${(first?.type === "Precompiled" ? others[0] : first)?.type ?? "removing spaces"}`);
  }
  return Uint8Array.from(Buffer.from(first.precompiled_charsmap as string, "base64"));
}

/** What cutting at spaces does by itself: no space at the end, none beside another. */
function dropsSpaces({ type, strip_left, strip_right, pattern }: PartJson): boolean {
  if (type === "Strip") return strip_left !== true && strip_right === true;
  return type === "Replace" && isRecord(pattern) && pattern.Regex === " {2,}";
}

/** A space before each word, in one piece with it. */
function splitsWords(pre: PartJson | null): boolean {
  const parts = pre?.type === "Sequence" ? (pre.pretokenizers as PartJson[]) : [pre];
  const words = parts.filter((part) => part?.type !== "WhitespaceSplit");
  const [space] = words;
  const prepends =
    space?.prepend_scheme === undefined ? space?.add_prefix_space !== false : space.prepend_scheme === "always";
  return words.length === 1 && space?.type === "Metaspace" && space.split !== false && prepends;
}
