// SentencePiece's precompiled normalisation map, checked so that no text can lead its reader out of bounds.
//
//   u32 size | size bytes: u32 units of a double array (a trie over bytes) | NUL-terminated UTF-8 replacements
//   unit:  leaf: bit 31, value (offset of a replacement) in bits 0-30
//          else: label in bits 0-7, has-leaf in bit 8, offset in bits 10-30, shifted left by 8 if bit 9 is set
// (google/sentencepiece, src/normalizer.cc and third_party/darts_clone)
import { DeadliftError, expected } from "../error.js";

/** @throws DeadliftError InvalidTokenizer unless `base64` holds a map that is sound for every text. */
export function checkCharsmap(base64: unknown, name: string): void {
  const broken = (what: string) => new DeadliftError("InvalidTokenizer", `the charsmap of ${name} is broken: ${what}`);
  if (typeof base64 !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0) {
    throw new DeadliftError("InvalidTokenizer", expected("base64", `${name}.precompiled_charsmap`, base64));
  }
  const bytes = Buffer.from(base64, "base64");
  const size = bytes.length >= 4 ? bytes.readUInt32LE(0) : 0;
  if (size < 4 || size % 4 !== 0 || 4 + size > bytes.length) throw broken(`${bytes.length} bytes, trie of ${size}`);
  const units = new Uint32Array(new Uint8Array(bytes.subarray(4, 4 + size)).buffer);
  const starts = replacementStarts(bytes.subarray(4 + size));
  if (!starts) throw broken("its replacements are not UTF-8");
  for (const value of leaves(units)) {
    if (value === undefined) throw broken("its trie leads out of bounds");
    if (starts[value] !== 1) throw broken(`no replacement begins at ${value}`);
  }
}

/** 1 where a character begins, or undefined if the text is not UTF-8. */
function replacementStarts(text: Buffer): Uint8Array | undefined {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(text);
  } catch {
    return undefined;
  }
  return Uint8Array.from(text, (byte) => (byte >= 0x80 && byte < 0xc0 ? 0 : 1));
}

/** The values of all leaves that some text reaches; undefined for a step out of the array. */
function* leaves(units: Uint32Array): Generator<number | undefined> {
  const offset = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6);
  const seen = new Uint8Array(units.length);
  const stack = [offset(units[0]!)];
  while (stack.length > 0) {
    const from = stack.pop()!;
    for (let byte = 1; byte < 256; byte++) {
      const at = from ^ byte;
      if (at >= units.length) yield undefined;
      const unit = units[at]!;
      if ((unit & 0x800000ff) !== byte || seen[at] === 1) continue;
      seen[at] = 1;
      const next = at ^ offset(unit);
      if (unit & 0x100) yield next < units.length ? units[next]! & 0x7fffffff : undefined;
      stack.push(next);
    }
  }
}
