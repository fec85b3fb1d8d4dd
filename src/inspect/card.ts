// The first words of a model card as plain text: cards are prose that anybody may have written.

/** What is read of a card: the front matter of long ones has some 10 KB. */
export const cardBytes = 32 * 2 ** 10;
const maxSummary = 600;
/** Shorter paragraphs without a full stop are titles, badges and links. */
const minParagraph = 60;

/** One to three paragraphs of at most 600 characters in all; undefined when the card says nothing in sentences. */
export function cardSummary(card: string): string | undefined {
  const body = withoutFrontMatter(card.slice(0, cardBytes).replace(/^\uFEFF/, ""));
  if (body === undefined) return undefined;
  const text = ["<!--:-->", "<style:</style>", "<script:</script>", "<details:</details>", "<table:</table>"].reduce(
    (rest, pair) => without(rest, ...(pair.split(":") as [string, string])),
    body,
  );
  let summary = "";
  for (const paragraph of paragraphs(text)) {
    const plain = plainText(paragraph);
    if (plain.length < minParagraph && !/[.!?:。！？]$/.test(plain)) continue;
    if (!/\p{L}{2}/u.test(plain)) continue;
    if (summary !== "" && summary.length + plain.length > maxSummary) break;
    summary += (summary && "\n") + plain;
  }
  return summary === "" ? undefined : clip(summary);
}

/** undefined: it has no end here, so nothing is known of the text after it. */
function withoutFrontMatter(card: string): string | undefined {
  if (!/^---[ \t]*\r?\n/.test(card)) return card;
  const end = /\n---[ \t]*(?:\r?\n|$)/.exec(card);
  return end ? card.slice(end.index + end[0].length) : undefined;
}

/** Cuts out everything from `open` to `close`, or to the end where nothing closes it. */
function without(text: string, open: string, close: string): string {
  const lower = text.toLowerCase();
  let kept = "";
  let at = 0;
  // A longer copy in lower case, as some letters have, would move every place.
  while (lower.length === text.length) {
    const start = lower.indexOf(open, at);
    if (start < 0) break;
    kept += text.slice(at, start);
    const end = lower.indexOf(close, start + open.length);
    if (end < 0) return kept;
    at = end + close.length;
  }
  return kept + text.slice(at);
}

/** Runs of lines that are prose: no headings, code, tables, lists, rules. */
function* paragraphs(text: string): Generator<string> {
  let lines: string[] = [];
  let fence = "";
  for (const line of [...text.split(/\r?\n/), ""]) {
    const [, mark] = /^ {0,3}(```|~~~)/.exec(line) ?? [];
    if (mark !== undefined && (fence === "" || fence === mark)) fence = fence === "" ? mark : "";
    // The line above an underline was a title.
    if (/^ {0,3}(?:=+|-{2,})[ \t]*$/.test(line)) lines = [];
    if (fence === "" && mark === undefined && isProse(line)) {
      lines.push(line.replace(/^[ \t]*>[ \t]?/, ""));
    } else {
      if (lines.length > 0) yield lines.join(" ");
      lines = [];
    }
  }
}

function isProse(line: string): boolean {
  return (
    line.trim() !== "" &&
    !/^[ \t]*(?:#{1,6}(?:[ \t]|$)|[|]|[-*+][ \t]|\d+[.)][ \t]|[-*_=]{3,}[ \t]*$|>?[ \t]*\[!)/.test(line)
  );
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };

/** Without markup, and without characters that a terminal would obey. Patterns are bounded: a card may be hostile. */
function plainText(paragraph: string): string {
  return paragraph
    .replace(/!\[[^[\]]{0,300}\]\([^()]{0,1000}\)/g, "")
    .replace(/\[([^[\]]{0,300})\](?:\([^()]{0,1000}\)|\[[^[\]]{0,100}\])/g, "$1")
    .replace(/<[^<>]{0,1000}>/g, "")
    .replace(/[*`]+|(?<!\p{L})_+|_+(?!\p{L})/gu, "")
    .replace(/&(amp|lt|gt|quot|apos|nbsp);/g, (_, name: string) => entities[name]!)
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]+/gu, " ")
    .replace(/\s+/g, " ")
    .trim();
}

function clip(text: string): string {
  if (text.length <= maxSummary) return text;
  const cut = text.slice(0, maxSummary - 1);
  const space = cut.lastIndexOf(" ");
  return `${(space > maxSummary / 2 ? cut.slice(0, space) : cut).replace(/[\ud800-\udbff]$/, "")}…`;
}
