// A tokenizer from the metadata of a GGUF file, with llama.cpp's ids.

import { endsOfGeneration } from "./gguf_ends.js";
import { type GgufMetadata, type GgufVocabulary, Keys, readVocabulary, TokenType } from "./gguf_metadata.js";
import {
  bertSpelling,
  byteLevelBpe,
  characterBpe,
  sentencePiece,
  spacedBpe,
  unigram,
  wordPiece,
} from "./gguf_models.js";
import { type Blueprint, openTokenizer } from "./native_tokenizer.js";
import { invalid, type PartJson } from "./parts.js";
import { preOf } from "./pre.js";
import type { AddedTokenJson, TokenizerJson } from "./schema.js";
import type { Tokenizer } from "./tokenizer.js";

export type { GgufMetadata, GgufValue } from "./gguf_metadata.js";

/** What a model of `tokenizer.ggml.model` assumes where its file says nothing. */
interface Kind {
  readonly bos?: number;
  readonly eos?: number;
  readonly unk?: number;
  readonly sep?: number;
  /** Its separator ends texts too, and a second text is a segment of its own. */
  readonly closes?: true;
  readonly addBos: boolean;
  readonly addEos: boolean;
  parts(
    vocabulary: GgufVocabulary,
    keys: Keys,
    unk: number | undefined,
  ): Pick<TokenizerJson, "normalizer" | "pre_tokenizer" | "decoder" | "model">;
}

const kinds: Readonly<Record<string, Kind>> = {
  llama: { bos: 1, eos: 2, unk: 0, addBos: true, addEos: false, parts: sentencePiece },
  gpt2: { addBos: false, addEos: false, parts: byteLevelBpe },
  whitespace: { addBos: false, addEos: false, parts: spacedBpe },
  gemma4: { addBos: true, addEos: false, parts: characterBpe },
  bert: { bos: 101, unk: 100, sep: 102, closes: true, addBos: true, addEos: false, parts: wordPiece },
  t5: { eos: 1, unk: 2, addBos: false, addEos: true, parts: unigram },
};

/**
 * Opens the tokenizer a GGUF file describes.
 * @param metadata all metadata of the file; kept for as long as the tokenizer lives. Token strings whose bytes are not
 * UTF-8 should come decoded with U+FFFD: they keep their ids.
 * @throws DeadliftError InvalidTokenizer, also for a `tokenizer.ggml.model` or `.pre` that is not known
 */
export async function tokenizerFromGguf(metadata: GgufMetadata): Promise<Tokenizer> {
  return openTokenizer(() => draw(metadata));
}

function draw(metadata: GgufMetadata): Blueprint {
  const keys = new Keys(metadata);
  const model = keys.string("model");
  const kind = model !== undefined && Object.hasOwn(kinds, model) ? kinds[model] : undefined;
  if (!kind) throw invalid(`tokenizer.ggml.model is "${model}"; known: ${Object.keys(kinds).join(", ")}`);
  const vocabulary = readVocabulary(keys);
  const size = vocabulary.tokens.length;
  const id = (key: string, fallback?: number) =>
    keys.id(key, size) ?? (fallback !== undefined && fallback < size ? fallback : undefined);
  const bos = id("bos_token_id", kind.bos) ?? (kind.closes ? id("cls_token_id") : undefined);
  const sep = id("seperator_token_id") ?? id("separator_token_id", kind.sep);
  const eos = id("eos_token_id", kind.eos);
  const unk = id("unknown_token_id", kind.unk);
  const { ends, control } = endsOfGeneration(vocabulary.tokens, keys, eos);
  const adds = addedBesideTexts(kind, model!, keys);
  const parts = kind.parts(vocabulary, keys, unk);
  const spelled = spellingsOf(vocabulary, model === "bert");
  const last = kind.closes ? (sep ?? (adds.eos ? eos : undefined)) : adds.eos ? eos : undefined;
  const between = adds.sep ? sep : undefined;
  const json: TokenizerJson = {
    ...parts,
    added_tokens: addedTokens(vocabulary, spelled, control, keys),
    post_processor: template(spelled, { first: adds.bos ? bos : undefined, last, between }, kind.closes && !adds.sep),
  };
  return { json, bos, eos: ends, unk, pad: id("padding_token_id"), cleanUp: false, truncateLeft: false };
}

function addedBesideTexts(kind: Kind, model: string, keys: Keys): { bos: boolean; eos: boolean; sep: boolean } {
  const pre = model === "gpt2" ? preOf(keys.string("pre") ?? "default") : undefined;
  return {
    bos: pre?.alwaysBos === true || (keys.flag("add_bos_token") ?? (kind.addBos || pre?.addBos === true)),
    eos: keys.flag("add_eos_token") ?? kind.addEos,
    sep: keys.flag("add_sep_token") ?? pre?.addSep === true,
  };
}

function spellingsOf({ tokens, types }: GgufVocabulary, bert: boolean): readonly string[] {
  return bert ? tokens.map((token, id) => bertSpelling(token, types[id]!)) : tokens;
}

/** Control and unknown tokens are special; user-defined ones are always found in a text, special or not. */
function addedTokens(
  { types }: GgufVocabulary,
  spelled: readonly string[],
  control: ReadonlySet<number>,
  keys: Keys,
): AddedTokenJson[] {
  const added: AddedTokenJson[] = [];
  const strips = stripRule(keys);
  for (const [id, content] of spelled.entries()) {
    const special = types[id] === TokenType.control || types[id] === TokenType.unknown || control.has(id);
    if (!special && types[id] !== TokenType.userDefined) continue;
    added.push({ id, content, single_word: false, normalized: false, special, ...strips(content) });
  }
  return added;
}

/** Spaces beside a token that belong to it. GGUF does not say; llama.cpp goes by the names of models, and so do we. */
function stripRule(keys: Keys): (content: string) => { lstrip: boolean; rstrip: boolean } {
  const model = keys.text("general.name")?.toLowerCase() ?? "";
  const isPhi3 = model.includes("phi-3") || model.includes("phi3");
  const pre = keys.string("pre") ?? "";
  const mask = /jina-v2-(de|es|code)/.test(pre) ? "<mask>" : model.includes("modern-bert") ? "[MASK]" : undefined;
  return (content) => ({
    lstrip: content === mask,
    rstrip: isPhi3 && !["<unk>", "<s>", "<|endoftext|>"].includes(content),
  });
}

interface Around {
  readonly first: number | undefined;
  readonly last: number | undefined;
  readonly between: number | undefined;
}

/** @param segments a second text is a segment of its own */
function template(
  spelled: readonly string[],
  { first, last, between }: Around,
  segments: boolean | undefined,
): PartJson | null {
  const type = segments ? 1 : 0;
  const special = (id: number | undefined, type_id: 0 | 1 = 0) =>
    id === undefined ? [] : [{ SpecialToken: { id: spelled[id]!, type_id } }];
  const single = [...special(first), { Sequence: { id: "A", type_id: 0 } }, ...special(last)];
  const second = [{ Sequence: { id: "B", type_id: type } }, ...special(last, type)];
  const defined = [first, last, between].filter((id) => id !== undefined);
  if (defined.length === 0) return null;
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, ...special(between), ...second],
    special_tokens: Object.fromEntries(
      defined.map((id) => [spelled[id]!, { id: spelled[id]!, ids: [id], tokens: [spelled[id]!] }]),
    ),
  };
}
