// How each `tokenizer.ggml.pre` cuts text before byte-level BPE (names and rules as in llama.cpp's llama-vocab.cpp).
import { invalid, type PartJson } from "./parts.js";

/** One pre-tokenizer: each pattern cuts what the one before left. */
export interface Pre {
  readonly splits: readonly string[];
  /** A word that is a token as a whole is not merged up from its characters. */
  readonly ignoreMerges?: boolean;
  /** Texts begin with bos unless the file says otherwise. */
  readonly addBos?: boolean;
  /** Texts begin with bos whatever the file says. */
  readonly alwaysBos?: boolean;
  /** A separator stands between two texts unless the file says otherwise. */
  readonly addSep?: boolean;
  /** No bytes: pieces are of characters, with "▁" for spaces. */
  readonly characters?: boolean;
}

// Where llama.cpp approximates an expression of the model's tokenizer.json, this is the one of the tokenizer.json.
const contraction = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const lineEnds = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;
const symbols = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*`;
const words = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`;
const upper = String.raw`\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}`;
const lower = String.raw`\p{Ll}\p{Lm}\p{Lo}\p{M}`;
const notHan = String.raw`&&[^\p{Han}]`;
const cased = (end: string, but = "") =>
  String.raw`[^\r\n\p{L}\p{N}]?[${upper}${but}]*[${lower}${but}]+${end}|` +
  String.raw`[^\r\n\p{L}\p{N}]?[${upper}${but}]+[${lower}${but}]*${end}`;
