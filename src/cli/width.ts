// How many cells of a terminal a text takes, and texts cut to fit.

/** Scripts without spaces between words, and emoji: two cells each (Unicode UAX #11, roughly). */
export const WIDE = /[\u1100-\u115f\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]|\p{Emoji_Presentation}/u;

export function cells(text: string): number {
  let count = 0;
  for (const character of text) count += WIDE.test(character) ? 2 : /\p{Mn}/u.test(character) ? 0 : 1;
  return count;
}

/** At most `width` cells: the beginning and "…". */
export function cutEnd(text: string, width: number): string {
  return cells(text) <= width ? text : `${take([...text], width - 1)}…`;
}

/** At most `width` cells: the beginning, "…" and the end, which tells shards and quants apart. */
export function cutMiddle(text: string, width: number): string {
  if (cells(text) <= width) return text;
  const tail = take([...text].reverse(), Math.ceil((width - 1) / 2));
  const head = take([...text], width - 1 - cells(tail));
  return `${head}…${[...tail].reverse().join("")}`;
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - cells(text)));
}

/** As many of the first characters as fit. */
function take(characters: readonly string[], width: number): string {
  let text = "";
  let room = width;
  for (const character of characters) {
    room -= cells(character);
    if (room < 0) break;
    text += character;
  }
  return text;
}
