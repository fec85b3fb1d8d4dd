// GET /api/models: search, filters, sort and paging over all repositories that the asker may see.

import { answerJson, type Exchange } from "./answer.js";
import { badRequest } from "./errors.js";
import { isField, pickFields, tagsOf } from "./model_info.js";
import { type Page, pageOf } from "./pages.js";
import type { Commit, Repository } from "./repos.js";
import { parameterCounts } from "./weights.js";

export interface Listed {
  repo: Repository;
  commit: Commit;
  tags: string[];
  parameters: number | undefined;
}

const defaultFields = ["likes", "private", "downloads", "tags", "pipeline_tag", "library_name", "createdAt"];
const fullFields = ["author", "lastModified", "sha", "siblings", "gated", "disabled"];

async function listed(repo: Repository): Promise<Listed> {
  const commit = repo.resolve("main")!;
  const { safetensors, gguf } = await parameterCounts(repo, commit);
  return { repo, commit, tags: tagsOf(repo, commit), parameters: safetensors?.total ?? gguf?.total };
}

const units: Record<string, number> = { "": 1, K: 1e3, M: 1e6, B: 1e9, T: 1e12 };

/** "min:1B,max:7B" as numbers. */
function parameterBounds(text: string): { min: number; max: number } {
  const bounds = { min: 0, max: Number.POSITIVE_INFINITY };
  for (const part of text.split(",")) {
    const parsed = /^(min|max):(\d+(?:\.\d+)?)([KMBT]?)$/i.exec(part);
    if (!parsed) throw badRequest(`Invalid num_parameters: ${text}`);
    bounds[parsed[1] as "min" | "max"] = Number(parsed[2]) * units[parsed[3]!.toUpperCase()]!;
  }
  return bounds;
}

/** Known to the Hub, but not filtered by here: a test that relies on them must fail. */
const unsupported = ["apps", "inference", "inference_provider", "emissions_thresholds"];

/** Whether a model passes every filter of the query. */
function passes({ repo, tags, parameters }: Listed, query: URLSearchParams): boolean {
  const search = query.get("search")?.toLowerCase();
  if (search && !repo.id.toLowerCase().includes(search)) return false;
  const author = query.get("author");
  if (author && repo.id.split("/")[0]!.toLowerCase() !== author.toLowerCase()) return false;
  const wanted = query.getAll("filter").flatMap((filter) => filter.split(","));
  if (!wanted.every((filter) => filter === "" || tags.includes(filter))) return false;
  const task = query.get("pipeline_tag");
  if (task && repo.options.task !== task) return false;
  const gated = query.get("gated");
  if (gated !== null && (gated.toLowerCase() === "true") !== Boolean(repo.options.gated)) return false;
  const range = query.get("num_parameters");
  if (range === null) return true;
  const { min, max } = parameterBounds(range);
  return parameters !== undefined && parameters >= min && parameters <= max;
}

type Key = (model: Listed) => number | string;

const orders: Record<string, Key> = {
  createdAt: ({ repo }) => repo.options.createdAt ?? repo.createdAt,
  downloads: ({ repo }) => repo.options.downloads ?? 0,
  lastModified: ({ repo, commit }) => repo.options.lastModified ?? commit.date,
  likes: ({ repo }) => repo.options.likes ?? 0,
  likes30d: ({ repo }) => repo.options.likes ?? 0,
  mainSize: ({ commit }) => [...commit.files.values()].reduce((sum, { blob }) => sum + blob.size, 0),
  num_parameters: ({ parameters }) => parameters ?? 0,
  trendingScore: ({ repo }) => repo.options.likes ?? 0,
  id: ({ repo }) => repo.id,
  _id: ({ repo }) => repo.key,
};

/** Falling, unless direction=1 asks for rising; equal ones by name. */
function sort(models: Listed[], query: URLSearchParams): Listed[] {
  const name = query.get("sort") ?? "trendingScore";
  const key = orders[name];
  if (!key) throw badRequest(`Invalid sort parameter: ${name}`);
  const rising = query.get("direction") === "1";
  const compare = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0);
  return [...models].sort((a, b) => (rising ? 1 : -1) * compare(key(a), key(b)) || compare(a.repo.id, b.repo.id));
}

/** The fields asked for, by `expand`, `full`, `cardData` and `config`. */
function fieldsOf(query: URLSearchParams): string[] {
  const expand = query.getAll("expand");
  const wrong = expand.find((name) => !isField(name));
  if (wrong !== undefined) throw badRequest(`Invalid expand: ${wrong}`);
  if (expand.length > 0) return expand;
  const on = (name: string) => ["true", "True", "1"].includes(query.get(name) ?? "");
  return [
    ...defaultFields,
    ...(on("full") ? fullFields : []),
    ...(on("cardData") ? ["cardData"] : []),
    ...(on("config") ? ["config"] : []),
  ];
}

export async function answerModelList(exchange: Exchange, repos: Repository[], paging: Page): Promise<void> {
  const query = exchange.url.searchParams;
  const unknown = unsupported.find((name) => query.has(name));
  if (unknown !== undefined) throw badRequest(`The tests' Hub does not filter by ${unknown}`);
  const fields = fieldsOf(query);
  const models = (await Promise.all(repos.map(listed))).filter((model) => passes(model, query));
  const { items, headers } = pageOf(sort(models, query), exchange.url, paging);
  const answers = items.map(async ({ repo, commit }) => {
    const picked = await pickFields(repo, commit, fields);
    return query.has("expand") ? picked : { ...picked, modelId: repo.id };
  });
  return answerJson(exchange, await Promise.all(answers), headers);
}
