// Finds models on the Hub by text, author, task, tags, licence, format and size.

import { DeadliftError, expected } from "../error.js";
import {
  type Fields,
  fieldsOf,
  gatedOf,
  idOf,
  listFromHub,
  optionalCount,
  optionalDate,
  optionalFields,
  optionalText,
  textsOf,
} from "./http/answers.js";
import { huggingfaceHub } from "./http/huggingface_hub.js";
import { hubFetch } from "./http/rest.js";
import { checkCount, checkHubKeys, checkOneOf, checkSignal, checkText } from "./option_check.js";
import { type HubOptions, type HubSettings, hubSettings } from "./settings.js";

export type ModelSort = "trending" | "downloads" | "likes" | "updated" | "created" | "parameters";

export interface SearchOptions extends HubOptions {
  /** Part of the id. */
  readonly query?: string;
  /** User or organisation. */
  readonly author?: string;
  /** "text-generation", ... */
  readonly task?: string;
  /** "transformers", ... */
  readonly library?: string;
  /** All of them. */
  readonly tags?: readonly string[];
  /** "apache-2.0", ... */
  readonly licence?: string;
  readonly format?: "safetensors" | "gguf";
  readonly minParameters?: number;
  readonly maxParameters?: number;
  readonly gated?: boolean;
  /** The most or newest come first: the Hub knows no other direction. Default "trending". */
  readonly sort?: ModelSort;
  /** Default of searchModels 20, of iterateModels none. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

export interface ModelSummary {
  readonly id: string;
  readonly author: string | undefined;
  readonly task: string | undefined;
  readonly library: string | undefined;
  readonly licence: string | undefined;
  readonly tags: readonly string[];
  /** Whether terms must be accepted first, and who lets in: a program or its authors. */
  readonly gated: false | "auto" | "manual";
  readonly private: boolean;
  /** Of the last 30 days. */
  readonly downloads: number;
  readonly likes: number;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
  readonly parameters: number | undefined;
  readonly formats: readonly ("safetensors" | "gguf")[];
}

const sorts = {
  trending: "trendingScore",
  downloads: "downloads",
  likes: "likes",
  updated: "lastModified",
  created: "createdAt",
  parameters: "num_parameters",
} as const;

const formats = ["safetensors", "gguf"] as const;
const defaultLimit = 20;
const keys = [
  ...["query", "author", "task", "library", "tags", "licence", "format", "minParameters", "maxParameters"],
  ...["gated", "sort", "limit", "signal"],
];

/** The first models that pass all filters, 20 unless `limit` says otherwise. Throws UnknownOption, InvalidArgument, Offline, ... */
export async function searchModels(options: SearchOptions = {}): Promise<ModelSummary[]> {
  const found: ModelSummary[] = [];
  const { limit = defaultLimit } = options;
  for await (const model of iterateModels({ ...options, limit })) found.push(model);
  return found;
}

/** All models that pass all filters, page by page as they are taken. Throws as searchModels does, at the first step. */
export async function* iterateModels(options: SearchOptions = {}): AsyncGenerator<ModelSummary, void, undefined> {
  check(options);
  const settings = hubSettings(options);
  for await (const model of await list(options, settings)) yield summarise(fieldsOf(model, "a model in the list"));
}

async function list(options: SearchOptions, settings: HubSettings): Promise<AsyncIterable<unknown>> {
  const { query, author, task, limit, sort = "trending", signal } = options;
  const { listModels } = await huggingfaceHub();
  const models = listModels({
    search: {
      ...(query !== undefined && { query }),
      ...(author !== undefined && { owner: author }),
      // Its type lists the tasks of today.
      ...(task !== undefined && { task: task as "text-generation" }),
      tags: tagsOf(options),
    },
    sort: sorts[sort],
    ...(limit !== undefined && { limit }),
    hubUrl: settings.endpoint,
    // "gguf" is missing in the package's list, but not on the Hub: the parameters of GGUF models are there only.
    additionalFields: ["author", "createdAt", "library_name", "safetensors", "tags", "gguf" as "tags"],
    fetch: hubFetch({}, settings, { signal, rewrite: (url) => addFilters(url, options) }),
  });
  return listFromHub<unknown>(models, "the list of models");
}

