// Merges derived from scores take the same steps as llama.cpp's search for the best-scored neighbours.
import { describe, expect, it } from "vitest";
import { type GgufMetadata, tokenizerFromGguf } from "../src/tokenizer/gguf.js";
import { because, ggufMetadata, sharedFile } from "./tokenizer_files.js";
import { corpus, randomness } from "./tokenizer_fixtures.js";

/**
 * The meaning: merge the pair of neighbours whose token has the best score, the leftmost of equals, until there is
 * none; what is no token then becomes bytes.
 */
function encodeSlowly(metadata: GgufMetadata): (text: string) => number[] {
  const tokens = metadata.get("tokenizer.ggml.tokens") as string[];
  const scores = metadata.get("tokenizer.ggml.scores") as ArrayLike<number>;
  const types = metadata.get("tokenizer.ggml.token_type") as ArrayLike<number>;
  const ordinary = (id: number) => ![2, 3, 6].includes(types[id]!);
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const mergeable = new Map(tokens.map((token, id) => [token, id] as const).filter(([, id]) => ordinary(id)));
  const spelled = (part: string) => mergeable.get(part) ?? Array.from(Buffer.from(part), byteToken);
  const byteToken = (byte: number) => idOf.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`)!;
  return (text) => {
    if (text === "") return [];
    const parts = Array.from(` ${text}`.replaceAll(" ", "▁"));
    for (;;) {
      let best = -1;
      let bestScore = Number.NEGATIVE_INFINITY;
      for (let i = 0; i + 1 < parts.length; i++) {
        const score = scores[mergeable.get(parts[i]! + parts[i + 1]!) ?? -1];
        if (score !== undefined && score > bestScore) [best, bestScore] = [i, score];
      }
      if (best < 0) return parts.flatMap(spelled);
      parts.splice(best, 2, parts[best]! + parts[best + 1]!);
    }
  };
}

async function compare(metadata: GgufMetadata, texts: Iterable<string>): Promise<void> {
  const tokenizer = await tokenizerFromGguf(metadata);
  const slow = encodeSlowly(metadata);
  for (const text of texts) {
    const ids = await tokenizer.encode(text, { special: false, parseSpecial: false });
    // User-defined tokens are cut out before; these texts have none.
    expect([...ids], JSON.stringify(text)).toEqual(slow(text));
  }
}

function* randomTexts(alphabet: readonly string[], count: number): Generator<string> {
  const random = randomness(9);
  for (let i = 0; i < count; i++) {
    const length = Math.floor(random() * 40);
    yield Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join("");
  }
}

describe("SentencePiece BPE from scores", () => {
  it("merges as the scores say, also against the order of the vocabulary", async () => {
    const pieces = ["▁", "a", "b", "c", "ab", "bc", "abc", "▁a", "aa", "aaa", "▁▁", "ba", "cab", "▁abc"];
    const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
    const random = randomness(4);
    for (let round = 0; round < 20; round++) {
      const scores = pieces.map((_, i) => -i).sort(() => random() - 0.5);
      const metadata = new Map<string, string | string[] | number[]>([
        ["tokenizer.ggml.model", "llama"],
        ["tokenizer.ggml.tokens", ["<unk>", "<s>", "</s>", ...bytes, ...pieces]],
        ["tokenizer.ggml.scores", [0, 0, 0, ...bytes.map(() => 0), ...scores]],
        ["tokenizer.ggml.token_type", [2, 3, 3, ...bytes.map(() => 6), ...pieces.map(() => 1)]],
      ]);
      await compare(metadata, randomTexts(["a", "a", "b", "c", " ", "é"], 40));
    }
  });

  for (const file of [
    "ggml-vocab/ggml-vocab-llama-spm.gguf",
    "ggml-vocab/ggml-vocab-phi-3.gguf",
    "stories260K/stories260K.gguf",
  ]) {
    const path = sharedFile(file);
    it.skipIf(!path)(because(file, path), async () => {
      const metadata = ggufMetadata(path!);
      const tokens = metadata.get("tokenizer.ggml.tokens") as string[];
      const plain = tokens.filter((token) => !/^<.*>$/.test(token)).map((token) => token.replaceAll("▁", " "));
      await compare(
        metadata,
        corpus.texts.filter((text) => !/[<[]/.test(text)),
      );
      await compare(metadata, randomTexts(plain, 300));
      await compare(metadata, randomTexts([" ", " ", "\n", "a", "the", "ing", "  ", "é", "中", "-", "="], 300));
    });
  }
});
