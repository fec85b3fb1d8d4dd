// What the Hub says about one model: its card's data, sizes, files, and whether this token may download it.

import { DeadliftError } from "../error.js";
import { checkFileName } from "./file_names.js";
import {
  commitOf,
  countOf,
  type Fields,
  fieldsOf,
  fromHub,
  gatedOf,
  idOf,
  listOf,
  nonsense,
  optionalCount,
  optionalDate,
  optionalFields,
  optionalText,
  textOf,
  textsOf,
} from "./http/answers.js";
import { huggingfaceHub } from "./http/huggingface_hub.js";
import { askJson, askText, hubFetch, parseJson } from "./http/rest.js";
import type { RetryOptions } from "./http/retry.js";
import { parseRepoName } from "./names.js";
import { checkHubKeys, checkSignal, checkText } from "./option_check.js";
import { licenceOf } from "./search.js";
import { type HubOptions, type HubSettings, hubSettings } from "./settings.js";

export interface ModelInfoOptions extends HubOptions {
  /** Branch, tag or commit; default: what the name says after "@", else "main". */
  readonly revision?: string;
  readonly signal?: AbortSignal;
}

export interface ModelFileInfo {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly lfs: boolean;
  /** Of files stored with LFS. */
  readonly sha256: string | undefined;
}

export interface ModelInfo {
  /** As the Hub writes it now: a renamed repository answers with its new id. */
  readonly id: string;
  /** The commit this is about. */
  readonly commit: string;
  readonly author: string | undefined;
  readonly licence: string | undefined;
  /** The name of a licence "other". */
  readonly licenceName: string | undefined;
  readonly task: string | undefined;
  readonly library: string | undefined;
  readonly tags: readonly string[];
  readonly gated: false | "auto" | "manual";
  readonly private: boolean;
  readonly disabled: boolean;
  /** Of the last 30 days. */
  readonly downloads: number;
  readonly downloadsAllTime: number | undefined;
  readonly likes: number;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
  /** Of safetensors files, by the Hub's count; dtype names as in their headers. */
  readonly parameters: { readonly total: number; readonly dtypes: Readonly<Record<string, number>> } | undefined;
  readonly gguf:
    | {
        readonly architecture: string | undefined;
        readonly contextLength: number | undefined;
        readonly total: number | undefined;
      }
    | undefined;
  readonly baseModels: readonly string[];
  readonly languages: readonly string[];
  /** The metadata of the model card as its authors wrote it: any shape. */
  readonly card: Readonly<Record<string, unknown>>;
  readonly files: readonly ModelFileInfo[];
  readonly totalBytes: number;
  /** Whether files may be downloaded with this token: anyone may, this token may, or terms must be accepted first. */
  readonly access: "open" | "granted" | "gated";
  /** The model's page. */
  readonly url: string;
}

const maxFiles = 100_000;

/**
 * Everything that the Hub says about a model, in two or three requests. `name` is "org/repo", "org/repo@revision" or an
 * address. Throws RepoNotFound, RevisionNotFound, Disabled, Unauthorized, Offline, Unreachable, UnsafeFileName, ...
 */
export async function modelInfo(name: string, options: ModelInfoOptions = {}): Promise<ModelInfo> {
  checkHubKeys(options, ["revision", "signal"], "modelInfo");
  checkText("revision", options.revision);
  checkSignal(options.signal);
  const settings = hubSettings(options);
  const { repo, revision = "main" } = parseRepoName(name, settings, options.revision);
  const { signal } = options;
  const [fields, downloadsAllTime] = await both(
    wholeInfo(repo, revision, settings, signal),
    allDownloads(repo, revision, settings, signal),
  );
  const info = read(fields, downloadsAllTime, settings);
  return { ...info, access: await accessTo(info, settings, signal) };
}

/** What one request tells. */
export interface RepoInfo extends Omit<ModelInfo, "access" | "downloadsAllTime"> {
  /** The few fields of config.json that the Hub keeps: any shape. */
  readonly config: Fields;
  /** Bytes of the answer. */
  readonly answerBytes: number;
}

/** What the Hub says about a repository in one request: for whoever looks at its files as well. Throws as modelInfo does. */
export async function repoInfo(
  repo: string,
  revision: string,
  settings: HubSettings,
  signal?: AbortSignal,
  retry?: RetryOptions,
): Promise<RepoInfo> {
  const ask = { url: infoUrl(repo, revision, settings), signal };
  const { text, url } = await askText(ask, { repo, revision }, settings, retry);
  const fields = fieldsOf(parseJson(text, url), repo);
  const { downloadsAllTime: _, ...info } = read(fields, undefined, settings);
  const config = optionalFields(fields.config, `config of ${repo}`) ?? {};
  return { ...info, config, answerBytes: Buffer.byteLength(text) };
}