function tagsOf({ tags = [], library, licence, format }: SearchOptions): string[] {
  const made = [library, licence && `license:${licence}`, format];
  return [...tags, ...made.filter((tag) => tag !== undefined)];
}

/** The filters that the package does not have. */
function addFilters(url: URL, { gated, minParameters, maxParameters }: SearchOptions): void {
  if (gated !== undefined) url.searchParams.set("gated", String(gated));
  const bounds = [
    ...(minParameters === undefined ? [] : [`min:${inUnits(minParameters)}`]),
    ...(maxParameters === undefined ? [] : [`max:${inUnits(maxParameters)}`]),
  ];
  if (bounds.length > 0) url.searchParams.set("num_parameters", bounds.join(","));
}

/** "7B" rather than 7000000000, as the Hub's own pages write it; never rounded. */
function inUnits(count: number): string {
  const units: [number, string][] = [
    [1e12, "T"],
    [1e9, "B"],
    [1e6, "M"],
    [1e3, "K"],
  ];
  const [size, unit] = units.find(([size]) => count >= size && count % size === 0) ?? [1, ""];
  return `${count / size}${unit}`;
}

function check(options: SearchOptions): void {
  checkHubKeys(options, keys, "searchModels");
  for (const name of ["query", "author", "task", "library", "licence"] as const) checkText(name, options[name]);
  const { tags, minParameters, maxParameters } = options;
  if (tags !== undefined && !(Array.isArray(tags) && tags.every((tag) => typeof tag === "string" && tag !== ""))) {
    throw new DeadliftError("InvalidArgument", expected("a list of texts", "tags", tags));
  }
  checkOneOf("format", options.format, formats);
  checkOneOf("gated", options.gated, [true, false]);
  checkOneOf("sort", options.sort, Object.keys(sorts));
  checkCount("minParameters", minParameters, 0);
  checkCount("maxParameters", maxParameters, minParameters ?? 0);
  checkCount("limit", options.limit, 1);
  checkSignal(options.signal);
}

/** `model` is what the package makes of an entry: `name` is the Hub's "id". */
function summarise(model: Fields): ModelSummary {
  const id = idOf(model.name);
  const tags = textsOf(model.tags);
  const safetensors = optionalFields(model.safetensors, `safetensors of ${id}`);
  const gguf = optionalFields(model.gguf, `gguf of ${id}`);
  return {
    id,
    author: optionalText(model.author, `author of ${id}`) ?? (id.includes("/") ? id.split("/")[0] : undefined),
    task: optionalText(model.task, `task of ${id}`),
    library: optionalText(model.library_name, `library of ${id}`),
    licence: licenceOf(tags),
    tags,
    gated: gatedOf(model.gated),
    private: model.private === true,
    downloads: optionalCount(model.downloads, `downloads of ${id}`) ?? 0,
    likes: optionalCount(model.likes, `likes of ${id}`) ?? 0,
    createdAt: optionalDate(model.createdAt, `createdAt of ${id}`),
    updatedAt: optionalDate(model.updatedAt, `lastModified of ${id}`),
    parameters:
      optionalCount(safetensors?.total, `parameters of ${id}`) ?? optionalCount(gguf?.total, `parameters of ${id}`),
    formats: formats.filter((format) => tags.includes(format) || (format === "gguf" ? gguf : safetensors)),
  };
}

/** From the tag "license:apache-2.0". */
export function licenceOf(tags: readonly string[]): string | undefined {
  return tags.find((tag) => tag.startsWith("license:"))?.slice("license:".length);
}
