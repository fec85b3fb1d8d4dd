// Tokenizers from GGUF metadata give llama.cpp's ids.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { tokenizerFromGguf } from "../src/tokenizer/gguf.js";
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
