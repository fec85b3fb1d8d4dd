// Merges of a SentencePiece BPE vocabulary, which lists only tokens and their scores.
import { type GgufVocabulary, TokenType } from "./gguf_metadata.js";

/**
 * Every way to make a token of two others, best score first. Rank-ordered BPE with these merges takes the same steps
 * as merging the best-scored neighbours: a merge of a token ranks as its score does. Control tokens take no part:
 * written in a text, they are text.
 */
export function mergesOf({ tokens, scores, types }: GgufVocabulary): [string, string][] {
  const takesPart = (id: number) =>
    types[id] !== TokenType.control && types[id] !== TokenType.unknown && types[id] !== TokenType.byte;
  const order = [...tokens.keys()].filter(takesPart);
  const known = new Set(order.map((id) => tokens[id]!));
  const beginnings = beginningsOf(tokens, order);
  if (scores) order.sort((a, b) => scores[b]! - scores[a]! || a - b);
  const merges: [string, string][] = [];
  for (const id of order) {
    for (const left of beginnings[id]!) {
      const right = tokens[id]!.slice(left.length);
      if (known.has(right)) merges.push([left, right]);
    }
  }
  return merges;
}

/** For each of the ids the shorter tokens its token begins with: in sorted order these all stand right before it. */
function beginningsOf(tokens: readonly string[], ids: readonly number[]): (readonly string[])[] {
  const beginnings: (readonly string[])[] = [];
  const open: string[] = [];
  const spelled = (id: number) => tokens[id]!;
  for (const id of ids.toSorted((a, b) => (spelled(a) < spelled(b) ? -1 : 1))) {
    const token = spelled(id);
    while (open.length > 0 && !token.startsWith(open.at(-1)!)) open.pop();
    beginnings[id] = [...open];
    open.push(token);
  }
  return beginnings;
}
