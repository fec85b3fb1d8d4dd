// The goldens of fixtures/tokenizer/make.py, and tokenizers to go with them.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { TokenizerFiles } from "../src/tokenizer/json.js";

const read = (name: string) => JSON.parse(readFileSync(new URL(`fixtures/tokenizer/${name}`, import.meta.url), "utf8"));

type Decoded = [ids: number[], text: string, withoutSpecial: string];

export const corpus: { texts: string[]; ids: Record<string, number[][]> } = read("corpus.json");

/** Small tokenizers of every kind; `texts` are indices into the corpus. */
export const synthetic: Record<string, { json: object; texts: number[]; ids: number[][]; decoded: Decoded[] }> =
  read("synthetic.json");

export const transformers: {
  name: string;
  json: object;
  config: NonNullable<TokenizerFiles["config"]>;
  modelType: string | null;
  bos: number | null;
  eos: number | null;
  encoded: [text: string, ids: number[], bare: number[]][];
  decoded: Decoded[];
}[] = read("transformers.json");

/** Numbers from 0 to 1, the same in every run. */
export function randomness(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface AddedToken {
  id?: number;
  lstrip: boolean;
  rstrip: boolean;
  content: string;
}

/** A family of families.py: parts of a tokenizer.json, files beside it, and checksums of what Python gives. */
export interface Family {
  name: string;
  vocabulary: string;
  /** Pieces around those of a unigram vocabulary. */
  before?: string[];
  behind?: string[];
  added: AddedToken[];
  model: Record<string, unknown>;
  normalizer: object | null;
  pre_tokenizer: object | null;
  post_processor: object | null;
  decoder: object;
  config: NonNullable<TokenizerFiles["config"]>;
  model_type: string;
  as_written?: boolean;
  ids: string;
  texts: string;
  pairs: string;
  short: string;
}

interface Vocabulary {
  tokens?: string[];
  merges?: [string, string][];
  pieces?: [string, number][];
}

interface Families {
  texts: string[];
  pairs: [first: number, second: number, maxTokens: number | null][];
  vocabularies: Record<string, Vocabulary> & { charsmap: string };
  /** Checksums of published tokenizers. */
  published: Record<string, { ids: string; pairs: string }>;
  families: Family[];
}

/** The tokenizers of families.py, and the texts they are held to. */
export function readFamilies(): Families {
  const packed = readFileSync(new URL("fixtures/tokenizer/families.json.gz", import.meta.url));
  return JSON.parse(gunzipSync(packed).toString("utf8"));
}

/** The tokenizer.json of a family. Keep in step with families.py, which does the same. */
export function familyJson(family: Family, { vocabularies }: Families) {
  const { tokens, merges, pieces } = vocabularies[family.vocabulary]!;
  const scored = (names: string[]) => names.map((token) => [token, 0] as const);
  const vocab = pieces
    ? [...scored(family.before!), ...pieces, ...scored(family.behind!)]
    : Object.fromEntries(tokens!.map((token, id) => [token, id]));
  let next = pieces ? (vocab as unknown[]).length : tokens!.length;
  const normalizer = JSON.stringify(family.normalizer).replace('"charsmap"', JSON.stringify(vocabularies.charsmap));
  return {
    version: "1.0",
    added_tokens: family.added.map((token) => ({ ...token, id: token.id ?? next++ })),
    normalizer: JSON.parse(normalizer) as object | null,
    pre_tokenizer: family.pre_tokenizer,
    post_processor: family.post_processor,
    decoder: family.decoder,
    model: { ...family.model, vocab, ...(merges && { merges }) },
  };
}

/** The files beside a family's tokenizer.json. */
export function familyFiles({ config, model_type, as_written }: Family): TokenizerFiles {
  if (!as_written) return { config, modelType: model_type };
  return { config: { ...config, tokenizer_class: "PreTrainedTokenizerFast" }, modelType: model_type };
}

/** Checksums of families.py: of texts, and of lists of ids. */
export const checkOf = {
  text: (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 8),
  ids: (...lists: ArrayLike<number>[]) => {
    const numbers = lists.flatMap((ids) => [ids.length, ...Array.from(ids)]);
    return createHash("sha256")
      .update(new Uint8Array(Int32Array.from(numbers).buffer))
      .digest("hex")
      .slice(0, 8);
  },
  /** Packed checksums one by one. */
  each: (packed: string) => Buffer.from(packed, "base64").toString("hex").match(/.{8}/g)!,
};
