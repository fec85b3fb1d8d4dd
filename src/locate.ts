// From what a user calls a model to a path that can be opened: local paths as they are, Hub names by way of the cache.

import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DeadliftError } from "./error.js";
import { checkModelType } from "./formats/config.js";
import { parseJson } from "./formats/file.js";
import type { TreeFile } from "./hub/api.js";
import type { DownloadProgress } from "./hub/download/progress.js";
import { fetchSnapshot } from "./hub/download/snapshot.js";
import { type HubName, parseHubName } from "./hub/names.js";
import { selectFiles, selectTexts } from "./hub/select.js";
import { type HubOptions, type HubSettings, hubSettings } from "./hub/settings.js";

/** Where a model came from. */
export interface HubSource {
  /** "org/name". */
  readonly repo: string;
  /** Branch, tag or commit that was asked for. */
  readonly revision: string;
  /** The commit it stood for: 40 hexadecimal digits. */
  readonly commit: string;
}

export interface LocateOptions extends HubOptions {
  /** Branch, tag or commit; default: what the name says after "@", else "main". */
  readonly revision?: string | undefined;
  /** The GGUF of that quant, as after ":" in the name. */
  readonly quant?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

export interface Located {
  /** A folder or file for openModel or openTexts. */
  readonly path: string;
  /** Undefined for local paths. */
  readonly source: HubSource | undefined;
}

/** What of a model is needed: "weights" (and all that a load reads), or its "texts" only (tokenizer and templates). */
type Need = "weights" | "texts";

/**
 * Finds a model: an existing path wins; else a Hub name, whose missing files are downloaded into the cache. Throws
 * FileNotFound for a path that is not there, and what fetchSnapshot and selectFiles throw.
 */
export async function locateModel(name: string, options: LocateOptions, need: Need = "weights"): Promise<Located> {
  if (await exists(name)) return { path: name, source: undefined };
  const settings = hubSettings(options);
  return fetchModel(hubNameOf(name, options, settings), settings, options, need);
}

/**
 * The Hub name of what is no existing path, with what options add to it. Throws FileNotFound for what must have been
 * meant as a path, InvalidArgument when the name says one thing and an option another.
 */
export function hubNameOf(
  name: string,
  options: Pick<LocateOptions, "revision" | "quant">,
  settings: HubSettings,
): HubName {
  // "model.gguf" and "folder/model.safetensors" could be repositories; nobody names them so.
  const looksLikeFile = !name.includes("://") && /\.(gguf|safetensors|json)$/i.test(name);
  const hubName = looksLikeFile ? undefined : parseHubName(name, settings);
  if (!hubName) throw new DeadliftError("FileNotFound", `there is no file or folder ${name}`);
  for (const key of ["revision", "quant"] as const) {
    const [inName, beside] = [hubName[key], options[key]];
    if (inName === undefined || beside === undefined || inName === beside) continue;
    throw new DeadliftError(
      "InvalidArgument",
      `expected one ${key} for ${hubName.repo}, received "${inName}" in its name and "${beside}" beside it`,
    );
  }
  return { ...hubName, revision: options.revision ?? hubName.revision, quant: options.quant ?? hubName.quant };
}

async function fetchModel(name: HubName, settings: HubSettings, options: LocateOptions, need: Need): Promise<Located> {
  const { repo } = name;
  const revision = name.revision ?? "main";
  let open = "";
  const choose = async (files: readonly TreeFile[], read: (path: string) => Promise<string>) => {
    const texts = need === "texts" ? selectTexts(files, wanted(name)) : [];
    if (texts.length > 0) {
      open = dirname(texts[0]!);
      return texts;
    }
    const selection = await selectFiles(files, wanted(name), read, repo);
    open = selection.open;
    if (need === "weights") await refuseUnknown(selection.texts, read, repo);
    return [...selection.texts, ...(need === "texts" ? [selection.open] : selection.weights)];
  };
  const { signal, onProgress } = options;
  const snapshot = await fetchSnapshot({
    repo,
    revision,
    choose,
    settings,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  return { path: join(snapshot.path, open), source: { repo, revision, commit: snapshot.commit } };
}

/** What cannot run is not downloaded. Tables of vectors (modules.json) need no model type. */
async function refuseUnknown(
  texts: readonly string[],
  read: (path: string) => Promise<string>,
  repo: string,
): Promise<void> {
  const config = texts.find((path) => basename(path) === "config.json");
  if (config === undefined || texts.some((path) => basename(path) === "modules.json")) return;
  const source = `${repo}/${config}`;
  checkModelType(parseJson(await read(config), source), source);
}

function wanted({ quant, file }: HubName): { quant?: string; file?: string } {
  return { ...(quant !== undefined && { quant }), ...(file !== undefined && { file }) };
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
