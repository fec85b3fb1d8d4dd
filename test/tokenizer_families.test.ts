// Tokenizers with the settings of the published families give Python's ids, texts, pairs and shortened texts.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { tokenizerFromJson } from "../src/tokenizer/json.js";
import type { Tokenizer } from "../src/tokenizer/tokenizer.js";
import { because, sharedFile } from "./tokenizer_files.js";
import { checkOf, familyFiles, familyJson, readFamilies } from "./tokenizer_fixtures.js";

const all = readFamilies();

it("are held to thousands of texts", () => {
  expect(all.texts.length).toBeGreaterThan(2500);
});

/** Those of the texts whose checksum is not the one of the fixture, as a failure shows them. */
function wrong(packed: string, texts: readonly string[], found: readonly string[]): string[] {
  const wanted = checkOf.each(packed);
  expect(found.length).toBe(wanted.length);
  return texts.filter((_, at) => found[at] !== wanted[at]).map((text) => JSON.stringify(text));
}

describe("published tokenizers", () => {
  for (const [name, { ids, pairs }] of Object.entries(all.published)) {
    const path = sharedFile(`tokenizers/${name}/tokenizer.json`);
    it.skipIf(!path)(because(`${name}, ${all.texts.length} texts`, path), async () => {
      const tokenizer = await tokenizerFromJson(readFileSync(path!, "utf8"));
      const check = async (text: string) =>
        checkOf.ids(await tokenizer.encode(text), await tokenizer.encode(text, { special: false }));
      expect(wrong(ids, all.texts, await Promise.all(all.texts.map(check)))).toEqual([]);
      const pair = async ([first, second]: (typeof all.pairs)[number]) => {
        const { ids, types } = await tokenizer.encodePair(all.texts[first]!, all.texts[second]!);
        return checkOf.ids(ids, types);
      };
      const texts = all.pairs.map(([first, second]) => `${all.texts[first]} | ${all.texts[second]}`);
      expect(wrong(pairs, texts, await Promise.all(all.pairs.map(pair)))).toEqual([]);
    });
  }
});

for (const family of all.families) {
  describe(family.name, () => {
    let tokenizer: Tokenizer;
    let encoded: Int32Array[];
    beforeAll(async () => {
      tokenizer = await tokenizerFromJson(familyJson(family, all), familyFiles(family));
      encoded = await Promise.all(all.texts.map((text) => tokenizer.encode(text)));
    });

    it("gives Python's ids", async () => {
      const bare = await Promise.all(all.texts.map((text) => tokenizer.encode(text, { special: false })));
      const found = encoded.map((ids, at) => checkOf.ids(ids, bare[at]!));
      expect(wrong(family.ids, all.texts, found)).toEqual([]);
    });

    it("gives Python's texts back", () => {
      const back = encoded.map((ids) => `${tokenizer.decode(ids)}\0${tokenizer.decode(ids, { skipSpecial: true })}`);
      const eights = (texts: string[]) =>
        texts.filter((_, i) => i % 8 === 0).map((_, i) => texts.slice(i * 8, i * 8 + 8).join("\0"));
      expect(wrong(family.texts, eights(all.texts), eights(back).map(checkOf.text))).toEqual([]);
    });

    it("gives Python's pairs", async () => {
      const pair = async ([first, second, most]: (typeof all.pairs)[number]) => {
        const options = most === null ? {} : { maxTokens: most };
        const { ids, types } = await tokenizer.encodePair(all.texts[first]!, all.texts[second]!, options);
        return checkOf.ids(ids, types);
      };
      const texts = all.pairs.map(([first, second, most]) => `${all.texts[first]} | ${all.texts[second]} | ${most}`);
      expect(wrong(family.pairs, texts, await Promise.all(all.pairs.map(pair)))).toEqual([]);
    });

    it("shortens texts as Python does", async () => {
      const texts = all.texts.filter((_, i) => i % 5 === 0);
      const shorten = async (text: string, at: number) =>
        checkOf.ids(await tokenizer.encode(text, { maxTokens: 4 + (at % 9) }));
      expect(wrong(family.short, texts, await Promise.all(texts.map(shorten)))).toEqual([]);
    });
  });
}
