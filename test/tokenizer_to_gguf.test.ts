// Tokenizers written as GGUF give the ids they gave before; what GGUF cannot hold is refused.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type GgufMetadata, type GgufValue, tokenizerFromGguf } from "../src/tokenizer/gguf.js";
import { TokenType } from "../src/tokenizer/gguf_metadata.js";
import { tokenizerFromJson } from "../src/tokenizer/json.js";
import { preNames, preOf, preTokenizer } from "../src/tokenizer/pre.js";
import { mergesOf } from "../src/tokenizer/spm_merges.js";
import { type ToGgufFiles, type TokenizerEntry, tokenizerToGguf } from "../src/tokenizer/to_gguf/index.js";
import { preNameOf } from "../src/tokenizer/to_gguf/pre_names.js";
import { because, ggufMetadata, sharedFile } from "./tokenizer_files.js";
import { corpus, synthetic } from "./tokenizer_fixtures.js";

interface Json {
  added_tokens: { id: number; content: string; special: boolean }[];
  normalizer: unknown;
  pre_tokenizer: unknown;
  post_processor: unknown;
  decoder: unknown;
  model: { vocab: Record<string, number>; merges: unknown; [field: string]: unknown };
}

const asMetadata = (entries: readonly TokenizerEntry[]): GgufMetadata =>
  new Map<string, GgufValue>(entries.map(({ key, value }) => [key, value]));
const get = (entries: readonly TokenizerEntry[], key: string) =>
  entries.find((entry) => entry.key === `tokenizer.ggml.${key}`)?.value;
const json = (name: string) => structuredClone(synthetic[name]!.json) as Json;
const write = (file: object, files: Partial<ToGgufFiles> = {}) =>
  tokenizerToGguf(file, { vocab: rowsOf(file as Json), ends: [], ...files });

function rowsOf({ model, added_tokens }: Json): number {
  return 1 + Math.max(...Object.values(model.vocab), ...added_tokens.map(({ id }) => id));
}

async function expectSameIds(file: object, files: Partial<ToGgufFiles>, texts: readonly string[]): Promise<void> {
  const { vocab: _, ends, ...rest } = { vocab: 0, ends: [], ...files };
  const before = await tokenizerFromJson(file, rest);
  const after = await tokenizerFromGguf(asMetadata(await write(file, files)));
  for (const text of texts) {
    for (const special of [true, false]) {
      const wanted = [...(await before.encode(text, { special }))];
      expect([...(await after.encode(text, { special }))], JSON.stringify(text)).toEqual(wanted);
    }
  }
  const random = Array.from({ length: 200 }, (_, i) => (i * 7919) % before.vocabSize);
  expect(after.decode(random, { skipSpecial: true })).toBe(before.decode(random, { skipSpecial: true }));
  expect(after.bos).toBe(before.bos);
  expect(new Set(after.eos)).toEqual(new Set([...before.eos, ...after.eos]));
}

/** The synthetic SentencePiece-like tokenizer with all merges its vocabulary has, as converters of SentencePiece make them. */
function completed(name: string): Json {
  const file = json(name);
  const tokens = Object.entries(file.model.vocab)
    .sort(([, a], [, b]) => a - b)
    .map(([token]) => token);
  const types = tokens.map((token, id) => {
    if (/^<0x..>$/.test(token)) return TokenType.byte;
    return file.added_tokens.some((added) => added.id === id) ? TokenType.control : TokenType.normal;
  });
  const scores = tokens.map((_, id) => -id);
  return { ...file, model: { ...file.model, merges: mergesOf({ tokens, scores, types }) } };
}

