// Tokenizers from GGUF metadata give llama.cpp's ids.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type GgufValue, tokenizerFromGguf } from "../src/tokenizer/gguf.js";
import { preNames } from "../src/tokenizer/pre.js";
import { byteOfChar } from "../src/tokenizer/utf8.js";
import { because, sharedFile } from "./tokenizer_files.js";
import { readMetadata } from "./tokenizer_gguf_reader.js";

describe("vocabularies of llama.cpp", () => {
  for (const name of ["bert-bge", "deepseek-llm", "gpt-2", "llama-spm", "phi-3", "starcoder"]) {
    const path = sharedFile(`ggml-vocab/ggml-vocab-${name}.gguf`);
    it.skipIf(!path)(because(name, path), async () => {
      const tokenizer = await tokenizerFromGguf(readMetadata(path!));
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

describe("tokenizer.ggml.pre", () => {
  // Every byte of GPT-2's alphabet is a token and nothing merges: ids are bytes, so cuts must lose nothing.
  const alphabet = [...byteOfChar].sort(([, a], [, b]) => a - b).map(([char]) => char);
  const text = `It's I'LL don\u2019t 1234567 0xFF  x\t\ty\n\n z \r\n!? $a+b=c^~|<> naïve ΑΒΓ中文かな한국어 ไทย हिन्दी 👩🏽‍💻…`;
  for (const name of preNames) {
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
});
