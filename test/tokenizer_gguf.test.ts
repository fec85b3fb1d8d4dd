// Tokenizers from GGUF metadata give llama.cpp's ids.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type GgufValue, tokenizerFromGguf } from "../src/tokenizer/gguf.js";
import { library } from "../src/tokenizer/native_tokenizer.js";
import { preNames, preOf, preTokenizer } from "../src/tokenizer/pre.js";
import { byteOfChar } from "../src/tokenizer/utf8.js";
import { because, ggufMetadata, sharedFile } from "./tokenizer_files.js";
import { corpus } from "./tokenizer_fixtures.js";

describe("vocabularies of llama.cpp", () => {
  for (const name of ["bert-bge", "deepseek-llm", "gpt-2", "llama-spm", "phi-3", "starcoder"]) {
    const path = sharedFile(`ggml-vocab/ggml-vocab-${name}.gguf`);
    it.skipIf(!path)(because(name, path), async () => {
      const tokenizer = await tokenizerFromGguf(ggufMetadata(path!));
      // As llama.cpp's tests/test-tokenizer-0.cpp reads them.
      const texts = readFileSync(`${path}.inp`, "utf8").split("\n__ggml_vocab_test__\n");
      const lines = readFileSync(`${path}.out`, "utf8").split("\n");
      expect(texts.length).toBeGreaterThan(40);
      for (const [i, text] of texts.entries()) {
        const wanted = lines[i]!.trim() === "" ? [] : lines[i]!.trim().split(/\s+/).map(Number);
        const ids = await tokenizer.encode(text, { special: false, parseSpecial: false });
        expect([...ids], JSON.stringify(text)).toEqual(wanted);
      }
    });
  }
});

describe("published tokenizers, converted as llama.cpp does", () => {
  type File = {
    added_tokens: { id: number }[];
    normalizer: { precompiled_charsmap: string };
    model: { merges: string[] };
  };
  type Vocab = { vocab: Record<string, number> | [string, number][] };
  const converted: Record<string, (file: File, tokens: string[]) => [string, GgufValue][]> = {
    gpt2: ({ model }, tokens) => [
      ["model", "gpt2"],
      ["pre", "gpt-2"],
      ["tokens", tokens],
      ["merges", model.merges],
    ],
    minilm: (_, tokens) => [
      ["model", "bert"],
      [
        "tokens",
        tokens.map((token) => (/^\[.+\]$/.test(token) ? token : token.startsWith("##") ? token.slice(2) : `▁${token}`)),
      ],
    ],
    "t5-small": ({ normalizer, model }, tokens) => [
      ["model", "t5"],
      ["tokens", tokens],
      ["scores", Float64Array.from((model as unknown as { vocab: [string, number][] }).vocab, ([, score]) => score)],
      ["precompiled_charsmap", Uint8Array.from(Buffer.from(normalizer.precompiled_charsmap, "base64"))],
      ["remove_extra_whitespaces", true],
      ["add_space_prefix", true],
    ],
  };
  for (const [name, convert] of Object.entries(converted)) {
    const path = sharedFile(`tokenizers/${name}/tokenizer.json`);
    it.skipIf(!path)(because(`${name}, ${corpus.texts.length} texts`, path), async () => {
      const file: File = JSON.parse(readFileSync(path!, "utf8"));
      const { vocab } = file.model as unknown as Vocab;
      const entries = Array.isArray(vocab) ? vocab.map(([token], id) => [token, id] as const) : Object.entries(vocab);
      const tokens = [...entries].sort(([, a], [, b]) => a - b).map(([token]) => token);
      const types = Int32Array.from(tokens, (_, id) => (file.added_tokens.some((token) => token.id === id) ? 3 : 1));
      const keys: [string, GgufValue][] = [...convert(file, tokens), ["token_type", types]];
      const tokenizer = await tokenizerFromGguf(new Map(keys.map(([key, value]) => [`tokenizer.ggml.${key}`, value])));
      for (const [i, text] of corpus.texts.entries()) {
        expect([...(await tokenizer.encode(text))], JSON.stringify(text)).toEqual(corpus.ids[name]![i]);
      }
    });
  }
});