describe("ids stay what they were", () => {
  it("for byte-level BPE", () => expectSameIds(json("byte_level"), {}, corpus.texts));

  it("for SentencePiece-like BPE", () => expectSameIds(completed("spm"), { config: specials }, corpus.texts));

  it("for a metaspace, but for what GGUF cannot say: NFC, no second space before one, none after special tokens", () => {
    const specialToken = (text: string) => json("metaspace").added_tokens.some(({ content }) => text.includes(content));
    const fine = (text: string) => text === text.normalize("NFC") && !/^[ ▁]/.test(text) && !specialToken(text);
    const texts = corpus.texts.filter(fine);
    expect(texts.length).toBeGreaterThan(500);
    return expectSameIds(completed("metaspace"), { config: specials }, texts);
  });

  it("for the embedded model", () => {
    const read = (name: string) => readFileSync(new URL(`../models/tiny/${name}`, import.meta.url), "utf8");
    const config = JSON.parse(read("tokenizer_config.json"));
    return expectSameIds(JSON.parse(read("tokenizer.json")), { config }, corpus.texts);
  });

  const gpt2 = sharedFile("tokenizers/gpt2/tokenizer.json");
  it.skipIf(!gpt2)(because("for GPT-2", gpt2), () => {
    return expectSameIds(JSON.parse(readFileSync(gpt2!, "utf8")), {}, corpus.texts);
  });
});

