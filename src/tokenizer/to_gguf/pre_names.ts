// Finds which `tokenizer.ggml.pre` cuts text as a tokenizer.json does: by what they do to a text that tells them apart.

import { library } from "../native_tokenizer.js";
import { invalid, isRecord, type PartJson } from "../parts.js";
import { isolated, preNames, preOf, preTokenizer } from "../pre.js";
import type { TokenizerJson } from "../schema.js";

/** Whatever any pre-tokenizer treats in its own way: numbers, contractions, cases, scripts, spaces, line ends, marks. */
const probe = [
  "It's I'LL we'Ve they'd don't rock'n'roll 'tis 's ’s don’t I'M 'RE 're'Ll x'tis I'mm you'rex A'LLB'sS",
  "0 12 123 1234 12345 123456 1234567 3.14159 1,000,000 0xFF a1b22c333 ٣٤٥ ½ Ⅷ ² 1a2B 9\n99 v1.2.3  12   345\t6\n\n78 \n 9. 1 (2",
  "camelCaseWord XMLHttpRequest snake_case SCREAMING_CASE iPhone McDonald ÉCOLE École éCOLE ǅ ʰx aB Ab AB ab",
  "  two   three    four\tone\t\ttwo \t \n\n\n \n \r\n\r\n\r x\u00a0y\u3000z  \n  end \n",
  "Straße größer ΑΒΓ αβγ Москва СНЕГ їжак Երևան მზე שלום יָם مرحبا كِتَاب नमस्ते क्षत्रिय বাংলা தமிழ் ภาษาไทย น้ำ ខ្មែរ",
  "你好世界 漢字かなカナ 日本語、東京ー 한국어 각 ㅋㅋ 中a文b1 龍 ﾊﾝｶｸ 〇々 ーあア゛",
  "!!! ??? ... --- === => -> <= a+b=c $5 ~^|<> `x` {[(a)]} a.b,c;d:e /path/x // \\n @x #y %d &c *p _q_ a/b\n/c !\n?\n/",
  "e\u0301 a\u0308\u0323 n\u0303o\u0302 \u0301x ö ß ﬁ ™ © € £ ¥ № “q” «z» – — … • ☃ ‰ √∞≈",
  "😀 👨‍👩‍👧 👩🏽‍💻 🏳️‍🌈 🇯🇵 1️⃣ \u200bz\u200dw \ufeff x\u0000y \u0085 \u2028 \ue000 𝔘𝔫 𐌲 𠜎",
  "。a！b？c，d「e」 foo.bar foo!bar ($x) .net -1 +2 =3 #!/bin/sh http://a.b/c?d=e&f ''' \"\"\" x''y  ) ) \n)\n\n}",
  "!abc ?Abc .\nabc )\r\nabc $abc €abc ~abc +abc a-b a–b \u0301\u0302 \n\u0301 a\u0301\u0301b, ,, , ,a",
].join("\n\n \n");

/** Where a pre-tokenizer cuts the probe. */
function cutsOf(pre: PartJson, open: Awaited<ReturnType<typeof library>>): Promise<string> {
  // A model of words makes each piece a token of its own, whatever it is.
  const model = { type: "WordLevel", tokens: ["?"], fields: { unk_token: "?" } } as const;
  const parts = { added_tokens: [], normalizer: null, post_processor: null, decoder: null };
  const words = open({ ...parts, pre_tokenizer: pre, model });
  return words.encode(probe, null, { addSpecialTokens: false }).then((encoding) => encoding.getOffsets().join(" "));
}

/**
 * Published pre-tokenizers that cut more than their name does, where their vocabularies have no token across: Falcon looks
 * for digits among characters that stand for bytes, some of which are superscripts and fractions.
 */
const published: Readonly<Record<string, PartJson>> = {
  falcon: {
    type: "Sequence",
    pretokenizers: [
      { type: "Punctuation", behavior: "Contiguous" },
      { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      { type: "Digits", individual_digits: false },
      isolated("[0-9][0-9][0-9]"),
    ],
  },
};

let known: Promise<ReadonlyMap<string, readonly string[]>> | undefined;

/** Names by the cuts they make, each group in the order of the table. */
async function namesByCuts(): Promise<ReadonlyMap<string, readonly string[]>> {
  const open = await library();
  const groups = new Map<string, string[]>();
  const bySplits = new Map<readonly string[], string>();
  for (const name of preNames) {
    const { splits } = preOf(name);
    const cuts = bySplits.get(splits) ?? (await cutsOf(preTokenizer(splits), open));
    bySplits.set(splits, cuts);
    groups.set(cuts, [...(groups.get(cuts) ?? []), name]);
  }
  for (const [name, pre] of Object.entries(published)) {
    const cuts = await cutsOf(pre, open);
    groups.set(cuts, [...(groups.get(cuts) ?? []), name]);
  }
  return groups;
}

/** What converters write where several names mean the same. */
const preferred = ["llama-bpe", "qwen2", "gpt-2", "gpt-4o", "deepseek-v3"];

/** The name for the pre-tokenizer of a byte-level BPE. Throws InvalidTokenizer where none of the table cuts as it does. */
export async function preNameOf({ pre_tokenizer, model }: TokenizerJson): Promise<string> {
  if (!pre_tokenizer || prefixesSpace(pre_tokenizer)) {
    throw invalid("the tokenizer puts a space before texts, which GGUF cannot say of byte-level BPE");
  }
  known ??= namesByCuts();
  const cuts = await cutsOf(pre_tokenizer, await library());
  const same = (await known).get(cuts) ?? [];
  const ignoresMerges = model.fields.ignore_merges === true;
  const names = same.filter((name) => (preOf(name).ignoreMerges === true) === ignoresMerges);
  const found = names.find((name) => preferred.includes(name)) ?? names[0];
  if (found !== undefined) return found;
  const near =
    same.length > 0 ? ` (${same[0]} cuts alike but ${ignoresMerges ? "merges" : "does not merge"} words)` : "";
  throw invalid(
    `the tokenizer cuts text as no tokenizer.ggml.pre of llama.cpp does${near}, so that GGUF cannot hold it; ` +
      `known: ${preNames.join(", ")}`,
  );
}

/** Anywhere within: `add_prefix_space` of a ByteLevel. */
function prefixesSpace(part: unknown): boolean {
  if (Array.isArray(part)) return part.some(prefixesSpace);
  if (!isRecord(part)) return false;
  return (part.type === "ByteLevel" && part.add_prefix_space !== false) || prefixesSpace(part.pretokenizers ?? []);
}
