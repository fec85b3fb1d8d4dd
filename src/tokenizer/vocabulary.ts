// Ids: makes those of a tokenizer.json come out as written, where the native library would number anew.
import { type AddedTokenJson, checkId, invalid, type ModelJson, type TokenizerJson } from "./schema.js";

/** Spellings by id of the model and the added tokens. */
export function spellings(json: TokenizerJson): (string | undefined)[] {
  const tokens: (string | undefined)[] = [];
  if (Array.isArray(json.model.vocab)) for (const [token] of json.model.vocab) tokens.push(token);
  else for (const token of Object.keys(json.model.vocab)) tokens[json.model.vocab[token]!] = token;
  for (const { id, content } of json.added_tokens) tokens[id] = content;
  return tokens;
}

/** The id of a token of the model, without its added tokens. */
export function idInModel({ vocab }: ModelJson, token: string): number | undefined {
  if (!Array.isArray(vocab)) return Object.hasOwn(vocab, token) ? vocab[token] : undefined;
  const id = vocab.findIndex(([piece]) => piece === token);
  return id < 0 ? undefined : id;
}

/** The first id after all of the model's and the added tokens. */
export function nextId(model: ModelJson, added: Iterable<AddedTokenJson>): number {
  let next = Array.isArray(model.vocab) ? model.vocab.length : 0;
  if (!Array.isArray(model.vocab)) for (const id of Object.values(model.vocab)) next = Math.max(next, id + 1);
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
  const model = Array.isArray(json.model.vocab) ? json.model : fillModel(json.model, added);
  const idOf = idsOf(model);
  const size = idOf.size;
  const tokens: AddedTokenJson[] = [];
  let next = size;
  for (const token of added) {
    const known = idOf.get(token.content);
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

function idsOf(model: ModelJson): Map<string, number> {
  if (!Array.isArray(model.vocab)) return new Map(Object.entries(model.vocab));
  return new Map(model.vocab.map(([token], id) => [token, id]));
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
  const vocab = model.vocab as Record<string, number>;
  const ids = Object.values(vocab);
  const size = nextId(model, []);
  if (size === ids.length) return model;
  const taken = new Uint8Array(size);
  for (const id of ids) taken[checkId(id, "an id")] = 1;
  const filled = { ...vocab };
  for (const { id, content } of added) {
    if (id < size && taken[id] === 0 && !Object.hasOwn(vocab, content)) {
      filled[content] = id;
      taken[id] = 1;
    }
  }
  for (let id = 0; id < size; id++) if (taken[id] === 0) filled[holeName(id)] = id;
  return { ...model, vocab: filled };
}
