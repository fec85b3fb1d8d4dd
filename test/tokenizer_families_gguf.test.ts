// The published families' tokenizers, written as GGUF and read again, give the ids they gave before.
import { describe, expect, it } from "vitest";
import { type GgufMetadata, type GgufValue, tokenizerFromGguf } from "../src/tokenizer/gguf.js";
import { tokenizerFromJson } from "../src/tokenizer/json.js";
import { tokenizerToGguf } from "../src/tokenizer/to_gguf/index.js";
import { byteOfChar } from "../src/tokenizer/utf8.js";
import { type Family, familyFiles, familyJson, readFamilies } from "./tokenizer_fixtures.js";

const all = readFamilies();

/** Families of which GGUF cannot hold something, and what is said then. */
const refused: Readonly<Record<string, RegExp>> = {
  "roberta with a space before texts": /space before texts/,
  "bert without Chinese": /handle_chinese_chars/,
  albert: /changes texts by Replace/,
  "deberta v2 and v3": /changes texts by Replace/,
};

const spelledWith = (text: string, tokens: readonly { content: string }[]) =>
  tokens.some(({ content }) => text.includes(content));

// Falcon looks for digits among the characters that stand for bytes; no token of its own vocabulary spans one.
const digitBytes = [...byteOfChar].filter(([char]) => /\p{No}/u.test(char)).map(([, byte]) => byte);

/** Whether GGUF says all that matters for this text. */
function says({ name, normalizer, added, config, vocabulary }: Family, text: string): boolean {
  if (JSON.stringify(normalizer)?.includes("NFC") && text !== text.normalize("NFC")) return false;
  // Spaces beside a special token that belong to it.
  if (
    spelledWith(
      text,
      added.filter((token) => token.lstrip || token.rstrip),
    )
  )
    return false;
  if (name === "falcon") return !Buffer.from(text).some((byte) => digitBytes.includes(byte));
  // The map of characters leaves this one, which is a space to some.
  if (name === "umt5") return !text.includes("\u0085");
  if (vocabulary !== "spm") return true;
  // These end generations wherever readers find them, also in families that have no such token.
  if (/<eos>|<\/s>/.test(text) && !["<eos>", "</s>"].every((end) => spelledWith(end, added))) return false;
  const metaspace = config.tokenizer_class === "LlamaTokenizer" && /^(llama|mistral v0.3)/.test(name);
  // A second space before one, and none after special tokens.
  return !metaspace || (!/^[ ▁]/.test(text) && !spelledWith(text, added));
}

async function throughGguf(family: Family) {
  const [json, files] = [familyJson(family, all), familyFiles(family)];
  const before = await tokenizerFromJson(json, files);
  const entries = await tokenizerToGguf(json, { ...files, vocab: before.vocabSize, ends: before.eos });
  const metadata: GgufMetadata = new Map<string, GgufValue>(entries.map(({ key, value }) => [key, value]));
  return { before, after: await tokenizerFromGguf(metadata) };
}

for (const family of all.families) {
  const reason = refused[family.name];
  if (reason) {
    it(`${family.name} is refused`, async () => {
      const error = { code: "InvalidTokenizer", message: expect.stringMatching(reason) };
      await expect(throughGguf(family)).rejects.toMatchObject(error);
    });
    continue;
  }

  it(`${family.name} keeps its ids`, async () => {
    const { before, after } = await throughGguf(family);
    const texts = all.texts.filter((text) => says(family, text));
    expect(texts.length).toBeGreaterThan(all.texts.length * 0.6);
    // GLM begins with two tokens, GGUF has one.
    const options = { special: !family.name.startsWith("glm") };
    const [wanted, found] = await Promise.all(
      [before, after].map((tokenizer) => Promise.all(texts.map((text) => tokenizer.encode(text, options)))),
    );
    const differ = (_: string, i: number) => String(wanted![i]) !== String(found![i]);
    const wrong = texts.filter(differ).map((text) => JSON.stringify(text));
    expect(wrong).toEqual([]);
    const ids = Array.from({ length: 300 }, (_, i) => (i * 7919) % before.vocabSize);
    expect(after.decode(ids, { skipSpecial: true })).toBe(before.decode(ids, { skipSpecial: true }));
  });
}

describe("pairs, as rerankers read them", () => {
  const encoders = all.families.filter(
    ({ name, model_type }) => /bert|mpnet|electra|t5/.test(model_type) && refused[name] === undefined,
  );
  for (const family of encoders) {
    it(family.name, async () => {
      const { before, after } = await throughGguf(family);
      for (const [first, second, most] of all.pairs.slice(0, 100)) {
        const texts = [all.texts[first]!, all.texts[second]!] as const;
        if (!texts.every((text) => says(family, text))) continue;
        const options = most === null ? {} : { maxTokens: most };
        expect(await after.encodePair(...texts, options), texts.join(" | ")).toEqual(
          await before.encodePair(...texts, options),
        );
      }
    });
  }
});
