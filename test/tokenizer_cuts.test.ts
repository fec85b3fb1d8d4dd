// Long texts are cut where that changes no id, and only then.
import { describe, expect, it } from "vitest";
import { cutsAtWords } from "../src/tokenizer/cuts.js";
import { settleTokenizer, tokenizerFromJson } from "../src/tokenizer/json.js";
import { library } from "../src/tokenizer/native_tokenizer.js";
import { type Family, familyFiles, familyJson, readFamilies } from "./tokenizer_fixtures.js";

const all = readFamilies();
// Whatever there is, with borders between words near every place where a part may end.
const text = all.texts.map((one, i) => `${one}${i % 3 ? " " : "a b "}`).join("");

// SentencePiece's pieces may hold spaces, DeepSeek V2 leaves words of other scripts together,
// and what is stripped at the end of a text is not at the end of a part.
const whole = /^(llama 2|mistral v|phi-3|internlm|gemma|deepseek v2|deberta|umt5)/;

const settledOf = (family: Family) => settleTokenizer(familyJson(family, all), familyFiles(family)).settled;

describe("families", () => {
  it("are cut where spaces are borders of everything", () => {
    for (const family of all.families)
      expect(cutsAtWords(settledOf(family)), family.name).toBe(!whole.test(family.name));
  });

  // Those that cut words alike are cut alike.
  const kinds = new Map(all.families.map((family) => [JSON.stringify(settledOf(family).pre_tokenizer), family]));
  const cut = [...kinds.values()].filter(({ name }) => !whole.test(name));
  it.each(cut.map((family) => [family.name, family] as const))("%s keeps its ids", async (_, family) => {
    const settled = settledOf(family);
    const tokenizer = await tokenizerFromJson(familyJson(family, all), familyFiles(family));
    const wanted = (await (await library())(settled).encode(text, null, { addSpecialTokens: false })).getIds();
    const found = await tokenizer.encode(text, { special: false });
    const at = wanted.findIndex((id, i) => id !== found[i]);
    expect(at, tokenizer.decode(wanted.slice(at - 5, at + 5))).toBe(-1);
    expect(found.length).toBe(wanted.length);
  });
});

describe("what lies across words, or looks over their borders, is not cut", () => {
  const base = settleTokenizer(familyJson(all.families.find(({ name }) => name === "qwen 3")!, all), {}).settled;
  const token = {
    id: 9999,
    content: "x",
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: false,
  };
  const split = (regex: string) => ({ type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false });
  it.each([
    ["a token of two words", { added_tokens: [{ ...token, content: "two words" }] }],
    ["a word that takes spaces", { added_tokens: [{ ...token, content: "<a>b", rstrip: true }] }],
    ["a word of its own", { added_tokens: [{ ...token, content: "word", single_word: true }] }],
    ["a space before texts", { normalizer: { type: "Prepend", prepend: "▁" } }],
    ["spaces that go at the ends", { normalizer: { type: "Sequence", normalizers: [{ type: "Strip" }] } }],
    ["an expression that is not known", { pre_tokenizer: split(String.raw`\w+( \w+)?`) }],
    ["words behind each other", { pre_tokenizer: { ...split(String.raw`\p{N}`) } }],
    ["nothing", { pre_tokenizer: null }],
  ])("%s", (_, part) => {
    expect(cutsAtWords(base)).toBe(true);
    expect(cutsAtWords({ ...base, ...part })).toBe(false);
  });
});