/** Waits for the first even if the second fails before it: the first one's error says more. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  second.catch(() => {});
  return [await first, await second];
}

/** Not by the package: it always asks for single fields, and so gets no sizes of files, no gguf and no whole card. */
async function wholeInfo(repo: string, revision: string, settings: HubSettings, signal?: AbortSignal): Promise<Fields> {
  const url = infoUrl(repo, revision, settings);
  return fieldsOf(await askJson({ url, signal }, { repo, revision }, settings), repo);
}

function infoUrl(repo: string, revision: string, settings: HubSettings): string {
  return `${settings.endpoint}/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`;
}

/** A field that the Hub leaves out unless it is asked for by name. */
async function allDownloads(
  repo: string,
  revision: string,
  settings: HubSettings,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const hub = await huggingfaceHub();
  const fetch = hubFetch({ repo, revision }, settings, { signal });
  const query = { name: repo, revision, hubUrl: settings.endpoint, fetch };
  const info = await fromHub(hub.modelInfo({ ...query, additionalFields: ["downloadsAllTime"] }), repo);
  return optionalCount(info.downloadsAllTime, `downloads of ${repo}`);
}

/** The Hub answers this question by a status; only gated models need it. */
async function accessTo(
  { id, gated, private: isPrivate }: Pick<ModelInfo, "id" | "gated" | "private">,
  settings: HubSettings,
  signal?: AbortSignal,
): Promise<ModelInfo["access"]> {
  if (!gated) return isPrivate ? "granted" : "open";
  try {
    await askText({ url: `${settings.endpoint}/api/models/${id}/auth-check`, signal }, { repo: id }, settings);
    return "granted";
  } catch (error) {
    if (error instanceof DeadliftError && error.code === "Gated") return "gated";
    throw error;
  }
}

function read(fields: Fields, downloadsAllTime: number | undefined, settings: HubSettings): Omit<ModelInfo, "access"> {
  const id = idOf(fields.id);
  const tags = textsOf(fields.tags);
  const card = optionalFields(fields.cardData, `the card of ${id}`) ?? {};
  const files = listOf(fields.siblings ?? [], `files of ${id}`).map((file) => readFile(file, id));
  if (files.length > maxFiles) {
    throw new DeadliftError("LimitExceeded", `expected at most ${maxFiles} files in ${id}, received ${files.length}`);
  }
  return {
    id,
    commit: commitOf(fields.sha, `commit of ${id}`),
    author: optionalText(fields.author, `author of ${id}`),
    licence: textsOf(card.license)[0] ?? licenceOf(tags),
    licenceName: textsOf(card.license_name)[0],
    task: optionalText(fields.pipeline_tag, `task of ${id}`),
    library: optionalText(fields.library_name, `library of ${id}`),
    tags,
    gated: gatedOf(fields.gated),
    private: fields.private === true,
    disabled: fields.disabled === true,
    downloads: optionalCount(fields.downloads, `downloads of ${id}`) ?? 0,
    downloadsAllTime,
    likes: optionalCount(fields.likes, `likes of ${id}`) ?? 0,
    createdAt: optionalDate(fields.createdAt, `createdAt of ${id}`),
    updatedAt: optionalDate(fields.lastModified, `lastModified of ${id}`),
    parameters: readParameters(fields.safetensors, id),
    gguf: readGguf(fields.gguf, id),
    baseModels: textsOf(card.base_model),
    languages: textsOf(card.language),
    card,
    files,
    totalBytes: files.reduce((sum, { size }) => sum + size, 0),
    url: `${settings.endpoint}/${id}`,
  };
}

function readFile(file: unknown, id: string): ModelFileInfo {
  const { rfilename, size, lfs } = fieldsOf(file, `a file of ${id}`);
  if (typeof rfilename !== "string") throw nonsense("a name", `a file of ${id}`, rfilename);
  checkFileName(rfilename, id);
  const where = `${rfilename} of ${id}`;
  const stored = optionalFields(lfs, where);
  const sha256 = optionalText(stored?.sha256, where);
  if (stored && !/^[0-9a-f]{64}$/.test(sha256 ?? "")) throw nonsense("a hash of 64 hex digits", where, sha256);
  return { path: rfilename, size: countOf(size, where), lfs: stored !== undefined, sha256 };
}

function readParameters(value: unknown, id: string): ModelInfo["parameters"] {
  const safetensors = optionalFields(value, `safetensors of ${id}`);
  if (!safetensors) return undefined;
  const where = `parameters of ${id}`;
  const counts = Object.entries(fieldsOf(safetensors.parameters, where));
  const dtypes = counts.map(([dtype, count]) => [textOf(dtype, where), countOf(count, where)]);
  return { total: countOf(safetensors.total, where), dtypes: Object.fromEntries(dtypes) };
}

function readGguf(value: unknown, id: string): ModelInfo["gguf"] {
  const gguf = optionalFields(value, `gguf of ${id}`);
  return (
    gguf && {
      architecture: optionalText(gguf.architecture, `gguf of ${id}`),
      contextLength: optionalCount(gguf.context_length, `gguf of ${id}`),
      total: optionalCount(gguf.total, `gguf of ${id}`),
    }
  );
}
