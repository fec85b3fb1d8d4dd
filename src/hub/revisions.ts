// The versions of a model: branches, tags, pull requests and the last commits.

import { commitOf, fieldsOf, listFromHub, listOf, optionalDate, textOf, textsOf } from "./http/answers.js";
import { huggingfaceHub } from "./http/huggingface_hub.js";
import { askJson, hubFetch } from "./http/rest.js";
import { parseRepoName } from "./names.js";
import { checkCount, checkHubKeys, checkSignal, checkText } from "./option_check.js";
import { type HubOptions, type HubSettings, hubSettings } from "./settings.js";

export interface ModelRevisionsOptions extends HubOptions {
  /** Whose commits; default: what the name says after "@", else "main". */
  readonly revision?: string;
  /** The most commits, newest first; default 20; 0: none. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

export interface ModelRef {
  /** What may follow "@" in a name: "main", "v1.0", "refs/pr/1". */
  readonly name: string;
  readonly commit: string;
}

export interface ModelCommit {
  readonly commit: string;
  readonly title: string;
  readonly authors: readonly string[];
  readonly date: Date | undefined;
}

export interface ModelRevisions {
  readonly branches: readonly ModelRef[];
  readonly tags: readonly ModelRef[];
  /** Changes that somebody proposes: names "refs/pr/N". */
  readonly pullRequests: readonly ModelRef[];
  /** Made by the Hub's converters: names "refs/convert/NAME". */
  readonly conversions: readonly ModelRef[];
  readonly commits: readonly ModelCommit[];
}

const defaultLimit = 20;
const maxLimit = 10_000;
/** The Hub gives at most so many commits at once. */
const maxBatch = 100;

/** Everything a name may ask for after "@". Throws RepoNotFound, RevisionNotFound, Offline, Unreachable, ... */
export async function modelRevisions(name: string, options: ModelRevisionsOptions = {}): Promise<ModelRevisions> {
  checkHubKeys(options, ["revision", "limit", "signal"], "modelRevisions");
  checkText("revision", options.revision);
  checkCount("limit", options.limit, 0, maxLimit);
  checkSignal(options.signal);
  const settings = hubSettings(options);
  const { repo, revision = "main" } = parseRepoName(name, settings, options.revision);
  const { limit = defaultLimit, signal } = options;
  const refs = await listRefs(repo, settings, signal);
  return { ...refs, commits: limit > 0 ? await listCommits(repo, revision, limit, settings, signal) : [] };
}

/** Not by the package: it has no call for it. */
async function listRefs(
  repo: string,
  settings: HubSettings,
  signal?: AbortSignal,
): Promise<Omit<ModelRevisions, "commits">> {
  const url = `${settings.endpoint}/api/models/${repo}/refs?include_prs=1`;
  const refs = fieldsOf(await askJson({ url, signal }, { repo }, settings), `refs of ${repo}`);
  const read = (list: unknown, field: "name" | "ref") =>
    listOf(list ?? [], `refs of ${repo}`).map((item) => {
      const ref = fieldsOf(item, `a ref of ${repo}`);
      return { name: textOf(ref[field], `a ref of ${repo}`), commit: commitOf(ref.targetCommit, `a ref of ${repo}`) };
    });
  return {
    branches: read(refs.branches, "name"),
    tags: read(refs.tags, "name"),
    // Their names are "1" and "parquet": only the whole ref says where they are.
    pullRequests: read(refs.pullRequests, "ref"),
    conversions: read(refs.converts, "ref"),
  };
}

async function listCommits(
  repo: string,
  revision: string,
  limit: number,
  settings: HubSettings,
  signal?: AbortSignal,
): Promise<ModelCommit[]> {
  const hub = await huggingfaceHub();
  const list = hub.listCommits({
    repo: { type: "model", name: repo },
    // The package puts it into the path as it is.
    revision: encodeURIComponent(revision),
    batchSize: Math.min(limit, maxBatch),
    hubUrl: settings.endpoint,
    fetch: hubFetch({ repo, revision }, settings, { signal }),
  });
  const commits: ModelCommit[] = [];
  for await (const { oid, title, authors, date } of listFromHub(list, `commits of ${repo}`)) {
    const where = `a commit of ${repo}`;
    commits.push({
      commit: commitOf(oid, where),
      title: textOf(title, where),
      authors: textsOf(authors.map(({ username }) => username)),
      date: optionalDate(date, where),
    });
    if (commits.length === limit) break;
  }
  return commits;
}
