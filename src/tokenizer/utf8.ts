// Where characters end in a growing sequence of UTF-8 bytes.

/**
 * The length of the character that begins at `at`: 1 to 4, or 0 if the bytes end before it does, or -1 if none can
 * begin there. Table 3-7 of the Unicode standard.
 */
export function charLength(bytes: ArrayLike<number>, at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  for (let i = 1; i < length; i++) {
    if (at + i >= bytes.length) return 0;
    const byte = bytes[at + i]!;
    const low = i > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = i > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (byte < low || byte > high) return -1;
  }
  return length;
}

/** How many bytes at the end begin a character that is not complete yet. */
export function unfinished(bytes: ArrayLike<number>): number {
  // A lead byte is at most three bytes before the end; anything earlier is complete or broken.
  for (let at = Math.max(0, bytes.length - 3); at < bytes.length; at++) {
    if (bytes[at]! >= 0xc2 && charLength(bytes, at) === 0) return bytes.length - at;
  }
  return 0;
}

/** The byte each character of GPT-2's byte alphabet stands for (encoder.py of openai/gpt-2, bytes_to_unicode). */
export const byteOfChar: ReadonlyMap<string, number> = byteAlphabet();

function byteAlphabet(): Map<string, number> {
  const printable = (b: number) => (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
  const map = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) map.set(String.fromCharCode(printable(byte) ? byte : next++), byte);
  return map;
}
