// A tokenizer.json as `AutoTokenizer` of Python transformers (5.x) reads it, with the files beside it.
import { expected } from "../error.js";
import { classRules } from "./class_rules.js";
import { openTokenizer } from "./native_tokenizer.js";
import { invalid, isRecord } from "./parts.js";
import type { ModelJson, TokenizerJson } from "./schema.js";
import { type AddedTokenJson, checkAddedToken, checkId, checkTokenizer } from "./schema.js";
import type { Tokenizer } from "./tokenizer.js";
import { nextId } from "./vocabulary.js";

type Fields = Readonly<Record<string, unknown>>;

/** The files beside a tokenizer.json, parsed. All of them may be absent. */
export interface TokenizerFiles {
  /** tokenizer_config.json */
  readonly config?: Fields | undefined;
  /** special_tokens_map.json; counts only where the config does not list its added tokens. */
  readonly specialTokensMap?: Fields | undefined;
  /** generation_config.json, or config.json if there is none: its `eos_token_id` ends generations. */
  readonly generationConfig?: Fields | undefined;
  /** `model_type` of config.json. Python takes some models' tokenizer class from it. */
  readonly modelType?: string | undefined;
}

/**
 * Opens a tokenizer.json.
 * @param json the file's text, or parsed; kept for as long as the tokenizer lives
 * @throws DeadliftError InvalidTokenizer
 */
export async function tokenizerFromJson(json: string | object, files: TokenizerFiles = {}): Promise<Tokenizer> {
  return openTokenizer(() => {
    const { config, settled } = settleTokenizer(json, files);
    const idOf = (name: string) => settled.added_tokens.find((token) => token.content === contentOf(config[name]))?.id;
    return {
      json: settled,
      bos: idOf("bos_token"),
      eos: eosIds(files.generationConfig?.eos_token_id, idOf("eos_token")),
      unk: idOf("unk_token") ?? unkOfModel(settled.model),
      pad: idOf("pad_token"),
      // Python ignores the flag for BPE, whose text it would damage.
      cleanUp: config.clean_up_tokenization_spaces === true && settled.model.type !== "BPE",
      truncateLeft: config.truncation_side === "left",
    };
  });
}

/**
 * What Python runs of a tokenizer.json, and the configuration that counts for its special tokens.
 * @throws DeadliftError InvalidTokenizer
 */
export function settleTokenizer(
  json: string | object,
  files: TokenizerFiles,
): { config: Fields; settled: TokenizerJson } {
  return settle(checkTokenizer(parse(json)), files);
}

function parse(json: string | object): unknown {
  if (typeof json !== "string") return json;
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw invalid(`tokenizer.json is not JSON: ${(cause as Error).message}`, cause);
  }
}

function settle(json: TokenizerJson, files: TokenizerFiles): { config: Fields; settled: TokenizerJson } {
  for (const [name, file] of Object.entries(files)) {
    const fine = file === undefined || (name === "modelType" ? typeof file === "string" : isRecord(file));
    if (!fine) throw invalid(expected(name === "modelType" ? "a string" : "an object", name, file));
  }
  const own = files.config ?? {};
  const config = own.added_tokens_decoder === undefined ? { ...own, ...files.specialTokensMap } : own;
  const ruled = classRules(json, config, files.modelType);
  return { config, settled: usable({ ...ruled, added_tokens: addedTokens(ruled, config) }) };
}

/**
 * The added tokens of the file, then those of `added_tokens_decoder`, whose flags win, then special tokens that are
 * only named in the config; named ones (`bos_token` ...) are special whatever the file says.
 */
function addedTokens(json: TokenizerJson, config: Fields): AddedTokenJson[] {
  const added = new Map(json.added_tokens.map((token) => [token.content, token]));
  for (const [key, entry] of Object.entries(isRecord(config.added_tokens_decoder) ? config.added_tokens_decoder : {})) {
    const name = `added_tokens_decoder["${key}"]`;
    if (!isRecord(entry)) throw invalid(expected("an object", name, entry));
    const token = checkAddedToken(entry, name);
    const id = added.get(token.content)?.id ?? checkId(Number(key), name);
    added.set(token.content, { ...token, id });
  }
  for (const { content, named } of namedTokens(config)) {
    const known = added.get(content);
    if (known) added.set(content, { ...known, special: known.special || named });
    else {
      const known = json.model.tokens.indexOf(content);
      const id = known >= 0 ? known : nextId(json.model, added.values());
      added.set(content, { ...plainFlags, content, special: true, id });
    }
  }
  return [...added.values()];
}

const plainFlags = { single_word: false, lstrip: false, rstrip: false, normalized: false };

/** Every token the config calls special: by a `..._token` key, or in its lists of extra ones. */
function namedTokens(config: Fields): { content: string; named: boolean }[] {
  const extra = config.extra_special_tokens ?? config.additional_special_tokens;
  const listed = Array.isArray(extra) ? extra : [];
  const values = isRecord(extra) ? Object.values(extra) : [];
  for (const [key, value] of Object.entries(config)) if (key.endsWith("_token")) values.push(value);
  const tokens = [
    ...values.map((value) => ({ content: contentOf(value), named: true })),
    ...listed.map((value) => ({ content: contentOf(value), named: false })),
  ];
  return tokens.filter((token): token is { content: string; named: boolean } => !!token.content);
}

/** The spelling of a token in a config: a string, or an object with a `content`. */
function contentOf(value: unknown): string | undefined {
  const content = isRecord(value) ? value.content : value;
  return typeof content === "string" ? content : undefined;
}

/**
 * A normalizer that prepends something also prepends it to the spellings of `normalized` tokens, which are then found
 * at the start of a text only. Nobody wants that of a special token.
 */
function usable(json: TokenizerJson): TokenizerJson {
  if (!JSON.stringify(json.normalizer).includes('"Prepend"')) return json;
  const added_tokens = json.added_tokens.map((token) => (token.special ? { ...token, normalized: false } : token));
  return { ...json, added_tokens };
}

function eosIds(listed: unknown, eos: number | undefined): readonly number[] {
  const ids = (Array.isArray(listed) ? listed : [listed]).filter((id) => Number.isInteger(id) && (id as number) >= 0);
  if (ids.length > 0) return [...new Set(ids as number[])];
  return eos === undefined ? [] : [eos];
}

function unkOfModel({ tokens, fields }: ModelJson): number | undefined {
  if (typeof fields.unk_id === "number") return fields.unk_id;
  const id = typeof fields.unk_token === "string" ? tokens.indexOf(fields.unk_token) : -1;
  return id < 0 ? undefined : id;
}
