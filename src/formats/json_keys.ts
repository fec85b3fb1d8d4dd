// Looks through JSON text before it is parsed, for what JSON.parse would hide: keys given twice, and deep nesting.

const quote = 0x22;
const backslash = 0x5c;

/** What is wrong with the keys of a JSON text, or undefined. The text need not be valid. */
export function keyTrouble(text: string, maxDepth: number): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x7b || code === 0x5b) {
      if (open.push(code === 0x7b ? new Set() : undefined) > maxDepth) return `it is nested more than ${maxDepth} deep`;
    } else if (code === 0x7d || code === 0x5d) {
      open.pop();
    } else if (code === quote) {
      const end = closingQuote(text, i);
      if (isKey(text, end + 1)) {
        const key = unquote(text.slice(i, end + 1));
        const seen = open.at(-1);
        if (seen?.has(key)) return `the key "${key}" is given twice`;
        seen?.add(key);
      }
      i = end;
    }
  }
  return undefined;
}

function closingQuote(text: string, start: number): number {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
}

function isKey(text: string, after: number): boolean {
  let i = after;
  while (text.charCodeAt(i) <= 0x20) i++;
  return text.charCodeAt(i) === 0x3a;
}

function unquote(literal: string): string {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return literal; // JSON.parse of the whole text will say what is wrong
  }
}
