// Broken and hostile files end in a clear error, not in the end of the process.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type GgufValue, tokenizerFromGguf } from "../src/tokenizer/gguf.js";
import { tokenizerFromJson } from "../src/tokenizer/json.js";
import { because, sharedFile } from "./tokenizer_files.js";
import { randomness, synthetic } from "./tokenizer_fixtures.js";

const model = { type: "BPE", vocab: { a: 0, b: 1, c: 2, ab: 3 }, merges: [["a", "b"]] };
const added = (id: unknown, content: unknown, flags = {}) => ({
  id,
  content,
  special: true,
  normalized: false,
  ...flags,
});

describe("tokenizer.json", () => {
  const cases: [name: string, json: string | object, message: RegExp][] = [
    ["empty", "", /not JSON/],
    ["not JSON", "{", /not JSON/],
    ["a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\n", /not JSON/],
    ["null", "null", /expected an object/],
    ["an array", "[]", /expected an object/],
    ["no model", {}, /for model/],
    ["unknown model", { model: { type: "Words", vocab: {} } }, /model\.type/],
    ["vocab is an array", { model: { ...model, vocab: ["a"] } }, /model\.vocab/],
    ["id is a string", { model: { ...model, vocab: { a: "0" } } }, /the id of "a"/],
    ["id is negative", { model: { ...model, vocab: { a: -1 } } }, /the id of "a"/],
    ["id is huge", { model: { ...model, vocab: { a: 2 ** 31 } } }, /the id of "a"/],
    ["two tokens of one id", { model: { ...model, vocab: { a: 0, b: 0 } } }, /same id 0/],
    ["merges are not pairs", { model: { ...model, merges: ["ab"] } }, /merges\[0\]/],
    ["merges are an object", { model: { ...model, merges: {} } }, /model\.merges/],
    ["merge of unknown tokens", { model: { ...model, merges: [["a", "z"]] } }, /out of vocabulary/],
    ["merge without its prefix", { model: { ...model, continuing_subword_prefix: "##" } }, /lacks the prefix/],
    ["no pieces", { model: { type: "Unigram", vocab: [], unk_id: 0 } }, /model\.vocab/],
    ["a piece without score", { model: { type: "Unigram", vocab: [["a"]] } }, /vocab\[0\]/],
    ["unknown piece out of range", { model: { type: "Unigram", vocab: [["a", 0]], unk_id: 7 } }, /cannot be built/],
    ["added token without content", { model, added_tokens: [{ id: 4 }] }, /added_tokens\[0\]\.content/],
    ["added token without id", { model, added_tokens: [added(undefined, "x")] }, /added_tokens\[0\]\.id/],
    ["added token with another's id", { model, added_tokens: [added(1, "x")] }, /belongs to another/],
    ["added token with a second id", { model, added_tokens: [added(9, "a")] }, /has id 0/],
    ["added token with two ids", { model, added_tokens: [added(4, "x"), added(5, "x")] }, /ids 4 and 5/],
    ["normalizer is a string", { model, normalizer: "NFC" }, /normalizer/],
    ["unknown normalizer", { model, normalizer: { type: "Magic" } }, /unknown type "Magic"/],
    [
      "unknown part of a sequence",
      { model, pre_tokenizer: { type: "Sequence", pretokenizers: [{}] } },
      /pretokenizers\[0\]/,
    ],
    [
      "broken regex",
      { model, pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated" } },
      /built/,
    ],
    ["chunks of no length", { model, pre_tokenizer: { type: "FixedLength", length: 0 } }, /length/],
    [
      "nothing to replace",
      { model, normalizer: { type: "Replace", pattern: { String: "" }, content: "x" } },
      /not empty/,
    ],
    [
      "replaces nothing",
      { model, normalizer: { type: "Replace", pattern: { Regex: "a*" }, content: "x" } },
      /empty text/,
    ],
    ["prepends nothing", { model, normalizer: { type: "Prepend", prepend: "" } }, /prepend/],
    ["unknown decoder", { model, decoder: { type: "Sequence", decoders: [{ type: "Magic" }] } }, /decoder "Magic"/],
    ["nested too deeply", `{"model":${nested(20_000)}}`, /nested too deeply|expected/],
    ["nested parts", `{"model":${JSON.stringify(model)},"decoder":${nested(20_000)}}`, /nested too deeply/],
    ["template of a second text", { model, post_processor: template({}, "B") }, /names text B/],
    ["template without its token", { model, post_processor: template({}) }, /lacks "<s>"/],
    ["template with too few ids", { model, post_processor: template({ id: "<s>", ids: [], tokens: ["<s>"] }) }, /ids/],
    ["charsmap is not base64", { model, normalizer: charsmap("*") }, /base64/],
    ["charsmap is too short", { model, normalizer: charsmap("AAAA") }, /charsmap/],
    ["charsmap leads out of bounds", { model, normalizer: charsmap(map([0x3ff << 10])) }, /out of bounds/],
    ["charsmap without replacement", { model, normalizer: charsmap(leafMap(99)) }, /no replacement/],
    ["charsmap in mid-character", { model, normalizer: charsmap(leafMap(1, "é\0")) }, /no replacement/],
  ];
  for (const [name, json, message] of cases) {
    it(name, async () => {
      await expect(tokenizerFromJson(json)).rejects.toThrow(message);
      await expect(tokenizerFromJson(json)).rejects.toMatchObject({ name: "DeadliftError", code: "InvalidTokenizer" });
    });
  }

  it("takes a sound charsmap", async () => {
    const sound = { model, normalizer: charsmap(leafMap(0, "b\0")) };
    expect([...(await (await tokenizerFromJson(sound)).encode("a"))]).toEqual([1]);
  });

  it("keeps ids where added tokens or the vocabulary have holes", async () => {
    const json = {
      model: { ...model, vocab: { a: 0, b: 1, c: 2, ab: 6 } },
      added_tokens: [added(12, "<y>"), added(4, "<x>"), added(9, "<z>", { special: false })],
    };
    const tokenizer = await tokenizerFromJson(json);
    expect([...(await tokenizer.encode("ab<x>c<y><z>"))]).toEqual([6, 4, 2, 12, 9]);
    expect(tokenizer.vocabSize).toBe(13);
    expect([...(await tokenizer.encode("<x><z>", { parseSpecial: false }))]).toEqual([9]);
  });

  it("takes __proto__ for the word it is", async () => {
    const json = `{"model":{"type":"WordLevel","vocab":{"a":0,"__proto__":2,"toString":3},"unk_token":"a"},
      "pre_tokenizer":{"type":"WhitespaceSplit"},"added_tokens":[{"id":1,"content":"<s>","special":true}]}`;
    const tokenizer = await tokenizerFromJson(json);
    expect([...(await tokenizer.encode("toString __proto__ valueOf"))]).toEqual([3, 2, 0]);
    expect([...(await tokenizer.encode("__proto__ <s>", { parseSpecial: false }))]).toEqual([2, 0]);
    expect(tokenizer.tokenToId("valueOf")).toBeUndefined();
  });

  it("survives files with parts put in wrong places", async () => {
    const random = randomness(11);
    for (const { json } of Object.values(synthetic)) {
      for (let round = 0; round < 60; round++) {
        const tokenizer = await tokenizerFromJson(mutated(json, random)).catch(onlyInvalid);
        const ids = await tokenizer?.encode("the fox 中 é 😀 <|im_end|> [SEP]").catch(() => new Int32Array());
        if (ids) tokenizer!.decode(ids);
      }
    }
  });
});

function onlyInvalid(error: { code: unknown }): undefined {
  expect(error.code).toBe("InvalidTokenizer");
}

/** A copy with one value, outside of the vocabulary, replaced by something else. */
function mutated(json: object, random: () => number): object {
  const copy = structuredClone(json) as { model: Record<string, unknown> };
  const places: [Record<string, unknown>, string][] = [];
  const walk = (node: unknown) => {
    if (typeof node !== "object" || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, unknown>, key]);
      if (key !== "vocab" && key !== "merges" && key !== "added_tokens") walk((node as Record<string, unknown>)[key]);
    }
  };
  walk(copy);
  const values = [
    null,
    0,
    -1,
    1e300,
    "",
    "x",
    "▁▁",
    [],
    {},
    true,
    false,
    [[]],
    { type: "Sequence" },
    { String: "" },
    "\0",
  ];
  const [node, key] = places[Math.floor(random() * places.length)]!;
  node[key] = values[Math.floor(random() * values.length)];
  return copy;
}

