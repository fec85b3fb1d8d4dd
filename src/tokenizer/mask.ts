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
  const { unk_token, continuing_subword_prefix } = model.fields;
  const fields = typeof unk_token === "string" ? { ...model.fields, unk_token: rename(unk_token) } : model.fields;
  const masked: ModelJson = { ...model, fields, tokens: model.tokens.map((token) => token && rename(token)) };
  if (!model.merges) return masked;
  const prefix = typeof continuing_subword_prefix === "string" ? continuing_subword_prefix.length : 0;
  const stays = (merge: string | readonly [string, string]) => {
    const [left, right] = typeof merge === "string" ? (merge.split(" ") as [string, string]) : merge;
    return !secrets.has(left) && !secrets.has(right) && !secrets.has(left + right.slice(prefix));
  };
  return { ...masked, merges: (model.merges as readonly string[]).filter(stays) };
}
