// What the environment and the caller say about the Hub, read at call time: the one place that knows the variables.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DeadliftError, expected } from "../error.js";
import { type Environment, expandPath, home, isTrue, milliseconds } from "./environment.js";
import { deadliftVersion } from "./version.js";

/** Options of every function that may talk to the Hub. The environment says what is left out. */
export interface HubOptions {
  /** Address of the Hub; default HF_ENDPOINT, else https://huggingface.co. */
  readonly endpoint?: string;
  /** Folder of the cache, shared with Python; default HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub. */
  readonly cacheDir?: string;
  /** Access token; false sends none. Default HF_TOKEN, else what `hf auth login` saved. */
  readonly token?: string | false;
  /** Use nothing but the cache; default HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE. */
  readonly offline?: boolean;
}

export const hubOptionKeys: readonly string[] = ["endpoint", "cacheDir", "token", "offline"];

export type TokenSource = "option" | "HF_TOKEN" | "HUGGING_FACE_HUB_TOKEN" | "file";

export interface HubSettings {
  /** Without a "/" at its end. */
  readonly endpoint: string;
  /** Absolute. */
  readonly cacheDir: string;
  readonly offline: boolean;
  /** What forbids the network: "the option offline", "HF_HUB_OFFLINE" or "TRANSFORMERS_OFFLINE". */
  readonly offlineSource: string | undefined;
  readonly token: string | undefined;
  readonly tokenSource: TokenSource | undefined;
  /** Where a saved token is or would be. */
  readonly tokenPath: string;
  /** Longest wait for the head of an answer. */
  readonly metadataTimeoutMs: number;
  /** A download without a byte for so long is stalled. */
  readonly downloadTimeoutMs: number;
  readonly symlinks: boolean;
  readonly sharedBlobs: boolean;
  readonly progressBars: boolean;
  readonly userAgent: string;
}

const officialEndpoint = "https://huggingface.co";
const stagingEndpoint = "https://hub-ci.huggingface.co";
const patienceMs = 10_000;

/** Those that others mirror. */
export const officialEndpoints: readonly string[] = [officialEndpoint, stagingEndpoint];

/** Throws InvalidArgument for what cannot be meant, FileUnreadable for a token file that exists and cannot be read. */
export function hubSettings(options: HubOptions = {}, env: Environment = process.env): HubSettings {
  const staging = isTrue(env.HUGGINGFACE_CO_STAGING);
  const hfHome = homeFolder(env);
  const tokenPath = staging
    ? join(home(env), ".cache", "huggingface_staging", "token")
    : pathOf("HF_TOKEN_PATH", env) || join(hfHome, "token");
  const offlineSource = findOffline(options, env);
  return {
    endpoint: findEndpoint(options, env, staging),
    cacheDir: findCache(options, env, hfHome),
    offline: offlineSource !== undefined,
    offlineSource,
    ...findToken(options, env, tokenPath),
    tokenPath: resolve(tokenPath),
    metadataTimeoutMs: milliseconds("HF_HUB_ETAG_TIMEOUT", env, patienceMs),
    downloadTimeoutMs: milliseconds("HF_HUB_DOWNLOAD_TIMEOUT", env, patienceMs),
    symlinks: !isTrue(env.HF_HUB_DISABLE_SYMLINKS),
    sharedBlobs: !isTrue(env.HF_HUB_DISABLE_SHARED_BLOBS) && !isTrue(env.HF_HUB_DISABLE_XET),
    progressBars: !isTrue(env.HF_HUB_DISABLE_PROGRESS_BARS),
    userAgent: makeUserAgent(env),
  };
}

/** An empty variable counts as unset. Python takes it for the current folder, which nobody means. */
function pathOf(name: string, env: Environment): string | undefined {
  const value = env[name];
  return value ? expandPath(value, name, env) : undefined;
}

function homeFolder(env: Environment): string {
  return pathOf("HF_HOME", env) ?? join(pathOf("XDG_CACHE_HOME", env) ?? join(home(env), ".cache"), "huggingface");
}

