// What the API says of one model: its fields, the default ones or those asked for by `expand`.

import type { Commit, Repository } from "./repos.js";
import { parameterCounts } from "./weights.js";

type Field = (repo: Repository, commit: Commit, blobs: boolean) => unknown;

async function siblings(_: Repository, commit: Commit, blobs: boolean): Promise<object[]> {
  const files = [...commit.files].map(async ([rfilename, { blob }]) => {
    if (!blobs) return { rfilename };
    const { sha256, gitSha1, pointerSha1, pointerSize } = await blob.hashes();
    if (!blob.lfs) return { rfilename, blobId: gitSha1, size: blob.size };
    return { rfilename, blobId: pointerSha1, size: blob.size, lfs: { sha256, size: blob.size, pointerSize } };
  });
  return Promise.all(files);
}

/** Tags as the Hub makes them: those given, library, task, licence and the formats of the files. */
export function tagsOf({ options }: Repository, commit: Commit): string[] {
  const names = [...commit.files.keys()];
  const licence = (options.cardData as { license?: string } | undefined)?.license;
  const made = [
    options.library,
    names.some((name) => name.endsWith(".safetensors")) && "safetensors",
    names.some((name) => name.endsWith(".gguf")) && "gguf",
    ...(options.tags ?? []),
    options.task,
    licence && `license:${licence}`,
    "region:us",
  ];
  return [...new Set(made.filter((tag): tag is string => typeof tag === "string"))];
}

const fields: Record<string, Field> = {
  author: ({ id }) => (id.includes("/") ? id.split("/")[0] : undefined),
  cardData: ({ options }) => options.cardData,
  config: ({ options }) => options.config,
  createdAt: (repo) => repo.options.createdAt ?? repo.createdAt,
  disabled: ({ options }) => options.disabled ?? false,
  downloads: ({ options }) => options.downloads ?? 0,
  downloadsAllTime: ({ options }) => options.downloads ?? 0,
  gated: ({ options }) => options.gated ?? false,
  gguf: async (repo, commit) => (await parameterCounts(repo, commit)).gguf,
  inference: () => undefined,
  lastModified: (repo, commit) => repo.options.lastModified ?? commit.date,
  library_name: ({ options }) => options.library,
  likes: ({ options }) => options.likes ?? 0,
  pipeline_tag: ({ options }) => options.task,
  private: ({ options }) => options.private ?? false,
  safetensors: async (repo, commit) => (await parameterCounts(repo, commit)).safetensors,
  sha: (_, commit) => commit.id,
  siblings,
  spaces: () => [],
  tags: tagsOf,
  trendingScore: () => 0,
  usedStorage: (_, commit) => [...commit.files.values()].reduce((sum, { blob }) => sum + blob.size, 0),
};

/** Known to the Hub, never filled here. */
const empty = new Set([
  "baseModels",
  "childrenModelCount",
  "evalResults",
  "gitalyUid",
  "inferenceProviderMapping",
  "mask_token",
  "model-index",
  "resourceGroup",
  "transformersInfo",
  "widgetData",
  "xetEnabled",
]);

export function isField(name: string): boolean {
  return name in fields || empty.has(name);
}

/** `_id`, `id` and these fields, without those that have no value. */
export async function pickFields(repo: Repository, commit: Commit, names: string[], blobs = false): Promise<object> {
  const picked: Record<string, unknown> = { _id: repo.key, id: repo.id };
  for (const name of names) {
    const value = await fields[name]?.(repo, commit, blobs);
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

export const infoFields = [
  ...["author", "cardData", "config", "createdAt", "disabled", "downloads", "gated", "gguf", "lastModified"],
  ...["library_name", "likes", "pipeline_tag", "private", "safetensors", "sha", "siblings", "spaces", "tags"],
  "usedStorage",
];

/** The whole answer of GET /api/models/{id} without `expand`. */
export async function wholeInfo(repo: Repository, commit: Commit, blobs: boolean): Promise<object> {
  return { ...(await pickFields(repo, commit, infoFields, blobs)), modelId: repo.id };
}
