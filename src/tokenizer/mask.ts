// A second spelling for special tokens, so that text which looks like one is only text.
import { randomBytes } from "node:crypto";
import type { AddedTokenJson, ModelJson, TokenizerJson } from "./schema.js";

/** Special tokens by their usual spelling. */
export type Secrets = ReadonlyMap<string, string>;

/** New spellings that nobody can guess or write by accident. Letters and digits stay as they are in any normalizer. */
export function makeSecrets(tokens: readonly AddedTokenJson[]): Secrets {
  const key = randomBytes(16).toString("hex");
  return new Map(tokens.map(({ content, id }) => [content, `x${key}x${String(id).padStart(8, "0")}x`]));
}

/**
 * The same tokenizer, with the same ids, in which special tokens are spelled as `secrets` say. Nothing in an
 * ordinary text gives their ids: neither by an exact match nor by the model's own merges or pieces.
 */
export function mask(json: TokenizerJson, secrets: Secrets): TokenizerJson {
  const rename = (token: string) => secrets.get(token) ?? token;
  const added_tokens = json.added_tokens.map((token) => ({ ...token, content: rename(token.content) }));
  return { ...json, added_tokens, model: maskModel(json.model, secrets, rename) };
}

function maskModel(model: ModelJson, secrets: Secrets, rename: (token: string) => string): ModelJson {
  const masked: ModelJson = { ...model };
  if (typeof model.unk_token === "string") masked.unk_token = rename(model.unk_token);
  if (Array.isArray(model.vocab)) {
    masked.vocab = model.vocab.map(([token, score]) => [rename(token), score]);
    return masked;
  }
  const vocab: Record<string, number> = { ...model.vocab };
  for (const [token, secret] of secrets) {
    if (!Object.hasOwn(vocab, token)) continue;
    vocab[secret] = vocab[token]!;
    delete vocab[token];
  }
  masked.vocab = vocab;
  const prefix = typeof model.continuing_subword_prefix === "string" ? model.continuing_subword_prefix.length : 0;
  if (model.merges) {
    masked.merges = model.merges.filter(
      ([left, right]) => !secrets.has(left) && !secrets.has(right) && !secrets.has(left + right.slice(prefix)),
    );
  }
  return masked;
}
