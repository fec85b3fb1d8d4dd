// The four kinds of GGUF vocabulary as the parts of a tokenizer.json that give llama.cpp's ids.
import { checkCharsmap } from "./charsmap.js";
import { type GgufVocabulary, type Keys, TokenType } from "./gguf_metadata.js";
import { invalid } from "./parts.js";
import { isolated, preOf, preTokenizer } from "./pre.js";
import type { ModelJson, TokenizerJson } from "./schema.js";
import { mergesOf } from "./spm_merges.js";

type Parts = Pick<TokenizerJson, "normalizer" | "pre_tokenizer" | "decoder" | "model">;

/**
 * SentencePiece BPE. llama.cpp merges, over a whole text, the neighbours that make the token with the best score.
 * @param unk the unknown token's id
 */
export function sentencePiece(vocabulary: GgufVocabulary, keys: Keys, unk: number | undefined): Parts {
  const { tokens } = vocabulary;
  const prefixed = keys.flag("add_space_prefix") ?? true;
  const spaces = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const normalizers = prefixed ? [{ type: "Prepend", prepend: "▁" }, spaces] : [spaces];
  return {
    normalizer: { type: "Sequence", normalizers },
    pre_tokenizer: null,
    decoder: spaceDecoder(prefixed),
    model: {
      type: "BPE",
      tokens,
      merges: mergesOf(vocabulary),
      fields: { byte_fallback: true, fuse_unk: true, unk_token: unk === undefined ? null : tokens[unk]! },
    },
  };
}

function spaceDecoder(prefixed: boolean): TokenizerJson["decoder"] {
  const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
  const spaces = { type: "Replace", pattern: { String: "▁" }, content: " " };
  return {
    type: "Sequence",
    decoders: [spaces, { type: "ByteFallback" }, { type: "Fuse" }, ...(prefixed ? [strip] : [])],
  };
}

/** Byte-level BPE, cut as `tokenizer.ggml.pre` says; a few names mean characters instead. */
export function byteLevelBpe(vocabulary: GgufVocabulary, keys: Keys): Parts {
  const { tokens } = vocabulary;
  const pre = preOf(keys.string("pre") ?? "default");
  if (pre.characters) return characterBpe(vocabulary, keys);
  return {
    normalizer: null,
    pre_tokenizer: preTokenizer(pre.splits),
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: bpe(tokens, keys, { ignore_merges: pre.ignoreMerges === true }),
  };
}

/** BPE over the characters of a text with "▁" for spaces; only runs of newlines are cut off (Gemma 4). */
export function characterBpe({ tokens }: GgufVocabulary, keys: Keys): Parts {
  return {
    normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
    pre_tokenizer: isolated(String.raw`[^\n]+|[\n]+`),
    decoder: spaceDecoder(false),
    // Runs of newlines are tokens without merges.
    model: bpe(tokens, keys, { byte_fallback: true, ignore_merges: true }),
  };
}

/** BPE over the characters of words; spaces between these have no ids (Jina's embeddings for Chinese). */
export function spacedBpe({ tokens }: GgufVocabulary, keys: Keys): Parts {
  return {
    normalizer: null,
    pre_tokenizer: { type: "WhitespaceSplit" },
    decoder: null,
    model: bpe(tokens, keys, { byte_fallback: true }),
  };
}

function bpe(tokens: readonly string[], keys: Keys, fields: ModelJson["fields"]): ModelJson {
  const lines = keys.strings("merges");
  if (!lines) throw invalid("tokenizer.ggml.merges is missing");
  for (const [i, line] of lines.entries()) {
    // llama.cpp divides at the first space after the first character.
    const space = line.indexOf(" ", 1);
    if (space < 0 || space === line.length - 1) throw invalid(`tokenizer.ggml.merges[${i}] is "${line}", not a pair`);
  }
  return { type: "BPE", tokens, merges: lines, fields };
}

/** WordPiece. GGUF marks the beginnings of words with "▁" where BERT marks the other pieces with "##". */
export function wordPiece({ tokens, types }: GgufVocabulary, keys: Keys, unk: number | undefined): Parts {
  const lowercase = keys.flag("normalizer.lowercase") ?? true;
  const spelled = tokens.map((token, id) => bertSpelling(token, types[id]!));
  if (new Set(spelled).size < spelled.length) throw invalid("tokenizer.ggml.tokens has a word piece twice");
  return {
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: keys.flag("normalizer.strip_accents") ?? lowercase,
      lowercase,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      tokens: spelled,
      fields: {
        unk_token: unk === undefined ? "[UNK]" : spelled[unk]!,
        continuing_subword_prefix: "##",
        max_input_chars_per_word: 100,
      },
    },
  };
}

/** The token of BERT's vocabulary that llama.cpp's converter turned into this one. */
export function bertSpelling(token: string, type: number): string {
  if (token.startsWith("▁") && token !== "▁") return token.slice(1);
  const named = token.startsWith("[") && token.endsWith("]") && token.length > 2;
  const asIs = named || type === TokenType.control || type === TokenType.unknown || token.startsWith("\u0000");
  return asIs ? token : `##${token}`;
}

/** Unigram (T5): the cut with the best sum of scores. */
export function unigram({ tokens, scores }: GgufVocabulary, keys: Keys, unk: number | undefined): Parts {
  if (!scores) throw invalid("tokenizer.ggml.scores is missing");
  if (unk === undefined) throw invalid("a unigram vocabulary needs tokenizer.ggml.unknown_token_id");
  const charsmap = keys.numbers("precompiled_charsmap", 0);
  const base64 = charsmap && Buffer.from(Uint8Array.from(charsmap)).toString("base64");
  if (base64) checkCharsmap(base64, "tokenizer.ggml");
  const prefixed = keys.flag("add_space_prefix") ?? true;
  const merged = keys.flag("remove_extra_whitespaces") ?? false;
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: prefixed || merged ? "always" : "never" };
  return {
    normalizer: base64 ? { type: "Precompiled", precompiled_charsmap: base64 } : null,
    pre_tokenizer: merged
      ? { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, { ...metaspace, split: true }] }
      : { ...metaspace, split: false },
    decoder: { ...metaspace, split: true },
    model: { type: "Unigram", tokens, scores, fields: { unk_id: unk } },
  };
}