function template(entry: object, text = "A"): object {
  const single = [{ Sequence: { id: text, type_id: 0 } }, { SpecialToken: { id: "<s>", type_id: 0 } }];
  const special_tokens = Object.keys(entry).length > 0 ? { "<s>": entry } : {};
  return { type: "TemplateProcessing", single, pair: single, special_tokens };
}

function nested(depth: number): string {
  return `${'{"type":"Sequence","decoders":['.repeat(depth)}${"]}".repeat(depth)}`;
}

function charsmap(precompiled_charsmap: string): object {
  return { type: "Precompiled", precompiled_charsmap };
}

function map(units: number[], text = "x\0"): string {
  const bytes = Buffer.alloc(4 + units.length * 4);
  bytes.writeUInt32LE(units.length * 4);
  for (const [i, unit] of units.entries()) bytes.writeUInt32LE(unit >>> 0, 4 + i * 4);
  return Buffer.concat([bytes, Buffer.from(text)]).toString("base64");
}

/** A map of "a" to the replacement at `value`. */
function leafMap(value: number, text?: string): string {
  const units = new Array(768).fill(0);
  units[0] = (256 << 10) >>> 0; // children of the root are at 256 ^ byte
  units[256 ^ 0x61] = 0x61 | 0x100 | ((256 ^ 0x61 ^ 512) << 10); // "a": its leaf is at 512, its children too
  units[512] = (0x80000000 | value) >>> 0;
  return map(units, text);
}

