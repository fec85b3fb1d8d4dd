// Ids: makes those of a tokenizer.json come out as written, where the native library would number anew.
import { invalid } from "./parts.js";
import type { AddedTokenJson, ModelJson, TokenizerJson } from "./schema.js";

/** Spellings by id of the model and the added tokens. */
export function spellings(json: TokenizerJson): (string | undefined)[] {
  const tokens = [...json.model.tokens];
  for (const { id, content } of json.added_tokens) tokens[id] = content;
  return tokens;
}

/** The first id after all of the model's and the added tokens. */
export function nextId(model: ModelJson, added: Iterable<AddedTokenJson>): number {
  let next = model.tokens.length;
  for (const { id } of added) next = Math.max(next, id + 1);
  return next;
}

/**
 * Fills holes. The library gives an added token the next free id, whatever its `id` says, and counts the model's
 * tokens where it should take the highest id; so a hole in either would move every token after it.
 * @throws DeadliftError InvalidTokenizer where two tokens claim one id or one token two
 */
export function fillHoles(json: TokenizerJson): TokenizerJson {
  const added = distinct(json.added_tokens);
  const model = fillModel(json.model, added);
  const idOf = lookup(model);
  const tokens: AddedTokenJson[] = [];
  let next = model.tokens.length;
  for (const token of added) {
    const known = model.tokens[token.id] === token.content ? token.id : idOf(token.content);
    if (known !== undefined && known !== token.id) {
      throw invalid(`"${token.content}" has id ${known} in the vocabulary but ${token.id} in added_tokens`);
    }
    if (known === undefined) {
      if (token.id < next) throw invalid(`id ${token.id} of "${token.content}" belongs to another token`);
      while (next < token.id) tokens.push(placeholder(next++));
      next++;
    }
    tokens.push(token);
  }
  return { ...json, model, added_tokens: tokens };
}

/** Ids by spelling, indexed when the first is asked for. */
function lookup({ tokens }: ModelJson): (token: string) => number | undefined {
  let ids: Map<string | undefined, number> | undefined;
  return (token) => {
    ids ??= new Map(Array.from(tokens, (spelling, id) => [spelling, id]));
    return ids.get(token);
  };
}

/** Sorted by id; a token that is listed twice counts once, the last time. The library skips empty ones. */
function distinct(tokens: AddedTokenJson[]): AddedTokenJson[] {
  const byContent = new Map(tokens.map((token) => [token.content, token]));
  byContent.delete("");
  return [...byContent.values()].sort((a, b) => a.id - b.id);
}

// NUL keeps these apart from anything that text is cut into.
const holeName = (id: number) => `\u0000hole ${id}`;

const placeholder = (id: number): AddedTokenJson => ({
  id,
  content: holeName(id),
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

/** Gives every id below the model's highest a token: an added one that belongs there, or a placeholder. */
function fillModel(model: ModelJson, added: AddedTokenJson[]): ModelJson {
  if (!model.tokens.includes(undefined)) return model;
  const idOf = lookup(model);
  const tokens = [...model.tokens];
  for (const { id, content } of added) {
    if (id < tokens.length && tokens[id] === undefined && idOf(content) === undefined) tokens[id] = content;
  }
  return { ...model, tokens: tokens.map((token, id) => token ?? holeName(id)) };
}
