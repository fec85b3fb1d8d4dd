// Where a long text can be cut so that the ids of its parts are those of the whole: the library takes less time for
// small parts, and none of them holds up the event loop.
import { isRecord, type PartJson } from "./parts.js";
import { splitsAtWords } from "./pre.js";
import type { AddedTokenJson, TokenizerJson } from "./schema.js";

/** UTF-16 units of a part, and what is too short to be cut. */
const partSize = 16 * 1024;
const longText = 4 * partSize;

// Letters that begin no cluster with what follows: a border is between one of them and a space before another.
const letter = "[A-Za-z\u00c0-\u024f\u0386-\u03ff\u0400-\u0481\u048a-\u052f\u05d0-\u05ea\u0620-\u064a\uac00-\ud7a3]";
const border = new RegExp(`(?<=${letter}) (?=${letter})`, "g");
const ends = new RegExp(`^${letter}|${letter}$`);

/** Whether borders between words are borders of everything the tokenizer does. */
export function cutsAtWords({ added_tokens, normalizer, pre_tokenizer }: TokenizerJson): boolean {
  return (
    added_tokens.every(endsAtBorders) &&
    staysInWords(normalizer) &&
    pre_tokenizer !== null &&
    cut(pre_tokenizer) === true
  );
}

/** Ids of a text that may be cut at words, by its parts, one after another: the thread pool is there for others too. */
export async function inParts(text: string, encode: (part: string) => Promise<Int32Array>): Promise<Int32Array> {
  const parts = partsOf(text);
  if (parts.length === 1) return encode(text);
  const ids: Int32Array[] = [];
  for (const part of parts) ids.push(await encode(part));
  return joined(ids);
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function partsOf(text: string): string[] {
  if (text.length < longText) return [text];
  const parts: string[] = [];
  let start = 0;
  while (text.length - start > 2 * partSize) {
    border.lastIndex = start + partSize;
    const found = border.exec(text);
    if (!found) break;
    parts.push(text.slice(start, found.index));
    start = found.index;
  }
  parts.push(text.slice(start));
  return parts;
}

/** Neither lies across a border nor looks at what is behind one. */
function endsAtBorders({ content, lstrip, rstrip, single_word }: AddedTokenJson): boolean {
  return content.search(border) < 0 && !((lstrip || rstrip || single_word) && ends.test(content));
}

/** Whether a normalizer changes what is on one side of a border by that side alone. */
function staysInWords(part: PartJson | null): boolean {
  switch (part?.type) {
    case undefined:
    case "BertNormalizer":
    case "Lowercase":
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
    case "Precompiled":
    case "StripAccents":
      return true;
    case "Replace": {
      const { String: from, Regex: regex } = isRecord(part.pattern) ? part.pattern : ({} as Record<string, unknown>);
      return from === "``" || from === "''" || regex === " {2,}";
    }
    case "Sequence":
      return (part.normalizers as PartJson[]).every(staysInWords);
  }
  return false;
}

/** true for what cuts at every border, false for what may leave one but takes nothing across it, undefined for the rest. */
function cut(part: PartJson): boolean | undefined {
  switch (part.type) {
    case "BertPreTokenizer":
    case "Whitespace":
    case "WhitespaceSplit":
      return true;
    case "Digits":
    case "Punctuation":
      return false;
    case "ByteLevel":
      return part.use_regex !== false;
    case "Metaspace":
      return part.split !== false ? true : undefined;
    case "Split": {
      const regex = isRecord(part.pattern) ? part.pattern.Regex : undefined;
      return part.behavior === "Isolated" && part.invert !== true ? splitsAtWords(regex) : undefined;
    }
    case "Sequence": {
      const cuts = (part.pretokenizers as PartJson[]).map(cut);
      return cuts.includes(undefined) ? undefined : cuts.includes(true);
    }
  }
  return undefined;
}
