// Pairs of texts and texts that are too long: what stands around them and what is left of them.
import { beforeAll, describe, expect, it } from "vitest";
import { tokenizerFromJson } from "../src/tokenizer/json.js";
import type { Tokenizer } from "../src/tokenizer/tokenizer.js";

const vocab = Object.fromEntries(
  ["<s>", "</s>", "[CLS]", "[SEP]", "a", "b", "c", "[UNK]"].map((token, id) => [token, id]),
);
const [bos, eos, cls, sep, a, b, c] = [0, 1, 2, 3, 4, 5, 6];

/** A tokenizer of words with this post-processor. */
function words(post_processor: object | null, config: Record<string, unknown> = {}): Promise<Tokenizer> {
  const added_tokens = [{ id: sep, content: "[SEP]", special: true }];
  const model = { type: "WordLevel", vocab, unk_token: "[UNK]" };
  return tokenizerFromJson(
    { model, added_tokens, pre_tokenizer: { type: "WhitespaceSplit" }, post_processor },
    { config },
  );
}

const pair = async (tokenizer: Tokenizer, first: string, second: string, maxTokens?: number) => {
  const { ids, types } = await tokenizer.encodePair(first, second, maxTokens === undefined ? {} : { maxTokens });
  return [[...ids], [...types]];
};

const bert = { type: "BertProcessing", sep: ["[SEP]", sep], cls: ["[CLS]", cls] };
const roberta = {
  type: "RobertaProcessing",
  sep: ["</s>", eos],
  cls: ["<s>", bos],
  trim_offsets: true,
  add_prefix_space: false,
};

describe("pairs", () => {
  it("of BERT have two segments", async () => {
    const wanted = [
      [cls, a, b, sep, c, sep],
      [0, 0, 0, 0, 1, 1],
    ];
    expect(await pair(await words(bert), "a b", "c")).toEqual(wanted);
  });

  it("of RoBERTa have one segment and two separators", async () => {
    const wanted = [
      [bos, a, b, eos, eos, c, eos],
      [0, 0, 0, 0, 0, 0, 0],
    ];
    expect(await pair(await words(roberta), "a b", "c")).toEqual(wanted);
  });

  it("are two segments where nothing stands around texts", async () => {
    const wanted = [
      [a, b, c],
      [0, 0, 1],
    ];
    const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
    expect(await pair(await words(null), "a b", "c")).toEqual(wanted);
    expect(await pair(await words({ type: "Sequence", processors: [bytes] }), "a b", "c")).toEqual(wanted);
  });

  it("keep special tokens that are written in a text, or take them as words", async () => {
    const tokenizer = await words(bert);
    expect((await tokenizer.encodePair("a [SEP]", "b")).ids).toEqual(Int32Array.of(cls, a, sep, sep, b, sep));
    const ids = (await tokenizer.encodePair("a [SEP]", "b", { parseSpecial: false })).ids;
    expect(ids).toEqual(Int32Array.of(cls, a, vocab["[UNK]"]!, sep, b, sep));
    expect((await tokenizer.encodePair("a", "b", { special: false })).ids).toEqual(Int32Array.of(a, b));
  });
});

describe("maxTokens", () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await words(bert);
  });

  it("keeps what stands around a text", async () => {
    expect([...(await tokenizer.encode("a b c a b", { maxTokens: 4 }))]).toEqual([cls, a, b, sep]);
    expect([...(await tokenizer.encode("a b", { maxTokens: 4 }))]).toEqual([cls, a, b, sep]);
    expect([...(await tokenizer.encode("a b c", { maxTokens: 2, special: false }))]).toEqual([a, b]);
    expect([...(await tokenizer.encode("a b c", { maxTokens: 2 }))]).toEqual([cls, sep]);
  });

  it("shortens the longer of two texts, and both where both are too long", async () => {
    const ids = async (first: string, second: string, maxTokens: number) =>
      (await pair(tokenizer, first, second, maxTokens))[0];
    expect(await ids("a", "b b b b b b", 7)).toEqual([cls, a, sep, b, b, b, sep]);
    expect(await ids("a a a a a a", "b", 7)).toEqual([cls, a, a, a, sep, b, sep]);
    expect(await ids("a a a a a a", "b b b b", 8)).toEqual([cls, a, a, a, sep, b, b, sep]);
    expect(await ids("a a a a", "b b b b", 8)).toEqual([cls, a, a, sep, b, b, b, sep]);
    expect(await ids("a", "b", 3)).toEqual([cls, sep, sep]);
  });

  it("takes the beginning away where the configuration says so", async () => {
    const left = await words(bert, { truncation_side: "left" });
    expect([...(await left.encode("a b c", { maxTokens: 4 }))]).toEqual([cls, b, c, sep]);
  });

  it("is refused where the special tokens alone are more", async () => {
    await expect(tokenizer.encode("a", { maxTokens: 1 })).rejects.toMatchObject({ code: "InvalidArgument" });
    await expect(tokenizer.encodePair("a", "b", { maxTokens: 2 })).rejects.toThrow("no room");
    for (const maxTokens of [-1, 1.5, Number.NaN, "3" as never]) {
      await expect(tokenizer.encode("a", { maxTokens })).rejects.toThrow("whole number");
    }
  });
});
