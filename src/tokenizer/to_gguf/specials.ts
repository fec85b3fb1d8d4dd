// Which tokens of a tokenizer begin and end texts, and what is added by itself: as keys of GGUF.

import { isRecord } from "../parts.js";
import type { TokenizerJson } from "../schema.js";
import { flag, id, type TokenizerEntry } from "./entries.js";

type Fields = Readonly<Record<string, unknown>>;
type Kind = "bos" | "eos" | "unk" | "sep" | "pad" | "mask" | "eot" | "eom";

/** Names in GGUF, one with its spelling mistake, in the order converters write them. */
const names: Readonly<Record<Kind, string>> = {
  bos: "bos_token_id",
  eos: "eos_token_id",
  unk: "unknown_token_id",
  sep: "seperator_token_id",
  pad: "padding_token_id",
  mask: "mask_token_id",
  eot: "eot_token_id",
  eom: "eom_token_id",
};

export interface SpecialsSource {
  readonly tokenizer: TokenizerJson;
  /** tokenizer_config.json. */
  readonly config: Fields;
  /** config.json. */
  readonly modelConfig: Fields;
  /** Every id that ends a generation, as far as the files say. */
  readonly ends: readonly number[];
  /** What readers assume when a file does not say: whether bos and eos are added. */
  readonly assumed: { readonly bos: boolean; readonly eos: boolean };
  /** Ids that readers take for ends by their spelling. */
  readonly known: ReadonlySet<number>;
  readonly vocab: number;
}

/** The ids, then what is added to texts. */
export function specialEntries(source: SpecialsSource): TokenizerEntry[] {
  const template = readTemplate(source);
  const ids = readIds(source, template);
  addEnds(ids, source);
  const entries = [...ids].map(([kind, value]) => id(names[kind], value));
  for (const [kind, value] of readFlags(source, template)) entries.push(flag(`add_${kind}_token`, value));
  return entries;
}

interface Template {
  /** Spellings of special tokens by kind, where the template knows better than the configuration. */
  readonly spelled: Map<string, string>;
  readonly flags: Map<"bos" | "eos" | "sep", boolean>;
}

/** What the post-processor puts around one text, and between two. */
function readTemplate({ tokenizer, config }: SpecialsSource): Template {
  const spelled = new Map<string, string>();
  for (const kind of ["bos", "eos", "unk", "sep", "pad", "cls", "mask"]) {
    const content = contentOf(config[`${kind}_token`]);
    if (content) spelled.set(kind, content);
  }
  const borrow = (kind: string, from: string) => {
    const content = spelled.get(from);
    if (!spelled.has(kind) && content !== undefined) spelled.set(kind, content);
  };
  borrow("bos", "cls");
  borrow("eos", "sep");
  const template: Template = { spelled, flags: new Map() };
  const processor = tokenizer.post_processor;
  const processors = Array.isArray(processor?.processors) ? processor.processors : [processor];
  for (const one of processors) {
    if (!isRecord(one)) continue;
    const { single, pair } = templateOf(one);
    const [first, last] = readSingle(single, template);
    readPair(pair, first, last, template);
  }
  readModel(tokenizer, template);
  return template;
}

/** The templates of a processor; those of BERT and RoBERTa written out. */
function templateOf({ type, single, pair, cls, sep }: Fields): { single?: unknown; pair?: unknown } {
  if (type === "TemplateProcessing") return { single, pair };
  if (type !== "BertProcessing" && type !== "RobertaProcessing") return {};
  const special = ([id]: [string]) => ({ SpecialToken: { id, type_id: 0 } });
  const text = (id: string) => ({ Sequence: { id, type_id: 0 } });
  const [first, last] = [special(cls as [string]), special(sep as [string])];
  const between = type === "BertProcessing" ? [last] : [last, last];
  return { single: [first, text("A"), last], pair: [first, text("A"), ...between, text("B"), last] };
}

/** What other kinds of model know of their own: pieces without a name in the configuration. */
function readModel({ model }: TokenizerJson, { spelled }: Template): void {
  const { unk_token: named, unk_id: id } = model.fields;
  const unk = typeof id === "number" ? model.tokens[id] : named;
  if (model.type !== "BPE" && typeof unk === "string") spelled.set("unk", unk);
  const last = spelled.get("eos");
  if (model.type === "WordPiece" && !spelled.has("sep") && last !== undefined) spelled.set("sep", last);
}

type Ends = [first: string | undefined, last: string | undefined];

