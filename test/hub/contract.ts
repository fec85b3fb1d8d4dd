// What a test may say to the tests' Hub and what it may read back: the types of options, faults, records and repositories.

export interface HubOptions {
  /** Entries on one page of a tree, of the model list and of the commit list; 50 unless told. */
  pageSize?: number;
  port?: number;
  cdnPort?: number;
  /** PEM texts: both hosts then speak HTTPS. */
  tls?: { key: string; cert: string };
  /** Life of a signed CDN URL; 3600 unless told. */
  signedUrlSeconds?: number;
}

export interface RequestRecord {
  host: "hub" | "cdn";
  method: string;
  /** Path and query as sent. */
  url: string;
  headers: Record<string, string>;
  /** 0 until an answer has begun, and for ever if none was given. */
  status: number;
  /** Bytes of the answer's body handed to the kernel, which holds some 4 MiB per connection that a dying client never reads (the fault `rate` keeps that near nothing). */
  sent: number;
  /** The connection ended, by either side, before the announced body was sent. */
  closedEarly: boolean;
  body?: string;
}

export interface RequestMatch {
  host?: "hub" | "cdn";
  method?: string;
  /** An expression is tried on path and query as sent; a text has to occur in them, as sent or decoded. CDN URLs hold the file's name in the query. */
  path?: RegExp | string;
  /** At most so often; without end unless told. */
  times?: number;
  /** Let so many matching requests pass first. */
  skip?: number;
}

/** Keys of several kinds may be joined in one object; all of them then act. */
export type Fault =
  | { status: number; headers?: Record<string, string>; body?: string }
  | { cutAfter: number }
  | { stallAfter: number }
  | { delayMs: number }
  | { rate: number }
  | { corruptAt: number }
  | { ignoreRange: true }
  | { gzip: true }
  | { wrongRange: true }
  | { short: number }
  | { reset: true }
  /** Sets or (null) removes headers of the answer otherwise given. */
  | { setHeaders: Record<string, string | null> }
  /** Runs before the answer is made: moves a branch between two requests, aborts a client. Not over IPC. */
  | { run: () => void | Promise<void> };

/** Every key a fault may have, as the server looks at it. */
export interface FaultKeys {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  cutAfter?: number;
  stallAfter?: number;
  delayMs?: number;
  rate?: number;
  corruptAt?: number;
  ignoreRange?: true;
  gzip?: true;
  wrongRange?: true;
  short?: number;
  reset?: true;
  setHeaders?: Record<string, string | null>;
  run?: () => void | Promise<void>;
}

export interface RepoOptions {
  private?: boolean;
  gated?: "auto" | "manual";
  /** Tokens that were let into a gated repository. */
  granted?: string[];
  disabled?: boolean;
  tags?: string[];
  downloads?: number;
  likes?: number;
  cardData?: object;
  library?: string;
  task?: string;
  lastModified?: string;
  createdAt?: string;
  config?: object;
  /** What the API answers as `safetensors`; unless told it is read from the headers of the *.safetensors files. */
  safetensors?: { parameters: Record<string, number>; total: number };
  /** What the API answers as `gguf`; nothing unless told. */
  gguf?: { total: number; architecture: string; context_length: number };
  /** X-Xet-Hash and Link headers on resolve, xetHash in trees. */
  xet?: boolean;
}

/** Seeded content is pseudo-random and made on the fly, sparse is zeros: neither is ever held in memory. */
export type Content =
  | string
  | Uint8Array
  | { seed: number; size: number; lfs?: boolean }
  | { sparse: number; lfs?: boolean }
  | { file: string; lfs?: boolean }
  | { data: string | Uint8Array; lfs: boolean };

export interface TestRepo {
  readonly id: string;
  /** May be changed at any time. */
  readonly options: RepoOptions;
  /** A new commit: the files of the parent with these set (null removes). Moves the branch, "main" unless told; returns the 40-hex id. */
  commit(files: Record<string, Content | null>, options?: { branch?: string; title?: string }): string;
  tag(name: string, commit?: string): void;
  /** Also makes "refs/pr/1" and "refs/convert/x". */
  branch(name: string, commit?: string): void;
  /** The old id answers with relative 307 redirects from now on. */
  renameTo(id: string): void;
  head(branch?: string): string;
}

export interface TestHub {
  /** "http://127.0.0.1:PORT" */
  readonly endpoint: string;
  /** "http://localhost:PORT": another host name than the endpoint's. */
  readonly cdn: string;
  /** All so far, in order of arrival, of both hosts. */
  readonly requests: RequestRecord[];
  /** Bytes of bodies really written, of requests that match (times and skip do not count here). */
  bytesSent(match?: RequestMatch): number;
  repo(id: string, options?: RepoOptions): TestRepo;
  /** Matching requests misbehave; the newest matching rule alone acts. Returns a function that removes the rule. */
  when(match: RequestMatch, fault: Fault): () => void;
  tokens: Map<string, { name: string; repos: "all" | string[] }>;
  /** Every signed URL handed out so far answers 403 from now on. */
  expireSignedUrls(): void;
  close(): Promise<void>;
}