const punctuated =
  String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_${"`"}{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|` +
  String.raw` ?[\p{P}\p{S}]+[\r\n]*|${lineEnds}`;
/** A set of characters from the hexadecimal codes of its spans. */
const spans = (codes: string) =>
  codes
    .trim()
    .split(/\s+/)
    .map((span) => span.replaceAll(/[0-9A-F]+/g, String.raw`\x{$&}`))
    .join("");
const cjk = `[${spans("4E00-9FA5 3040-309F 30A0-30FF")}]+`;
const cjkAndHangul = `[${spans("4E00-9FA5 800-4E00 AC00-D7FF")}]+`;
const korean = `[${spans("AC00-D7A3 3131-318E")}]+`;
const widePunctuation = `[${spans("FF01 2026 201C 201D 2018 2019 2014 FF1A FF1B FF0C 3001-303F FE30-FE4F")}]+`;
const bopomofo = `[${spans("3105-312F")}]+`;
const asian = `[${spans(`
  4E00-9FFF 3400-4DBF 8C48-FAFF 3040-309F 30A0-30FF FF65-FF9F 2F00-2FDF E40-E7F E80-EFF 1780-17FF 1000-109F AA60-AA7F
  A9E0-A9FF AC00-D7AF 1100-11FF`)}]+`;
// The cased letters, as listed in the tokenizer.json of deepseek-llm.
const letters = `[${spans(`
  41-5A 61-7A B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 37B-37D 37F 386 388-38A 38C 38E-3A1 3A3-3F5
  3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B 1D6B-1D77 1D79-1D9A 1E00-1F15
  1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FBC 1FBE 1FC2-1FC4 1FC6-1FCC
  1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 2115 2119-211D 2124 2126 2128 212A-212D
  212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 2C00-2C7B 2C7E-2CE4 2CEB-2CEE 2CF2 2CF3 A640-A66D A680-A69B
  A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 FB13-FB17 FF21-FF3A FF41-FF5A 10400-1044F 104B0-104D3 104D8-104FB
  10C80-10CB2 10CC0-10CF2 118A0-118DF 1E900-1E943`)}]+`;
/** Threes of digits from the right. */
const threes = String.raw`\d{1,3}(?=(?:\d{3})*(?!\d))`;
/** Powers of two of spaces, as many as fit. */
const halvings = [512, 256, 128, 64, 32, 16, 8, 4].map((n) => String.raw`\s{${n}}(?!\S)`).join("|");

const gpt2: Pre = { splits: [String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)`] };
const digitwise: Pre = { splits: [String.raw`\p{N}`, ...gpt2.splits] };
const llama3: Pre = {
  splits: [String.raw`${contraction}|${words}|\p{N}{1,3}|${symbols}|${lineEnds}`],
};
const llama3Bos: Pre = { ...llama3, ignoreMerges: true, addBos: true };
const qwen2: Pre = { splits: [String.raw`${contraction}|${words}|\p{N}|${symbols}|${lineEnds}`] };
const gpt4o: Pre = {
  splits: [String.raw`${cased(`${contraction}?`)}|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${lineEnds}`],
};
const deepseekV3: Pre = { splits: [String.raw`\p{N}{1,3}`, cjk, punctuated] };
const newlines: Pre = { splits: [String.raw`[^\n]+|[\n]+`], characters: true };
const ayaLike: Pre = { splits: [String.raw`\d{1,3}(?=(?:\d{3})*\b)`, ...gpt4o.splits] };
const bailing: Pre = {
  splits: [
    String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`,
  ],
};
const bloom: Pre = { splits: [String.raw` ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{0964}\x{06D4}\x{060C})]+`] };

const table: Readonly<Record<string, Pre>> = {
  default: {
    splits: [String.raw`[\p{P}\$\+<=>\^~\|]+`, ...gpt2.splits, String.raw`\p{N}+`, "[0-9][0-9][0-9]"],
  },
  ...named(gpt2, "gpt-2 phi-2 jina-es jina-de jina-v2-es jina-v2-de gigachat a.x-4.0"),
  ...named({ ...gpt2, addSep: true }, "jina-v1-en jina-v2-code roberta-bpe"),
  ...named(gpt2, "mellum modern-bert mpt olmo jais trillion granite-docling exaone4"),
  ...named(digitwise, "starcoder refact command-r smollm codeshell exaone minerva-7b mellum2"),
  ...named(llama3Bos, "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano"),
  ...named(llama3, "dbrx smaug-bpe chatglm-bpe"),
  ...named({ ...llama3, ignoreMerges: true }, "glm4 glm5"),
  ...named(qwen2, "qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2"),
  ...named(gpt4o, "gpt-4o llama4 kanana2 talkie minimax-m2"),
  "granite-embed-multi-97m": { ...gpt4o, ignoreMerges: true },
  ...named(ayaLike, "tiny_aya cohere2moe"),
  ...named(deepseekV3, "deepseek-v3 hunyuan-dense joyai-llm hy_v4"),
  ...named(bailing, "bailingmoe bailingmoe2 llada-moe"),
  ...named(bloom, "bloom poro-chat gpt3-finnish"),
  ...named({ ...newlines, alwaysBos: true }, "gemma4 granite-embed-multi-311m"),
  "sarvam-moe": newlines,
  "jais-2": {
    splits: [String.raw`${contraction}|${words}|\p{N}{1,3}|${symbols}|\s*[\r\n]+|${halvings}|\s{1,2}(?!\S)|\s`],
  },
  superbpe: { splits: [String.raw`\p{N}+`, threes] },
  afmoe: { splits: [threes.replaceAll(String.raw`\d`, String.raw`\p{N}`), asian, punctuated] },
  youtu: {
    splits: [
      `${korean}|${widePunctuation}|${bopomofo}|${cjk}`,
      String.raw`${cased(`${contraction}?`)}|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${lineEnds}`,
    ],
    ignoreMerges: true,
  },
  spark2_5: {
    splits: [
      String.raw`\p{N}{1,3}`,
      cjk,
      punctuated.replace(String.raw`[\r\n]*|\s*[\r\n]+`, String.raw`|[\r\n]`),
      String.raw`\p{N}`,
    ],
  },
  chameleon: {
    splits: [
      "<sentinel:[0-9]+>",
      "IMGIMG[A-I]{1,4}Z",
      String.raw`[\t\n]|    |  `,
      String.raw`\p{N}`,
      String.raw`[\p{P}!-/:-@\[-${"`"}{-~]`,
      ...gpt2.splits,
    ],
    addBos: true,
  },
  viking: { splits: [...bloom.splits, String.raw`\p{N}`] },
  "deepseek-llm": {
    splits: [
      String.raw`[\r\n]`,
      String.raw`\s?${letters}`,
      String.raw`\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+`,
      String.raw`\s+$`,
      cjkAndHangul,
      String.raw`\p{N}`,
    ],
  },
  "deepseek-coder": {
    splits: [String.raw`[\r\n]`, String.raw`\s?\p{L}+`, String.raw`\s?\p{P}+`, cjkAndHangul, String.raw`\p{N}`],
  },
  falcon: {
    splits: [String.raw`[\p{P}\$\+<=>\^~\|${"`"}]+`, ...gpt2.splits, "[0-9][0-9][0-9]"],
  },
  qwen35: {
    splits: [
      String.raw`${contraction}|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|${lineEnds}`,
    ],
  },
  tekken: {
    splits: [String.raw`${cased("")}|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${lineEnds}`],
    ignoreMerges: true,
    addBos: true,
  },
  "kimi-k2": {
    splits: [String.raw`[\p{Han}]+|${cased(`${contraction}?`, notHan)}|\p{N}{1,3}|${symbols}|${lineEnds}`],
  },
  "seed-coder": {
    splits: [String.raw`${contraction}|${words}|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|${lineEnds}`],
  },
  "exaone-moe": {
    splits: [
      String.raw`${contraction}|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|` +
        String.raw`\s*[\r\n]|\s+(?!\S)|\s+`,
    ],
  },
  minicpm5: {
    splits: [String.raw`\p{N}{1,3}`, String.raw`${contraction}|${words}|\p{N}+|${symbols}|${lineEnds}`],
    ignoreMerges: true,
  },
  laguna: { splits: [String.raw`[^\n]+|[\n]+`, ...qwen2.splits] },
  ufakzeka: { splits: [String.raw`${words}|\p{N}|${symbols}|${lineEnds}`] },
};

function named(pre: Pre, names: string): Record<string, Pre> {
  return Object.fromEntries(names.split(" ").map((name) => [name, pre]));
}

export const preNames: readonly string[] = Object.keys(table);

// These take words together with the spaces between them.
const acrossWords = new Set([
  "exaone-moe",
  "laguna",
  "superbpe",
  ...preNames.filter((name) => table[name]!.characters),
]);
const known = new Set(
  preNames.filter((name) => !acrossWords.has(name)).flatMap((name) => table[name]!.splits.map(spelledOut)),
);

/** With characters for their codes: files have either. */
function spelledOut(regex: string): string {
  return regex
    .replaceAll(/\\x\{([0-9A-F]+)\}/g, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replaceAll(String.raw`\r`, "\r")
    .replaceAll(String.raw`\n`, "\n");
}

/**
 * Whether an expression of the table matches " b" apart from the "a" before it, for all letters; undefined for one that is
 * not known or may match "a b" as one.
 */
export function splitsAtWords(regex: unknown): boolean | undefined {
  if (typeof regex !== "string" || !known.has(spelledOut(regex))) return undefined;
  return /\\p\{L[u}]/.test(regex);
}

/** @throws DeadliftError InvalidTokenizer for a name that is not known */
export function preOf(name: string): Pre {
  const pre = Object.hasOwn(table, name) ? table[name] : undefined;
  if (pre) return pre;
  throw invalid(`tokenizer.ggml.pre is "${name}", which is not known here; known: ${preNames.join(", ")}`);
}

/** Isolated splits, then bytes as the characters of GPT-2's alphabet. */
export function preTokenizer(splits: readonly string[]): PartJson {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, use_regex: false, trim_offsets: false };
  return { type: "Sequence", pretokenizers: [...splits.map(isolated), byteLevel] };
}

export function isolated(regex: string): PartJson {
  return { type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false };
}
