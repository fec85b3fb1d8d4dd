// Inspects a model of the Hub by its headers: ranged reads, or what the cache has. No weights are downloaded.

import { join } from "node:path";
import { DeadliftError, expected } from "../error.js";
import { folderLicence } from "../formats/about.js";
import { cachedFile } from "../hub/cache/cached.js";
import { RepoFolder } from "../hub/cache/layout.js";
import { type CachedCommit, cachedCommit, chooseCached } from "../hub/download/cached_snapshot.js";
import { hubReason, mayUseCache, nothingCached, offline, whenBothFail } from "../hub/download/listing.js";
import { type GgufModel, isComplete, partNames, type RepoFile } from "../hub/gguf_files.js";
import { type RepoInfo, repoInfo } from "../hub/info.js";
import type { HubName } from "../hub/names.js";
import type { Selection, Wanted } from "../hub/select.js";
import type { HubSettings } from "../hub/settings.js";
import { type Answer, bytesOf, compose, type Question } from "./answer.js";
import { cardBytes, cardSummary } from "./card.js";
import { type Choice, chooseModel, guessedIndex } from "./choice.js";
import { factsWithoutHeaders } from "./facts.js";
import { maxIndexBytes, RemoteFiles } from "./files.js";
import type { Inspection, InspectOptions, ModelFacts } from "./inspection.js";
import { type Looked, look, lookAt, summaryOf } from "./local.js";

/** The largest published models have some 200; each takes two requests. */
const maxFiles = 1000;

/**
 * Throws what the Hub says (RepoNotFound, RevisionNotFound, Unreachable, ...), what findWeights and the formats throw,
 * and without a Hub Offline or IncompleteSnapshot. Gated files are no error: what the Hub tells of them is shown.
 */
export async function inspectRepo(
  name: string,
  hubName: HubName,
  options: InspectOptions,
  settings: HubSettings,
): Promise<Inspection> {
  const { repo, revision = "main", quant, file } = hubName;
  const folder = new RepoFolder(settings, repo);
  const question = { name, repo, revision, wanted: { quant, file }, folder, settings, options };
  const known = await cachedCommit(folder, revision);
  let info: RepoInfo;
  try {
    if (settings.offline) throw offline(settings);
    // A cache that may have everything is not kept waiting for a Hub that does not answer.
    info = await repoInfo(repo, revision, settings, options.signal, known ? { retries: 0 } : {});
  } catch (error) {
    if (!mayUseCache(error)) throw error;
    if (!known) throw nothingCached(repo, revision, error);
    return compose(question, await askCache(question, known, error));
  }
  return compose(question, await askHub(question, info));
}

async function askHub({ wanted, folder, settings, options }: Question, info: RepoInfo): Promise<Answer> {
  const { id: repo, commit, files } = info;
  const { signal } = options;
  const sizes = new Map(files.map(({ path, size }) => [path, size]));
  const traffic = { requests: 1, bytes: info.answerBytes };
  const remote = new RemoteFiles({ repo, commit, sizes, folder, settings, traffic, signal });
  const found = { repo, commit, files, info, traffic };
  const summary = cardOf(remote, folder, commit);
  try {
    const { choice, denied } = await choose(files, wanted, remote, repo);
    const { selection } = choice;
    if (await isCached(folder, commit, needed(selection), sizes)) {
      const looked = await lookAt(placeIn(folder.snapshot(commit), selection), options);
      return { ...found, choice, ...looked, files, source: "cache", summary: await summary };
    }
    const looked = await lookAfar(remote, choice, denied, found, options);
    return { ...found, choice, ...looked, source: "hub", summary: await summary };
  } finally {
    await summary;
  }
}

/** The model to look at. `denied`: the Hub does not let its index be read, so that its files are guessed. */
async function choose(files: readonly RepoFile[], wanted: Wanted, remote: RemoteFiles, repo: string) {
  let denied: DeadliftError | undefined;
  const read = async (path: string) => {
    try {
      return (await remote.text(remote.path(path), maxIndexBytes)) ?? "";
    } catch (error) {
      if (!isDenial(error)) throw error;
      denied = error;
      return guessedIndex(files, path);
    }
  };
  return { choice: await chooseModel(files, wanted, read, repo), denied };
}