describe("tokenizer.ggml.pre", () => {
  // Every byte of GPT-2's alphabet is a token and nothing merges: ids are bytes, so cuts must lose nothing.
  const alphabet = [...byteOfChar].sort(([, a], [, b]) => a - b).map(([char]) => char);
  const text = `It's I'LL don\u2019t 1234567 0xFF  x\t\ty\n\n z \r\n!? $a+b=c^~|<> naïve ΑΒΓ中文かな한국어 ไทย हिन्दी 👩🏽‍💻…`;
  for (const name of preNames.filter((name) => !preOf(name).characters)) {
    it(`${name} cuts without loss`, async () => {
      const metadata = new Map<string, GgufValue>([
        ["tokenizer.ggml.model", "gpt2"],
        ["tokenizer.ggml.pre", name],
        ["tokenizer.ggml.tokens", alphabet],
        ["tokenizer.ggml.merges", []],
        ["tokenizer.ggml.bos_token_id", 0],
        ["tokenizer.ggml.add_bos_token", false],
      ]);
      const tokenizer = await tokenizerFromGguf(metadata);
      expect(Buffer.from(await tokenizer.encode(text)).toString()).toBe(text);
    });
  }

  for (const name of preNames.filter((name) => preOf(name).characters)) {
    it(`${name} merges characters, with bytes for those that are no tokens`, async () => {
      const tokenizer = await tokenizerFromGguf(
        new Map<string, GgufValue>([
          ["tokenizer.ggml.model", "gpt2"],
          ["tokenizer.ggml.pre", name],
          ["tokenizer.ggml.tokens", ["<s>", "▁", "a", "▁a", "\n", "\n\n", "<0xC3>", "<0xA9>"]],
          ["tokenizer.ggml.token_type", [3, 1, 1, 1, 1, 1, 6, 6]],
          ["tokenizer.ggml.merges", ["▁ a"]],
          ["tokenizer.ggml.bos_token_id", 0],
          ["tokenizer.ggml.add_bos_token", false],
        ]),
      );
      const ids = await tokenizer.encode(" a\n\na é");
      expect([...ids]).toEqual([...(preOf(name).alwaysBos ? [0] : []), 3, 5, 2, 1, 6, 7]);
    });
  }

  const cuts = async (name: string, text: string) => {
    const { encode } = await words(name);
    return encode(text);
  };

  /** A tokenizer in which every word is a token: its ids say where texts are cut. */
  async function words(name: string) {
    const open = await library();
    const model = { type: "WordLevel", tokens: ["?"], fields: { unk_token: "?" } } as const;
    const parts = { added_tokens: [], normalizer: null, post_processor: null, decoder: null };
    const opened = open({ ...parts, pre_tokenizer: preTokenizer(preOf(name).splits), model });
    const encode = async (text: string) => {
      const offsets = (await opened.encode(text, null, { addSpecialTokens: false })).getOffsets();
      return offsets.map(([start, end]) => Array.from(text).slice(start, end).join(""));
    };
    return { encode };
  }

  it("cuts digits into threes from the right, from the left, or one by one", async () => {
    for (const name of ["afmoe", "superbpe", "tiny_aya"]) {
      expect(await cuts(name, "1234567"), name).toEqual(["1", "234", "567"]);
      expect(await cuts(name, "123456"), name).toEqual(["123", "456"]);
    }
    expect(await cuts("spark2_5", "1234")).toEqual(["1", "2", "3", "4"]);
    expect(await cuts("llama-bpe", "1234567")).toEqual(["123", "456", "7"]);
    expect(await cuts("youtu", "12")).toEqual(["1", "2"]);
  });

  it("cuts spaces into powers of two for jais-2, and nothing but numbers for superbpe", async () => {
    expect(await cuts("jais-2", `a${" ".repeat(13)}b`)).toEqual(["a", " ".repeat(8), " ".repeat(4), " b"]);
    expect(await cuts("superbpe", "it is all one, 12 b")).toEqual(["it is all one, ", "12", " b"]);
  });

  it("cuts tabs and pairs of spaces for chameleon, and leaves images whole", async () => {
    expect(await cuts("chameleon", "IMGIMGABZ\t\tb      c 12")).toEqual([
      "IMGIMGABZ",
      "\t",
      "\t",
      "b",
      "    ",
      "  ",
      "c",
      " ",
      "1",
      "2",
    ]);
  });
});