function findCache(options: HubOptions, env: Environment, hfHome: string): string {
  const { cacheDir } = options;
  if (cacheDir !== undefined && (typeof cacheDir !== "string" || cacheDir === "" || cacheDir.includes("\0"))) {
    throw new DeadliftError("InvalidArgument", expected("the path of a folder", "cacheDir", cacheDir));
  }
  return resolve(
    cacheDir ?? pathOf("HF_HUB_CACHE", env) ?? pathOf("HUGGINGFACE_HUB_CACHE", env) ?? join(hfHome, "hub"),
  );
}

function findEndpoint(options: HubOptions, env: Environment, staging: boolean): string {
  if (options.endpoint !== undefined) return checkEndpoint(options.endpoint, "endpoint");
  if (staging) return stagingEndpoint;
  return env.HF_ENDPOINT ? checkEndpoint(env.HF_ENDPOINT, "HF_ENDPOINT") : officialEndpoint;
}

function checkEndpoint(value: unknown, name: string): string {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    throw new DeadliftError("InvalidArgument", expected("an http: or https: address", name, value));
  }
  if (url.username || url.password) {
    const advice = 'use the option "token" or HF_TOKEN for access';
    throw new DeadliftError("InvalidArgument", `expected an address without a user name for ${name}; ${advice}`);
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
}

function findOffline(options: HubOptions, env: Environment): string | undefined {
  const { offline } = options;
  if (offline !== undefined && typeof offline !== "boolean") {
    throw new DeadliftError("InvalidArgument", expected("true or false", "offline", offline));
  }
  if (offline !== undefined) return offline ? "the option offline" : undefined;
  // A set HF_HUB_OFFLINE hides the other one, even when it says no.
  const name = env.HF_HUB_OFFLINE ? "HF_HUB_OFFLINE" : "TRANSFORMERS_OFFLINE";
  return isTrue(env[name]) ? name : undefined;
}

type FoundToken = Pick<HubSettings, "token" | "tokenSource">;

function findToken(options: HubOptions, env: Environment, tokenPath: string): FoundToken {
  const { token } = options;
  if (token !== undefined && token !== false && (typeof token !== "string" || token === "")) {
    throw new DeadliftError("InvalidArgument", "expected an access token, or false for none, for token");
  }
  if (token) return { token: checkToken(token, 'the option "token"'), tokenSource: "option" };
  const none = { token: undefined, tokenSource: undefined };
  if (token === false || isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return none;
  for (const name of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] as const) {
    const value = cleanToken(env[name]);
    if (value) return { token: checkToken(value, name), tokenSource: name };
  }
  const saved = cleanToken(readToken(tokenPath));
  return saved ? { token: checkToken(saved, tokenPath), tokenSource: "file" } : none;
}

function readToken(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const advice = "make it readable, or set HF_TOKEN or HF_HUB_DISABLE_IMPLICIT_TOKEN=1";
    throw new DeadliftError("FileUnreadable", `the token file ${path} cannot be read; ${advice}`, { cause: error });
  }
}

function cleanToken(value: string | undefined): string | undefined {
  return value?.replace(/[\r\n]/g, "").trim();
}

/** Refuses what no header can carry, without repeating the secret. */
function checkToken(token: string, source: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new DeadliftError("InvalidArgument", `expected a token of visible ASCII characters in ${source}`);
}

function makeUserAgent(env: Environment): string {
  const parts = [`deadlift/${deadliftVersion()}`];
  const silent = ["HF_HUB_DISABLE_TELEMETRY", "DISABLE_TELEMETRY", "DO_NOT_TRACK"].some((name) => isTrue(env[name]));
  if (!silent) parts.push(`node/${process.versions.node}`, `${process.platform}/${process.arch}`);
  const origin = env.HF_HUB_USER_AGENT_ORIGIN;
  if (origin) parts.push(`origin/${origin}`);
  const agent = [
    ...new Set(
      parts
        .join("; ")
        .split(";")
        .map((part) => part.trim()),
    ),
  ].join("; ");
  if (/^[\x20-\x7e]*$/.test(agent)) return agent;
  const what = "visible ASCII characters";
  throw new DeadliftError("InvalidArgument", expected(what, "HF_HUB_USER_AGENT_ORIGIN", origin));
}
