// The front matter of a model card: the part of YAML that cards are written in.

/** Values by key: texts, or lists of texts. What is neither (a table of results, say) is left out. */
export type Card = ReadonlyMap<string, string | readonly string[]>;

/** Reads the block between the first two lines of "---" of a README.md; without one, nothing. */
export function readCard(readme: string): Card {
  const [first, ...rest] = readme.replace(/^\uFEFF/, "").split(/\r?\n/);
  const end = rest.indexOf("---");
  const card = new Map<string, string | readonly string[]>();
  if (first !== "---") return card;
  const lines = (end < 0 ? rest : rest.slice(0, end)).filter((line) => !/^\s*(#|$)/.test(line));
  for (let i = 0; i < lines.length; ) {
    const [, key, inline = ""] = /^([\w-]+):(?:\s+(.*))?$/.exec(lines[i++]!) ?? [];
    const start = i;
    while (i < lines.length && /^(\s|-)/.test(lines[i]!)) i++;
    const value = key === undefined ? undefined : readValue(inline.trim(), lines.slice(start, i));
    if (value !== undefined) card.set(key!, value);
  }
  return card;
}

function readValue(inline: string, block: readonly string[]): string | readonly string[] | undefined {
  if (inline === "") {
    const items = block.map((line) => /^\s*-\s+(.*)$/.exec(line)?.[1]);
    const texts = items.map((item) => (item === undefined ? undefined : scalar(item)));
    return block.length > 0 && texts.every((text) => text !== undefined) ? texts : undefined;
  }
  if (block.length > 0) return undefined;
  const list = /^\[(.*)\](?:\s+#.*)?$/.exec(inline)?.[1];
  if (list === undefined) return scalar(inline);
  const texts = list
    .split(",")
    .filter((item) => item.trim() !== "")
    .map((item) => scalar(item.trim()));
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

/** A text without its quotes and the remark after it; undefined for anything with a structure of its own. */
function scalar(text: string): string | undefined {
  const [, quoted] = /^(?:"([^"\\]*)"|'([^']*)')(?:\s+#.*)?$/.exec(text)?.filter((part) => part !== undefined) ?? [];
  if (quoted !== undefined) return quoted;
  const plain = text.replace(/\s+#.*$/, "").trim();
  return plain === "" || /^[[{"'|>&*!%@`~]|: |^(null|true|false)$/i.test(plain) ? undefined : plain;
}
