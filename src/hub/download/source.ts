// Where the bytes of one file come from: its address on the CDN, found once, used by all connections, found anew when it expires.

import { Readable } from "node:stream";
import { DeadliftError } from "../../error.js";
import type { RepoFolder } from "../cache/layout.js";
import { markMissing } from "../cache/no_exist.js";
import { discard, follow, type Reply } from "../http/http.js";
import { replyError } from "../http/replies.js";
import { readSentence } from "../http/rest.js";
import { retryLater } from "../http/retry.js";
import { routeFor } from "../http/routes.js";
import type { HubSettings } from "../settings.js";
import type { Range } from "./blocks.js";
import type { DirectPool } from "./direct_pool.js";
import { type Input, StreamInput } from "./input.js";

/** A Hub that was too slow for the first try gets so long for the next ones, as Python gives it. */
const patientMs = 60_000;

/** A file of a commit. */
export interface SourceFile {
  readonly folder: RepoFolder;
  readonly commit: string;
  readonly path: string;
  readonly settings: HubSettings;
  readonly pool: DirectPool;
}

/** An answer that may hold bytes. */
export interface SourceReply extends Pick<Reply, "status" | "headers" | "url"> {
  /** Its body, which is packed in this way; undefined: not at all. To be called once, unless it is discarded. */
  open(encoding?: string): Input;
  discard(): void;
}

export class Source {
  /** A signed address is as good as a token for an hour: it stays in memory. */
  #address: string | undefined;
  #finding: Promise<unknown> | undefined;

  constructor(private readonly file: SourceFile) {}

  /**
   * One request for bytes (undefined: for the whole file); `attempt` counts the failed ones before it. Answers that may
   * hold bytes, and 416, are returned to be judged. Throws what the Hub or the network says, marked where it may pass.
   */
  async ask(range: Range | undefined, attempt: number, signal: AbortSignal): Promise<SourceReply> {
    while (this.#address === undefined && this.#finding) await this.#finding;
    const address = this.#address;
    if (address === undefined) return this.#find(range, attempt, signal);
    const reply = await this.#askAt(address, range, attempt, signal);
    if (!isRefusal(reply.status)) return reply;
    reply.discard();
    this.forget(address);
    return this.ask(range, attempt, signal);
  }

  /** Directly, where that is possible; what went wrong that way is tried again in the other one. */
  async #askAt(address: string, range: Range | undefined, attempt: number, signal: AbortSignal): Promise<SourceReply> {
    const { settings, pool } = this.file;
    const url = new URL(address);
    const request = this.#request(address, range, attempt, signal);
    const { timeoutMs } = request;
    if (range && attempt === 0 && !isHub(url, settings) && (await routeFor(url)).proxy === undefined) {
      const answer = await pool.ask({ url, range, userAgent: settings.userAgent, timeoutMs, signal });
      const { status, headers, body } = answer;
      if (body) return { status, headers, url: address, open: () => body, discard: () => body.destroy() };
      // A range that is sent in chunks or packed is for the other way.
      if (status !== 206) return this.#withoutBody({ status, headers, url: address });
    }
    return this.#streamed(await follow(request, settings));
  }

  /** What a direct answer says by its status. */
  async #withoutBody(answer: Pick<Reply, "status" | "headers" | "url">): Promise<SourceReply> {
    if (!isUsable(answer.status) && !isRefusal(answer.status)) throw await this.#failure(answer, "");
    return { ...answer, open: () => new StreamInput(Readable.from([])), discard: () => {} };
  }

  /** Throws what the answer says if it holds no bytes. */
  async #streamed(reply: Reply): Promise<SourceReply> {
    const { status, headers, url } = reply;
    if (!isUsable(status) && !isRefusal(status)) throw await this.#failure(reply, await this.#sentence(reply));
    const open = (encoding?: string) => new StreamInput(reply.body, encoding);
    return { status, headers, url, open, discard: () => discard(reply) };
  }

  /** Finds the address anew for the next request, unless that was done since `address` was handed out. */
  forget(address: string | undefined): void {
    if (this.#address === address) this.#address = undefined;
  }

  /** The first request finds the address and brings bytes at the same time; others wait for the address. */
  #find(range: Range | undefined, attempt: number, signal: AbortSignal): Promise<SourceReply> {
    const asking = this.#askHub(range, attempt, signal).finally(() => {
      if (this.#finding === finding) this.#finding = undefined;
    });
    const finding = asking.catch(() => {});
    this.#finding = finding;
    return asking;
  }

  async #askHub(range: Range | undefined, attempt: number, signal: AbortSignal): Promise<SourceReply> {
    const reply = await follow(this.#request(resolveUrl(this.file), range, attempt, signal), this.file.settings);
    if (!isUsable(reply.status)) throw await this.#failure(reply, await this.#sentence(reply));
    this.#address = reply.url;
    return this.#streamed(reply);
  }

  #request(url: string, range: Range | undefined, attempt: number, signal: AbortSignal) {
    const { metadataTimeoutMs } = this.file.settings;
    return {
      url,
      signal,
      headers: range ? { range: `bytes=${range.start}-${range.end - 1}` } : {},
      timeoutMs: attempt === 0 ? metadataTimeoutMs : Math.max(metadataTimeoutMs, patientMs),
      // Whoever writes the body to a slow disk knows best whether it stalls.
      stallMs: 0,
    };
  }

  async #failure(reply: Pick<Reply, "status" | "headers" | "url">, text: string): Promise<DeadliftError> {
    const { folder, commit, path, settings } = this.file;
    const url = new URL(reply.url);
    if (!isHub(url, settings) && isRefusal(reply.status)) {
      const why = `${url.host} refuses ${path} of ${folder.repo} (status ${reply.status}) under an address that the Hub just gave`;
      return retryLater(new DeadliftError("HubFailed", `${why}; try again later`), undefined);
    }
    const error = replyError(reply, { repo: folder.repo, revision: commit, file: path }, settings, text);
    if (error.code === "EntryNotFound" && reply.headers["x-repo-commit"] !== undefined) {
      // What cannot be remembered is asked for again.
      await markMissing(folder, commit, path).catch(() => {});
    }
    return error;
  }

  /** What a failed answer says, if it says it soon. */
  async #sentence(reply: Reply): Promise<string> {
    const timer = setTimeout(() => reply.body.destroy(), this.file.settings.metadataTimeoutMs);
    const text = await readSentence(reply);
    clearTimeout(timer);
    return text;
  }
}

/** The Hub's address of a file at a commit. */
export function resolveUrl({ folder, commit, path, settings }: Omit<SourceFile, "pool">): string {
  const file = path.split("/").map(encodeURIComponent).join("/");
  return `${settings.endpoint}/${folder.repo}/resolve/${commit}/${file}`;
}

/** Only the Hub is told who asks, and only over connections that know how. */
function isHub(url: URL, { endpoint }: HubSettings): boolean {
  return url.host === new URL(endpoint).host;
}

function isUsable(status: number): boolean {
  return status < 400 || status === 416;
}

/** How storage behind a CDN says that a signature has expired or an address is gone. */
function isRefusal(status: number): boolean {
  return [400, 401, 403, 404, 410].includes(status);
}
