// The `general.*` keys of GGUF: what a model is called, by whom, of what licence, and how it wants to be sampled.

import type { JsonObject } from "../formats/file.js";
import { f32, type GgufEntry, i32, text, texts, u32 } from "../formats/gguf_values.js";
import type { Card } from "./card.js";
import { type ModelId, readModelId, sizeLabelOf, titleOf } from "./model_id.js";

export interface GeneralSource {
  /** "org/name" or the name of a folder. */
  readonly id: string;
  readonly card: Card;
  /** config.json. */
  readonly config: JsonObject;
  /** generation_config.json. */
  readonly generation: JsonObject;
  readonly parameters: number;
}

/** In the order llama.cpp's converter writes them. */
export function generalEntries(source: GeneralSource): GgufEntry[] {
  return [...samplingEntries(source.generation), ...namingEntries(source), ...originEntries(source)];
}

type Sampling = readonly [key: string, make: typeof f32, ...fields: string[]];

const sampling: readonly Sampling[] = [
  ["top_k", i32, "top_k"],
  ["top_p", f32, "top_p"],
  ["min_p", f32, "min_p"],
  ["xtc_probability", f32, "xtc_probability"],
  ["xtc_threshold", f32, "xtc_threshold"],
  ["temp", f32, "temperature"],
  ["penalty_last_n", i32, "penalty_last_n"],
  ["penalty_repeat", f32, "penalty_repeat", "repetition_penalty"],
  ["mirostat", i32, "mirostat"],
  ["mirostat_tau", f32, "mirostat_tau"],
  ["mirostat_eta", f32, "mirostat_eta"],
];

function samplingEntries(generation: JsonObject): GgufEntry[] {
  return sampling.flatMap(([key, make, ...fields]) => {
    const value = fields.map((field) => generation[field]).find((one) => typeof one === "number");
    return value === undefined ? [] : [make(`general.sampling.${key}`, value as number)];
  });
}

/** Keys of cards for each of ours; the first that is there counts. */
const cardKeys = {
  name: ["name", "model_name"],
  author: ["author", "model_author", "model_creator"],
  version: ["version", "model_version"],
  organization: ["organization", "model_organization"],
  finetune: ["finetune", "model_finetune"],
  basename: ["basename", "model_basename", "model_type"],
  description: ["description", "model_description"],
  size_label: ["size_label", "model_size_label"],
} as const;

function namingEntries({ id, card, config, parameters }: GeneralSource): GgufEntry[] {
  const stated = config._name_or_path;
  const ids: ModelId[] = [];
  // A path on its author's machine is no name.
  if (typeof stated === "string" && stated !== "" && stated.split("/").length <= 2)
    ids.push(readModelId(stated, parameters));
  ids.push(readModelId(id, parameters));
  const fromCard = (key: keyof typeof cardKeys) => cardKeys[key].map((one) => scalarOf(card, one)).find(Boolean);
  const fromIds = (read: (one: ModelId) => string | undefined) => ids.map(read).find(Boolean);
  const title = (value: string | undefined) => value && titleOf(value);
  const values: Record<keyof typeof cardKeys, string | undefined> = {
    name: fromCard("name") ?? title(fromIds(({ name }) => name)),
    author: fromCard("author"),
    version: fromCard("version") ?? fromIds(({ version }) => version),
    organization: fromCard("organization") ?? title(fromIds(({ organization }) => organization)),
    finetune: fromCard("finetune") ?? fromIds(({ finetune }) => finetune),
    basename: fromCard("basename") ?? fromIds(({ basename }) => basename),
    description: fromCard("description"),
    size_label: fromCard("size_label") ?? fromIds(({ sizeLabel }) => sizeLabel) ?? sizeLabelOf(parameters),
  };
  return Object.entries(values).flatMap(([key, value]) => (value ? [text(`general.${key}`, value)] : []));
}

/** Licence, where it came from, what it was made from, tags. */
function originEntries({ card, parameters }: GeneralSource): GgufEntry[] {
  const entries: GgufEntry[] = [];
  for (const key of ["license", "license_name", "license_link"]) {
    const value = listOf(card, key).join(",");
    if (value) entries.push(text(`general.${key.replace("_", ".")}`, value));
  }
  for (const key of ["url", "doi", "uuid", "repo_url"]) {
    const value = scalarOf(card, key) ?? scalarOf(card, `model_${key}`);
    if (value) entries.push(text(`general.source.${key}`, value));
  }
  entries.push(...relatedEntries("base_model", card, ["base_model", "base_models", "base_model_sources"], parameters));
  entries.push(...relatedEntries("dataset", card, ["datasets", "dataset", "dataset_sources"], parameters));
  const tags = [...listOf(card, "tags"), ...listOf(card, "pipeline_tag")];
  const languages = [...listOf(card, "languages"), ...listOf(card, "language")];
  if (tags.length > 0) entries.push(texts("general.tags", tags));
  if (languages.length > 0) entries.push(texts("general.languages", languages));
  return entries;
}

function relatedEntries(room: string, card: Card, keys: readonly string[], parameters: number): GgufEntry[] {
  const key = keys.find((one) => card.has(one));
  if (key === undefined) return [];
  const related = listOf(card, key);
  const each = related.flatMap((stated, i) => {
    const isAddress = /^(https?|ssh):\/\//.test(stated);
    const address = /^https?:\/\/huggingface\.co\/([^/]+\/[^/]+)$/.exec(stated)?.[1];
    const id = isAddress
      ? address === undefined
        ? undefined
        : readModelId(address, parameters)
      : readModelId(stated, parameters);
    const hub = id?.organization === undefined ? undefined : `https://huggingface.co/${id.organization}/${id.name}`;
    const values = {
      name: id && titleOf(id.name),
      version: id?.version,
      organization: id?.organization && titleOf(id.organization),
      repo_url: isAddress ? stated : hub,
    };
    return Object.entries(values).flatMap(([part, value]) =>
      value ? [text(`general.${room}.${i}.${part}`, value)] : [],
    );
  });
  return [u32(`general.${room}.count`, related.length), ...each];
}

function scalarOf(card: Card, key: string): string | undefined {
  const value = card.get(key);
  return typeof value === "string" ? value : undefined;
}

function listOf(card: Card, key: string): readonly string[] {
  const value = card.get(key);
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}