const specials = { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" };

describe("SentencePiece vocabularies", () => {
  for (const name of ["llama-spm", "phi-3"]) {
    const path = sharedFile(`ggml-vocab/ggml-vocab-${name}.gguf`);
    it.skipIf(!path)(because(`${name}: scores that order tokens as its own do`, path), async () => {
      const metadata = ggufMetadata(path!);
      const tokens = metadata.get("tokenizer.ggml.tokens") as string[];
      const types = metadata.get("tokenizer.ggml.token_type") as Int32Array;
      const own = metadata.get("tokenizer.ggml.scores") as Float32Array;
      const entries = await write(tokenizerJsonOf(tokens, own, types), { config: specials });
      expect(get(entries, "tokens")).toEqual(tokens);
      const scores = get(entries, "scores") as Float32Array;
      const merged = new Set(mergesOf({ tokens, scores: own, types }).map((pair) => pair.join("")));
      const ids = [...tokens.keys()].filter((id) => merged.has(tokens[id]!) && types[id] === TokenType.normal);
      const ordered = ids.sort((a, b) => own[b]! - own[a]! || a - b);
      for (const [i, id] of ordered.entries()) if (i > 0) expect(scores[id]).toBeLessThan(scores[ordered[i - 1]!]!);
      expect(Math.max(...scores.filter((_, id) => !merged.has(tokens[id]!)))).toBeLessThanOrEqual(Math.min(...scores));
    });
  }

  function tokenizerJsonOf(tokens: string[], scores: Float32Array, types: Int32Array): Json {
    const added = tokens.flatMap((content, id) => {
      const special = types[id] === TokenType.control || types[id] === TokenType.unknown;
      if (!special && types[id] !== TokenType.userDefined) return [];
      return [{ id, content, special, single_word: false, lstrip: false, rstrip: false, normalized: false }];
    });
    const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
    const merges = mergesOf({ tokens, scores, types });
    return { ...json("spm"), added_tokens: added, model: { ...json("spm").model, vocab, merges } };
  }

  it("that are none are refused: their merges have no scores", async () => {
    const refusal = { code: "InvalidTokenizer", message: expect.stringMatching(/merges are not those.*would merge/) };
    await expect(write(json("spm"))).rejects.toMatchObject(refusal);
  });

  it.each([
    ["lacks a merge", (merges: unknown[]) => merges.splice(5, 1)],
    ["has merges of a token apart from each other", scatter],
  ])("whose list %s are refused", async (_, damage) => {
    const file = completed("spm");
    damage(file.model.merges as [string, string][]);
    await expect(write(file)).rejects.toMatchObject({ code: "InvalidTokenizer" });
  });

  function scatter(merges: [string, string][]): void {
    const made = merges.map((merge) => merge.join(""));
    const second = made.findIndex((token, i) => i > 0 && token === made[i - 1]);
    expect(second).toBeGreaterThan(0);
    merges.push(...merges.splice(second, 1));
  }

  it("keep a prefix, or say that there is none", async () => {
    const file = completed("spm");
    expect(get(await write(file), "add_space_prefix")).toBeUndefined();
    expect(get(await write(file, { config: { add_prefix_space: true } }), "add_space_prefix")).toBe(true);
    const bare = { ...file, normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" } };
    expect(get(await write(bare), "add_space_prefix")).toBe(false);
    await expectSameIds(bare, { config: specials }, corpus.texts);
  });

  it.each([
    ["a normaliser that lowers", { normalizer: { type: "Lowercase" } }],
    ["words cut apart", { normalizer: null, pre_tokenizer: { type: "Metaspace", replacement: "▁", split: true } }],
    [
      "another character for spaces",
      { normalizer: null, pre_tokenizer: { type: "Metaspace", replacement: "_", split: false } },
    ],
    ["spaces that stay", { normalizer: null }],
  ])("with %s are refused", async (_, parts) => {
    const refusal = { code: "InvalidTokenizer", message: expect.stringMatching(/changes texts/) };
    await expect(write({ ...completed("spm"), ...parts })).rejects.toMatchObject(refusal);
  });
});

describe("pre-tokenizers", () => {
  // Written differently, with the same cuts.
  const alike: Record<string, string> = { bailingmoe: "qwen2", bailingmoe2: "qwen2", "llada-moe": "qwen2" };
  const parts = { added_tokens: [], normalizer: null, post_processor: null, decoder: null };

  it.each(preNames)("%s is found by what it does", async (name) => {
    const { splits, ignoreMerges = false } = preOf(name);
    const model = { type: "BPE", tokens: [], fields: { ignore_merges: ignoreMerges } } as const;
    const found = await preNameOf({ ...parts, pre_tokenizer: preTokenizer(splits), model });
    if (alike[name]) expect(found).toBe(alike[name]);
    else expect(preOf(found)).toMatchObject({ splits, ...(ignoreMerges && { ignoreMerges }) });
  });

  const split = (regex: string) => ({ type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false });
  const byteLevel = (use_regex: boolean) => ({
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: true,
    use_regex,
  });
  const sequence = (...pretokenizers: object[]) => ({ type: "Sequence", pretokenizers });

  it.each([
    ["gpt-2", false, byteLevel(true)],
    ["starcoder", false, sequence({ type: "Digits", individual_digits: true }, byteLevel(true))],
    [
      "qwen2",
      false,
      sequence(
        split(
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        ),
        byteLevel(false),
      ),
    ],
    [
      "llama-bpe",
      true,
      sequence(
        split(
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        ),
        byteLevel(false),
      ),
    ],
  ])("of published files: %s", async (name, ignore_merges, pre_tokenizer) => {
    const model = { ...json("byte_level").model, ignore_merges };
    expect(get(await write({ ...json("byte_level"), pre_tokenizer, model }), "pre")).toBe(name);
  });

  it.each([
    [
      "an unknown expression",
      sequence(split("[aeiou]+"), byteLevel(false)),
      /cuts text as no tokenizer\.ggml\.pre.*qwen2/,
    ],
    ["a space before texts", { ...byteLevel(true), add_prefix_space: true }, /puts a space before texts/],
    ["none at all", null, /puts a space/],
  ])("with %s are refused", async (_, pre_tokenizer, message) => {
    const refusal = { code: "InvalidTokenizer", message: expect.stringMatching(message) };
    await expect(write({ ...json("byte_level"), pre_tokenizer })).rejects.toMatchObject(refusal);
  });

  it("that cut alike but merge words differently are refused", async () => {
    const model = { ...json("byte_level").model, ignore_merges: true };
    const refusal = { code: "InvalidTokenizer", message: expect.stringMatching(/gpt-2 cuts alike but merges/) };
    await expect(write({ ...json("byte_level"), model })).rejects.toMatchObject(refusal);
  });
});

describe("what GGUF has no model or no words for is refused", () => {
  it("other words", async () => {
    await expect(write(json("words"))).rejects.toMatchObject({ code: "InvalidTokenizer" });
  });

  it("word pieces that are not cut as BERT's", async () => {
    const file = json("word_piece");
    for (const [part, message] of [
      [{ pre_tokenizer: { type: "Whitespace" } }, /otherwise than BERT/],
      [{ normalizer: { type: "Lowercase" } }, /otherwise than BERT/],
      [{ normalizer: { ...(file.normalizer as object), clean_text: false } }, /clean_text/],
      [{ model: { ...file.model, continuing_subword_prefix: "@@" } }, /pieces of BERT/],
    ] as const) {
      await expect(write({ ...file, ...part })).rejects.toThrow(message);
    }
  });

  it("unigram vocabularies with other changes of texts than a map of characters", async () => {
    const file = json("unigram");
    const pieces = (file.model as unknown as { vocab: unknown[] }).vocab.length;
    const write = (part: object) => tokenizerToGguf({ ...file, ...part }, { vocab: pieces, ends: [] });
    await expect(write({})).rejects.toThrow(/changes texts by NFKC/);
    await expect(write({ normalizer: null, pre_tokenizer: { type: "Whitespace" } })).rejects.toThrow(/at spaces/);
    await expect(write({ normalizer: null, model: { ...file.model, unk_id: null } })).rejects.toThrow(/unknown token/);
    await expect(write({ normalizer: null, model: { ...file.model, byte_fallback: true } })).rejects.toThrow(/bytes/);
    expect(get(await write({ normalizer: null }), "model")).toBe("t5");
  });
});

describe("rows and types", () => {
  it("fills rows without a token, and refuses tokens without a row", async () => {
    const file = json("byte_level");
    const size = rowsOf(file);
    const entries = await write(file, { vocab: size + 2 });
    expect((get(entries, "tokens") as string[]).slice(-2)).toEqual([`[PAD${size}]`, `[PAD${size + 1}]`]);
    expect([...(get(entries, "token_type") as Int32Array).slice(-2)]).toEqual([5, 5]);
    await expect(write(file, { vocab: size - 1 })).rejects.toMatchObject({ code: "InvalidTokenizer" });
  });

  it("calls added tokens control tokens when they are special or look so, else user-defined", async () => {
    const file = json("byte_level");
    const size = rowsOf(file);
    const add = (content: string, special: boolean, i: number) => ({ id: size + i, content, special });
    const more = [add("<|like|>", false, 0), add("<plain>", false, 1), add("▁x", false, 2), add("<any>", true, 3)];
    const entries = await write({ ...file, added_tokens: [...file.added_tokens, ...more] });
    expect([...(get(entries, "token_type") as Int32Array).slice(-4)]).toEqual([3, 4, 4, 3]);
    expect((get(entries, "tokens") as string[]).at(-2)).toBe(" x");
  });

  it("writes merges as lines, with spaces within their parts escaped", async () => {
    const file = json("byte_level");
    const lines = (file.model.merges as ([string, string] | string)[]).map((merge) =>
      typeof merge === "string" ? merge : merge.join(" "),
    );
    expect(get(await write(file), "merges")).toEqual(lines);
  });
});

describe("special tokens", () => {
  const withTemplate = (single: unknown[], pair: unknown[] = [], file = json("byte_level")): Json => ({
    ...file,
    added_tokens: [
      { id: 0, content: "<|endoftext|>", special: true },
      ...["<b>", "<e>", "<x>"].map((content, i) => ({ id: rowsOf(file) + i, content, special: true })),
    ],
    post_processor: {
      type: "Sequence",
      processors: [
        {
          type: "TemplateProcessing",
          single,
          pair,
          special_tokens: Object.fromEntries(
            ["<b>", "<e>", "<x>"].map((id, i) => [id, { id, ids: [rowsOf(file) + i], tokens: [id] }]),
          ),
        },
      ],
    },
  });
  const [b, e, x] = ["<b>", "<e>", "<x>"].map((id) => ({ SpecialToken: { id, type_id: 0 } }));
  const [A, B] = ["A", "B"].map((id) => ({ Sequence: { id, type_id: 0 } }));
  const keys = async (file: Json, config: object, more: Partial<ToGgufFiles> = {}) => {
    const entries = await write(file, { config: config as Record<string, unknown>, ...more });
    const base = rowsOf(json("byte_level"));
    const chosen = entries.filter(({ type }) => type === "u32" || type === "bool");
    const name = ({ key }: TokenizerEntry) => key.slice("tokenizer.ggml.".length);
    return Object.fromEntries(
      chosen.map((entry) => [name(entry), entry.type === "u32" ? Number(entry.value) - base : entry.value]),
    );
  };

  it.each([
    ["bos", [b, A], {}, { bos_token_id: 0, add_bos_token: true }],
    [
      "bos and eos",
      [b, A, e],
      { bos_token: "<b>", eos_token: "<e>" },
      { bos_token_id: 0, eos_token_id: 1, add_bos_token: true, add_eos_token: true },
    ],
    [
      "an end that is not eos, which then ends turns",
      [A, e],
      { eos_token: "<x>" },
      { eos_token_id: 1, eot_token_id: 2, add_eos_token: true },
    ],
    [
      "nothing",
      [A],
      { bos_token: { content: "<b>" }, add_bos_token: false },
      { bos_token_id: 0, add_bos_token: false },
    ],
    [
      "nothing, whatever the configuration says",
      [A],
      { bos_token: "<b>", add_bos_token: true },
      { bos_token_id: 0, add_bos_token: false },
    ],
    ["something unknown at the start", [x, A], { bos_token: "<b>" }, { bos_token_id: 0, add_bos_token: false }],
  ])("of a template that adds %s", async (_, single, config, wanted) => {
    expect(await keys(withTemplate(single), config)).toEqual(wanted);
  });

  it("that separate two texts are told", async () => {
    const config = { bos_token: "<b>", eos_token: "<e>", sep_token: "<x>" };
    expect(await keys(withTemplate([b, A], [b, A, x, B]), config)).toMatchObject({
      add_sep_token: true,
      seperator_token_id: 2,
    });
    expect(await keys(withTemplate([b, A], [b, A, b, B]), config)).toMatchObject({ add_sep_token: false });
    expect(await keys(withTemplate([b, A], [b, A, B]), config)).not.toHaveProperty("add_sep_token");
  });

  it("come from config.json where nothing else names them", async () => {
    const base = rowsOf(json("byte_level"));
    const modelConfig = {
      bos_token_id: base,
      eos_token_id: [base + 1],
      pad_token_id: base + 99,
      text_config: { unk_token_id: base + 2 },
    };
    expect(await keys(withTemplate([A]), {}, { modelConfig })).toEqual({ bos_token_id: 0, unknown_token_id: 2 });
  });

  it("that end generations are kept where no reader would guess them", async () => {
    const base = rowsOf(json("byte_level"));
    const ends = [base + 1, 0, base + 2];
    // <|endoftext|> is known by its name.
    expect(await keys(withTemplate([A]), { eos_token: "<e>" }, { ends })).toEqual({ eos_token_id: 1, eot_token_id: 2 });
    const read = await tokenizerFromGguf(
      asMetadata(await write(withTemplate([A]), { config: { eos_token: "<e>" }, ends })),
    );
    expect(read.eos).toEqual(expect.arrayContaining(ends));
  });

  it("are said where readers would assume others: llama-bpe adds bos unless told not to", async () => {
    const regex = preOf("llama-bpe").splits[0];
    const file = { ...json("byte_level"), pre_tokenizer: preTokenizer([regex!]) };
    const silent = { ...file, model: { ...file.model, ignore_merges: true } };
    expect(await keys(silent, {})).toEqual({ add_bos_token: false });
    expect(await keys(completed("spm"), specials)).toMatchObject({ add_bos_token: true });
    expect(await keys({ ...completed("spm"), post_processor: null }, specials)).toMatchObject({ add_bos_token: false });
  });
});
