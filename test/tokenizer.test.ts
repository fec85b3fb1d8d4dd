// Tokenizers from tokenizer.json agree with Python, and streams with whole texts.
import { existsSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { tokenizerFromJson } from "../src/tokenizer/json.js";
import type { Tokenizer } from "../src/tokenizer/tokenizer.js";
import { because, sharedFile } from "./tokenizer_files.js";
import { corpus, randomness, synthetic, transformers } from "./tokenizer_fixtures.js";

describe("published tokenizers give Python's ids", () => {
  for (const name of ["gpt2", "minilm", "t5-small"]) {
    const path = sharedFile(`tokenizers/${name}/tokenizer.json`);
    it.skipIf(!path)(because(`${name}, ${corpus.texts.length} texts`, path), async () => {
      const tokenizer = await tokenizerFromJson(readFileSync(path!, "utf8"));
      for (const [i, text] of corpus.texts.entries()) {
        expect([...(await tokenizer.encode(text))], JSON.stringify(text)).toEqual(corpus.ids[name]![i]);
      }
    });
  }
});

describe("the tiny model's tokenizer", () => {
  const file = (path: string) => new URL(path, import.meta.url);
  const golden = file("fixtures/tiny/tokens.json");
  const there = existsSync(file("../models/tiny/tokenizer.json")) && existsSync(golden);
  it.skipIf(!there)(`gives Python's ids and texts${there ? "" : " (skipped: models/tiny is not there)"}`, async () => {
    const config = JSON.parse(readFileSync(file("../models/tiny/tokenizer_config.json"), "utf8"));
    const tokenizer = await tokenizerFromJson(readFileSync(file("../models/tiny/tokenizer.json"), "utf8"), { config });
    type Row = { text: string; ids: number[]; idsSpecial: number[]; decoded: string; decodedSkip: string };
    for (const row of JSON.parse(readFileSync(golden, "utf8")) as Row[]) {
      expect([...(await tokenizer.encode(row.text, { special: false }))], row.text).toEqual(row.ids);
      expect([...(await tokenizer.encode(row.text))], row.text).toEqual(row.idsSpecial);
      expect(tokenizer.decode(row.ids)).toBe(row.decoded);
      expect(tokenizer.decode(row.ids, { skipSpecial: true })).toBe(row.decodedSkip);
    }
  });
});

describe("configs count as in AutoTokenizer", () => {
  for (const { name, json, config, modelType, bos, eos, encoded, decoded } of transformers) {
    it(name, async () => {
      const tokenizer = await tokenizerFromJson(json, { config, modelType: modelType ?? undefined });
      for (const [text, ids, bare] of encoded) {
        expect([...(await tokenizer.encode(text))], text).toEqual(ids);
        expect([...(await tokenizer.encode(text, { special: false }))], text).toEqual(bare);
      }
      for (const [ids, text, withoutSpecial] of decoded) {
        expect(tokenizer.decode(ids)).toBe(text);
        expect(tokenizer.decode(ids, { skipSpecial: true })).toBe(withoutSpecial);
      }
      // Python's classes know names of special tokens by heart; we know what the files say.
      if (config.bos_token !== undefined) expect(tokenizer.bos).toBe(bos ?? undefined);
      if (config.eos_token !== undefined) expect(tokenizer.eos).toEqual([eos]);
    });
  }
});

for (const [name, { json, texts, ids, decoded }] of Object.entries(synthetic)) {
  describe(`a small ${name} tokenizer`, () => {
    let tokenizer: Tokenizer;
    beforeAll(async () => {
      tokenizer = await tokenizerFromJson(json);
    });

    it("gives Python's ids", async () => {
      for (const [i, at] of texts.entries()) {
        const text = corpus.texts[at]!;
        expect([...(await tokenizer.encode(text))], JSON.stringify(text)).toEqual(ids[i]);
      }
    });

    it("gives Python's texts", () => {
      for (const [some, text, withoutSpecial] of decoded) {
        expect(tokenizer.decode(some), String(some)).toBe(text);
        expect(tokenizer.decode(some, { skipSpecial: true }), String(some)).toBe(withoutSpecial);
      }
    });

    it("streams what it decodes, in whole characters", async () => {
      for (const at of texts) checkStream(tokenizer, [...(await tokenizer.encode(corpus.texts[at]!))]);
      const random = randomness(1);
      for (let round = 0; round < 300; round++) {
        const length = Math.floor(random() * 40);
        checkStream(
          tokenizer,
          Array.from({ length }, () => Math.floor(random() * tokenizer.vocabSize)),
        );
      }
    });
  });
}

function checkStream(tokenizer: Tokenizer, ids: number[]): void {
  for (const skipSpecial of [false, true]) {
    const stream = tokenizer.stream({ skipSpecial });
    for (let again = 0; again < 2; again++) {
      const pieces = ids.map((id) => stream.push(id));
      pieces.push(stream.flush());
      const text = tokenizer.decode(ids, { skipSpecial });
      expect(pieces.join(""), String(ids)).toBe(text);
      for (const piece of pieces) expect(piece).toBe(Buffer.from(piece).toString()); // no half of a surrogate pair
    }
  }
}

describe("streams", () => {
  /** Ids of byte tokens. */
  const bytes = (tokenizer: Tokenizer, values: Iterable<number>) =>
    Array.from(values, (value) => tokenizer.tokenToId(`<0x${value.toString(16).toUpperCase().padStart(2, "0")}>`)!);

  it("hold back bytes only until their character is whole", async () => {
    const tokenizer = await tokenizerFromJson(synthetic.spm!.json);
    const stream = tokenizer.stream();
    const pieces = bytes(tokenizer, Buffer.from("𐌲中𝔘")).map((id) => stream.push(id));
    expect(pieces.join("|")).toBe("|||𐌲|||中||||𝔘");
    expect(stream.flush()).toBe("");
  });

  it("make U+FFFD of broken bytes only, and of an end in the middle of a character", async () => {
    const tokenizer = await tokenizerFromJson(synthetic.spm!.json);
    const decode = (...values: number[]) => tokenizer.decode(bytes(tokenizer, values));
    expect(decode(0x41, 0xff, 0xe4, 0xb8, 0xad)).toBe("A\ufffd中");
    expect(decode(0xe4, 0xb8)).toBe("\ufffd\ufffd");
    expect(decode(0xe4, 0x41)).toBe("\ufffdA");
  });

  it("give each token's text at once where nothing can change it", async () => {
    const tokenizer = await tokenizerFromJson(synthetic.byte_level!.json);
    const stream = tokenizer.stream();
    const ids = await tokenizer.encode("the quick brown fox");
    for (const id of ids) expect(stream.push(id)).toBe(tokenizer.idToToken(id)!.replace("Ġ", " "));
  });
});

describe("texts and options", () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await tokenizerFromJson(synthetic.byte_level!.json);
  });

  it("takes lone surrogates as U+FFFD and NUL as a character", async () => {
    expect(await tokenizer.encode("a\ud800b\udc00")).toEqual(await tokenizer.encode("a\ufffdb\ufffd"));
    expect(tokenizer.decode(await tokenizer.encode("a\0b"))).toBe("a\0b");
    expect(await tokenizer.encode("")).toEqual(new Int32Array());
  });

  it("knows spellings", () => {
    const id = tokenizer.tokenToId("<|im_end|>")!;
    expect(tokenizer.idToToken(id)).toBe("<|im_end|>");
    expect(tokenizer.special.has(id)).toBe(true);
    expect(tokenizer.special.has(tokenizer.tokenToId("<think>")!)).toBe(false);
    expect(tokenizer.tokenToId("no such token")).toBeUndefined();
    expect(tokenizer.idToToken(tokenizer.vocabSize)).toBeUndefined();
    expect(tokenizer.idToToken(-1)).toBeUndefined();
    expect(tokenizer.decode([-1, tokenizer.vocabSize, 2 ** 31])).toBe("");
  });

  it("ends a generation where generation_config.json says", async () => {
    const { json } = synthetic.byte_level!;
    const config = { eos_token: "<|im_end|>" };
    const end = tokenizer.tokenToId("<|im_end|>")!;
    expect((await tokenizerFromJson(json, { config })).eos).toEqual([end]);
    expect((await tokenizerFromJson(json, { config, generationConfig: { eos_token_id: [0, end] } })).eos).toEqual([
      0,
      end,
    ]);
    expect((await tokenizerFromJson(json, { config, generationConfig: { eos_token_id: 0 } })).eos).toEqual([0]);
  });

  it("refuses what it cannot do", async () => {
    await expect(tokenizer.encode(1 as never)).rejects.toMatchObject({ code: "InvalidArgument" });
    await expect(tokenizer.encode("a", { addSpecial: true } as never)).rejects.toMatchObject({ code: "UnknownOption" });
    await expect(tokenizer.encode(" ".repeat(9e6))).rejects.toMatchObject({ code: "LimitExceeded" });
    expect(() => tokenizer.decode([], { skip_special: true } as never)).toThrow("skipSpecial");
    expect(() => tokenizer.decode([0.5])).toThrow("token id");
  });
});