describe("GGUF metadata", () => {
  const spm = (): [string, GgufValue][] => [
    ["tokenizer.ggml.model", "llama"],
    ["tokenizer.ggml.tokens", ["<unk>", "<s>", "</s>", "▁", "a", "▁a"]],
    ["tokenizer.ggml.scores", [0, 0, 0, -2, -3, -1]],
    ["tokenizer.ggml.token_type", [2, 3, 3, 1, 1, 1]],
  ];
  const bpe = (): [string, GgufValue][] => [
    ["tokenizer.ggml.model", "gpt2"],
    ["tokenizer.ggml.pre", "gpt-2"],
    ["tokenizer.ggml.tokens", ["a", "b", "ab", "<|endoftext|>"]],
    ["tokenizer.ggml.merges", ["a b"]],
  ];
  const open = (base: [string, GgufValue][], changes: Record<string, GgufValue | undefined>) => {
    const metadata = new Map(base);
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) metadata.delete(`tokenizer.ggml.${key}`);
      else metadata.set(`tokenizer.ggml.${key}`, value);
    }
    return tokenizerFromGguf(metadata);
  };

  it("is sound to begin with", async () => {
    expect([...(await (await open(spm(), {})).encode("a a"))]).toEqual([1, 5, 5]);
    expect([...(await (await open(bpe(), {})).encode("abb<|endoftext|>"))]).toEqual([2, 1, 3]);
    const typed = { scores: Float32Array.of(0, 0, 0, -2, -3, -1), token_type: Int32Array.of(2, 3, 3, 1, 1, 1) };
    expect([...(await (await open(spm(), { ...typed, bos_token_id: 1n })).encode("a"))]).toEqual([1, 5]);
  });

  const cases: [name: string, base: () => [string, GgufValue][], Record<string, GgufValue | undefined>, RegExp][] = [
    ["no model", spm, { model: undefined }, /model is "undefined"/],
    ["unknown model", spm, { model: "rwkv" }, /"rwkv"; known: llama, gpt2/],
    ["model is __proto__", spm, { model: "__proto__" }, /known/],
    ["model is a number", spm, { model: 1 }, /expected a string/],
    ["no tokens", spm, { tokens: undefined }, /tokens is missing/],
    ["zero tokens", spm, { tokens: [] }, /tokens is missing/],
    ["tokens are numbers", spm, { tokens: [1, 2] }, /array of strings/],
    ["a token twice", spm, { tokens: ["<unk>", "<s>", "</s>", "a", "a", "b"] }, /3 and 4/],
    ["too few scores", spm, { scores: [0, 0] }, /2 numbers for 6 tokens/],
    ["scores are words", spm, { scores: ["a", "b", "c", "d", "e", "f"] }, /not a finite number/],
    ["scores are a word", spm, { scores: "abcdef" }, /array of numbers/],
    ["a score is not a number", spm, { scores: [0, 0, 0, 0, 0, Number.NaN] }, /finite/],
    ["too few types", spm, { token_type: Int32Array.of(1) }, /1 numbers for 6 tokens/],
    ["bos is a word", spm, { bos_token_id: "one" }, /an id/],
    ["flag is a number", spm, { add_bos_token: 1 }, /true or false/],
    ["unknown pre", bpe, { pre: "tomorrow" }, /"tomorrow", which is not known here; known: default, gpt-2/],
    ["pre is toString", bpe, { pre: "toString" }, /not known/],
    ["no merges", bpe, { merges: undefined }, /merges is missing/],
    ["merge is one word", bpe, { merges: ["ab"] }, /merges\[0\] is "ab"/],
    ["merge of unknown tokens", bpe, { merges: ["x y"] }, /out of vocabulary/],
    ["merge is empty", bpe, { merges: [""] }, /merges\[0\]/],
    ["unigram without scores", spm, { model: "t5", scores: undefined }, /scores is missing/],
    ["unigram with a broken charsmap", spm, { model: "t5", precompiled_charsmap: [1, 2, 3] }, /charsmap/],
  ];
  for (const [name, base, changes, message] of cases) {
    it(name, async () => {
      await expect(open(base(), changes)).rejects.toThrow(message);
      await expect(open(base(), changes)).rejects.toMatchObject({ code: "InvalidTokenizer" });
    });
  }

  it("takes ids out of range as absent", async () => {
    const tokenizer = await open(spm(), { bos_token_id: 99, eos_token_id: -1 });
    expect([tokenizer.bos, tokenizer.eos]).toEqual([1, [2]]);
  });

  it("gives names to empty tokens and keeps apart what is no UTF-8", async () => {
    const tokenizer = await open(bpe(), { tokens: ["a", "b", "ab", "", "\ufffd", "\ufffd", ""] });
    expect([tokenizer.idToToken(3), tokenizer.idToToken(6)]).toEqual(["[EMPTY_3]", "[EMPTY_6]"]);
    expect(tokenizer.vocabSize).toBe(7);
  });

  it("marks the tokens that end a generation, whatever the file calls them", async () => {
    const tokens = ["a", "b", "ab", "<|endoftext|>", "<|im_end|>", "<|eot_id|>"];
    const tokenizer = await open(bpe(), { tokens, eos_token_id: 3 });
    expect(tokenizer.eos).toEqual([3, 4, 5]);
    expect([...tokenizer.special]).toEqual([3, 4, 5]);
  });
});

describe("a published charsmap", () => {
  const path = sharedFile("tokenizers/t5-small/tokenizer.json");
  it.skipIf(!path)(because("is refused when any of it leads astray", path), async () => {
    const json = JSON.parse(readFileSync(path!, "utf8"));
    const bytes = Buffer.from(json.normalizer.precompiled_charsmap, "base64");
    const random = randomness(2);
    const text = Array.from({ length: 3000 }, (_, i) => String.fromCodePoint(i * 7 + 0xa0)).join("");
    json.model.vocab = json.model.vocab.slice(0, 50);
    json.added_tokens = [];
    for (let round = 0; round < 20; round++) {
      const broken = Buffer.from(bytes);
      for (let i = 0; i < 20; i++) broken[4 + Math.floor(random() * (broken.length - 4))] = Math.floor(random() * 256);
      json.normalizer.precompiled_charsmap = broken.toString("base64");
      const tokenizer = await tokenizerFromJson(json).catch(onlyInvalid);
      await tokenizer?.encode(text);
    }
  });
});