/** Headers by ranges; without access to them, or when they hold what is newer than this release, what the Hub tells. */
async function lookAfar(
  remote: RemoteFiles,
  { selection }: Choice,
  denied: DeadliftError | undefined,
  { info, files }: Pick<Answer, "files"> & { info: RepoInfo },
  options: InspectOptions,
): Promise<Omit<Looked, "files">> {
  try {
    if (denied) throw denied;
    if (selection.weights.length > maxFiles) {
      const what = `at most ${maxFiles} weight files`;
      throw new DeadliftError("LimitExceeded", expected(what, info.id, selection.weights.length));
    }
    return await look({ format: selection.format, weights: remote.path(selection.open) }, remote, options);
  } catch (error) {
    const isNewer = error instanceof DeadliftError && error.code === "UnsupportedQuant";
    if (!isDenial(error) && !isNewer) throw error;
    const bytes = bytesOf(selection.weights, files);
    const problem = isNewer ? error.message : `${error.message}; until then this is what the Hub tells of its headers`;
    const facts = factsWithoutHeaders(toldBy(info, selection), bytes, options.contextSize, problem);
    return { facts, licence: undefined };
  }
}

function isDenial(error: unknown): error is DeadliftError {
  return error instanceof DeadliftError && error.code === "Gated";
}

/** What the Hub itself has read in the headers. */
function toldBy(
  { gguf, config, parameters }: RepoInfo,
  { format }: Selection,
): Pick<ModelFacts, "architecture" | "parameters" | "dtypes" | "contextLength"> {
  const classes = config.architectures;
  const names = [format === "gguf" && gguf?.architecture, config.model_type, Array.isArray(classes) && classes[0]];
  const architecture = names.find((name) => typeof name === "string" && name !== "");
  return {
    architecture: typeof architecture === "string" ? architecture.slice(0, 100) : "unknown",
    parameters: format === "gguf" ? gguf?.total : parameters?.total,
    dtypes: format === "gguf" ? {} : (parameters?.dtypes ?? {}),
    contextLength: format === "gguf" ? gguf?.contextLength : undefined,
  };
}

/** `hub` is why the Hub was no help. */
async function askCache(question: Question, known: CachedCommit, hub: DeadliftError): Promise<Answer> {
  const { repo, wanted, folder, options } = question;
  const { commit, files } = known;
  const sizes = new Map(files.map(({ path, size }) => [path, size]));
  const isHere = async (model: GgufModel) =>
    isComplete(model) && isCached(folder, commit, partNames(model.file), sizes);
  let choice: Choice | undefined;
  const chooseHere = async (_: readonly RepoFile[], read: (path: string) => Promise<string>) => {
    choice = await chooseModel(files, wanted, read, repo, isHere);
    return needed(choice.selection);
  };
  try {
    await chooseCached(folder, known, chooseHere, hubReason(hub));
  } catch (error) {
    throw whenBothFail(hub, error);
  }
  const root = folder.snapshot(commit);
  const looked = await lookAt(placeIn(root, choice!.selection), options);
  const licence = looked.licence ?? (await folderLicence(root));
  const summary = await summaryOf(join(root, "README.md"));
  const traffic = { requests: 0, bytes: 0 };
  return {
    ...looked,
    source: "cache",
    repo,
    commit,
    choice: choice!,
    files,
    info: undefined,
    licence,
    summary,
    traffic,
  };
}

/** What headers are read of: weights, their index, and the configuration. */
function needed({ weights, texts }: Selection): string[] {
  return [...weights, ...texts.filter((path) => /(?:^|\/)(?:config\.json|[^/]+\.index\.json)$/.test(path))];
}

async function isCached(
  folder: RepoFolder,
  commit: string,
  paths: readonly string[],
  sizes: ReadonlyMap<string, number>,
): Promise<boolean> {
  const found = await Promise.all(paths.map((path) => cachedFile(folder, commit, path)));
  return found.every((file, i) => file !== undefined && file.size === sizes.get(paths[i]!));
}

function placeIn(root: string, { format, open }: Selection) {
  return { format, weights: join(root, ...open.split("/")) };
}

/** A card is prose: one that cannot be read is none. */
async function cardOf(remote: RemoteFiles, folder: RepoFolder, commit: string): Promise<string | undefined> {
  const cached = await cachedFile(folder, commit, "README.md");
  if (cached) return summaryOf(cached.path);
  const text = await remote.glance("README.md", cardBytes);
  return text === undefined ? undefined : cardSummary(text);
}
