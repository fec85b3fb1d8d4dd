// Merges of a SentencePiece BPE vocabulary, which lists only tokens and their scores.
import { type GgufVocabulary, TokenType } from "./gguf_metadata.js";

/**
 * Every way to make a token of two others, best score first. Rank-ordered BPE with these merges takes the same steps
 * as merging the best-scored neighbours: a merge of a token ranks as its score does. Control tokens take no part:
 * written in a text, they are text. Time and size are linear in the characters of the vocabulary.
 */
export function mergesOf({ tokens, scores, types }: GgufVocabulary): [string, string][] {
  const takesPart = (id: number) =>
    types[id] !== TokenType.control && types[id] !== TokenType.unknown && types[id] !== TokenType.byte;
  const known = new Set(tokens.filter((_, id) => takesPart(id)));
  const order = [...tokens.keys()].filter(takesPart);
  if (scores) order.sort((a, b) => scores[b]! - scores[a]! || a - b);
  const merges: [string, string][] = [];
  for (const id of order) {
    const token = tokens[id]!;
    for (let at = 1; at < token.length; at++) {
      const left = token.slice(0, at);
      if (!known.has(left)) continue;
      const right = token.slice(at);
      if (known.has(right)) merges.push([left, right]);
    }
  }
  return merges;
}
