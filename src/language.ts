// What a model's files say about text: its tokenizer, its chat template, and the tokens that end a turn.

import { selectTemplate } from "./chat/select.js";
import { type ChatTemplate, chatTemplate, type Specials } from "./chat/template.js";
import { DeadliftError } from "./error.js";
import type { OpenedModel } from "./formats/open.js";
import { openTexts, type Texts } from "./formats/texts.js";
import { hubOptionKeys } from "./hub/settings.js";
import { type LocateOptions, locateModel } from "./locate.js";
import { checkKeys } from "./options.js";
import { tokenizerFromGguf } from "./tokenizer/gguf.js";
import { tokenizerFromJson } from "./tokenizer/json.js";
import type { Tokenizer } from "./tokenizer/tokenizer.js";

/** The tokenizer of an opened model: tokenizer.json, else GGUF metadata. Throws InvalidTokenizer. */
export function tokenizerOf(opened: OpenedModel): Promise<Tokenizer> {
  return tokenizerFrom(opened, [...endTokens(opened)]);
}

/**
 * The tokenizer of a model, without its weights: of a folder, a file or a repository of the Hub (of which only the texts
 * are downloaded; a GGUF file wholly). Throws FileNotFound, NotAModel, InvalidTokenizer, and what downloads throw.
 */
export async function loadTokenizer(name: string, options: LocateOptions = {}): Promise<Tokenizer> {
  checkKeys(options, ["revision", "quant", "signal", "onProgress", ...hubOptionKeys], "loadTokenizer");
  const { path } = await locateModel(name, options, "texts");
  const texts = await openTexts(path);
  return tokenizerFrom(texts, texts.generation?.eos_token_id);
}

async function tokenizerFrom(texts: Texts, eos: unknown): Promise<Tokenizer> {
  const { tokenizerJson, tokenizerConfig: config, specialTokensMap, modelType, metadata, path } = texts;
  if (tokenizerJson !== undefined) {
    const generationConfig = eos === undefined ? undefined : { eos_token_id: eos };
    return tokenizerFromJson(tokenizerJson, { config, specialTokensMap, modelType, generationConfig });
  }
  if (metadata) return tokenizerFromGguf(metadata);
  throw new DeadliftError(
    "InvalidTokenizer",
    `expected tokenizer.json beside the weights of ${path}, found none; download it from the model's repository`,
  );
}

/** A model's templates for chats without and with tools: often the same one; undefined when it has none. */
export interface Templates {
  readonly plain: ChatTemplate | undefined;
  readonly tools: ChatTemplate | undefined;
}

/** Throws InvalidTemplate. */
export function templatesOf(opened: OpenedModel, tokenizer: Tokenizer): Templates {
  const { chatTemplates } = opened;
  if (chatTemplates.length === 0) return { plain: undefined, tools: undefined };
  const specials = specialsOf(opened, tokenizer);
  const [forPlain, forTools] = [selectTemplate(chatTemplates), selectTemplate(chatTemplates, { tools: true })];
  const plain = chatTemplate(forPlain.template, specials);
  return { plain, tools: forTools === forPlain ? plain : chatTemplate(forTools.template, specials) };
}

/** generation_config.json knows best which tokens end a turn, then config.json or GGUF. */
export function endTokens({ generation, config }: OpenedModel): readonly number[] {
  return generation.eos.length > 0 ? generation.eos : config.tokens.eos;
}

/** Texts of the special tokens a template may print: as tokenizer_config.json states them, else by id. */
export function specialsOf({ tokenizerConfig = {} }: OpenedModel, tokenizer: Tokenizer): Specials {
  const byId = { bos: tokenizer.bos, eos: tokenizer.eos[0], unk: tokenizer.unk, pad: tokenizer.pad };
  const specials: Record<string, string> = {};
  for (const name of ["bos", "eos", "unk", "pad", "sep", "cls", "mask"] as const) {
    const stated = textOf(tokenizerConfig[`${name}_token`]);
    const id = name in byId ? byId[name as keyof typeof byId] : undefined;
    const text = stated ?? (id === undefined ? undefined : tokenizer.idToToken(id));
    if (text !== undefined) specials[name] = text;
  }
  return specials;
}

/** A token as files write it: its text, or an object that holds it. */
function textOf(token: unknown): string | undefined {
  if (typeof token === "string") return token;
  const content = (token as { content?: unknown } | null | undefined)?.content;
  return typeof content === "string" ? content : undefined;
}