function readSingle(single: unknown, { spelled, flags }: Template): Ends {
  if (!Array.isArray(single) || single.length < 2) return [undefined, undefined];
  const [first, last] = [specialOf(single[0]), specialOf(single.at(-1))];
  if (first !== undefined) {
    const isKnown = first === spelled.get("bos") || first === spelled.get("cls");
    if (!isKnown && !spelled.has("bos")) spelled.set("bos", first);
    flags.set("bos", isKnown || first === spelled.get("bos"));
  }
  if (last !== undefined) {
    const eos = spelled.get("eos");
    if (last !== eos && eos !== undefined) spelled.set(spelled.has("eot") ? "eom" : "eot", eos);
    spelled.set("eos", last);
    flags.set("eos", true);
  }
  return [first, last];
}

/** Whether something separates two texts: only one shape of template can be told. */
function readPair(pair: unknown, first: string | undefined, last: string | undefined, template: Template): void {
  if (!Array.isArray(pair) || pair.length === 0) return;
  const { spelled, flags } = template;
  const start = first !== undefined && specialOf(pair[0]) === first ? 1 : 0;
  const stop = last !== undefined && specialOf(pair.at(-1)) === last ? -1 : undefined;
  const inner = pair.slice(start, stop);
  if (sequenceOf(inner[0]) !== "A" || sequenceOf(inner.at(-1)) !== "B" || inner.length < 3) return;
  const between = inner.slice(1, -1).map(specialOf);
  const separates = (token: string | undefined) =>
    token !== undefined && (token === spelled.get("sep") || token === spelled.get("eos"));
  const separated = (separates(between[0]) && last === undefined) || (between.length === 2 && separates(between[1]));
  flags.set("sep", separated);
  if (separated && !spelled.has("sep")) spelled.set("sep", spelled.get("eos")!);
}

const specialOf = (item: unknown): string | undefined => {
  const special = isRecord(item) && isRecord(item.SpecialToken) ? item.SpecialToken.id : undefined;
  return typeof special === "string" ? special : undefined;
};
const sequenceOf = (item: unknown): unknown =>
  isRecord(item) && isRecord(item.Sequence) ? item.Sequence.id : undefined;

/** By spelling, and where that says nothing, the numbers of config.json. */
function readIds({ tokenizer, modelConfig, vocab }: SpecialsSource, { spelled }: Template): Map<Kind, number> {
  const ids = new Map<Kind, number>();
  const kinds: Kind[] = ["bos", "eos", "unk", "sep", "pad", "mask", "eot", "eom"];
  for (const kind of kinds) {
    const content = spelled.get(kind);
    const token = content === undefined ? undefined : tokenizer.added_tokens.find((one) => one.content === content);
    if (token && token.id < vocab) ids.set(kind, token.id);
  }
  for (const kind of kinds) {
    const inner = isRecord(modelConfig.text_config) ? modelConfig.text_config : {};
    const value = modelConfig[`${kind}_token_id`] ?? inner[`${kind}_token_id`];
    if (kind !== "eot" && kind !== "eom" && !ids.has(kind) && Number.isInteger(value)) {
      if ((value as number) >= 0 && (value as number) < vocab) ids.set(kind, value as number);
    }
  }
  return ids;
}

/** Ends that no reader would guess take the places of "end of turn" and "end of message". */
function addEnds(ids: Map<Kind, number>, { ends, known }: SpecialsSource): void {
  const missing = ends.filter((end) => end !== ids.get("eos") && !known.has(end));
  for (const end of missing) {
    if (!ids.has("eos")) ids.set("eos", end);
    else if (!ids.has("eot")) ids.set("eot", end);
    else if (!ids.has("eom")) ids.set("eom", end);
  }
}

/**
 * What the template does counts, whatever tokenizer_config.json says of it, since that is what encoding does; it is also
 * said where readers would assume something else.
 */
function readFlags({ config, assumed }: SpecialsSource, { flags }: Template): [string, boolean][] {
  const result: [string, boolean][] = [];
  for (const kind of ["bos", "eos"] as const) {
    const does = flags.get(kind) ?? false;
    const isStated = flags.has(kind) || typeof config[`add_${kind}_token`] === "boolean";
    if (isStated || does !== assumed[kind]) result.push([kind, does]);
  }
  const sep = flags.get("sep") ?? config.add_sep_token;
  return typeof sep === "boolean" ? [...result, ["sep", sep]] : result;
}

/** A token as files write it: its text, or an object that holds it. */
function contentOf(token: unknown): string | undefined {
  const content = isRecord(token) ? token.content : token;
  return typeof content === "string" ? content : undefined;
}
