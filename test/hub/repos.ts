// The repositories of the tests' Hub: commits, branches, tags, names and former names.

import { createHash } from "node:crypto";
import { type Blob, toBlob } from "./content.js";
import type { Content, RepoOptions, TestRepo } from "./contract.js";

export interface Commit {
  readonly id: string;
  readonly parent: Commit | undefined;
  readonly title: string;
  readonly date: string;
  /** Sorted by path, with the commit that last touched each. */
  readonly files: Map<string, { blob: Blob; last: Commit }>;
}

/** One second apart, so that orders by time are the orders of making. */
const epoch = Date.UTC(2026, 0, 1);
let seconds = 0;

function nextDate(): string {
  return new Date(epoch + 1000 * seconds++).toISOString();
}

export function sha1(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}

export class Repository implements TestRepo {
  readonly branches = new Map<string, Commit>();
  readonly tags = new Map<string, Commit>();
  readonly createdAt = nextDate();
  /** 24 hex digits, as the Hub's own. */
  readonly key: string;
  private readonly commits = new Map<string, Commit>();

  constructor(
    private readonly registry: Repositories,
    public id: string,
    readonly options: RepoOptions,
  ) {
    this.key = sha1(`key of ${id}`).slice(0, 24);
    this.add({ files: new Map(), parent: undefined, title: "initial commit" }, "main");
  }

  private add(made: Omit<Commit, "id" | "date">, branch: string): Commit {
    const id = sha1(`${this.key} ${made.parent?.id} ${this.commits.size} ${made.title}`);
    const commit = { ...made, id, date: nextDate() };
    this.commits.set(id, commit);
    this.branches.set(branch, commit);
    return commit;
  }

  commit(changes: Record<string, Content | null>, { branch = "main", title = "Update files" } = {}): string {
    const parent = this.branches.get(branch) ?? this.branches.get("main")!;
    const files = new Map(parent.files);
    const commit = this.add({ parent, title, files }, branch);
    for (const [path, content] of Object.entries(changes)) {
      if (content === null) files.delete(path);
      else files.set(path, { blob: toBlob(path, content), last: commit });
    }
    const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
    files.clear();
    for (const [path, entry] of sorted) files.set(path, entry);
    return commit.id;
  }

  tag(name: string, commit?: string): void {
    this.tags.set(name, this.known(commit));
  }

  branch(name: string, commit?: string): void {
    this.branches.set(name, this.known(commit));
  }

  renameTo(id: string): void {
    this.registry.rename(this, id);
  }

  head(branch = "main"): string {
    const commit = this.branches.get(branch);
    if (!commit) throw new Error(`${this.id} has no branch ${branch}`);
    return commit.id;
  }

  private known(commit?: string): Commit {
    const found = this.commits.get(commit ?? this.head());
    if (!found) throw new Error(`${this.id} has no commit ${commit}`);
    return found;
  }

  /** The commit a revision names: HEAD, branch, tag, full reference or 40 hex digits. */
  resolve(revision: string): Commit | undefined {
    if (revision === "HEAD") return this.branches.get("main");
    const plain = revision.replace(/^refs\/(heads|tags)\//, "");
    return this.branches.get(plain) ?? this.tags.get(plain) ?? this.commits.get(revision);
  }
}

/** Every repository by its name and its former names. */
export class Repositories {
  private readonly byId = new Map<string, Repository>();
  private readonly former = new Map<string, Repository>();

  create(id: string, options: RepoOptions): Repository {
    if (this.byId.has(id)) throw new Error(`repository ${id} exists already`);
    const repo = new Repository(this, id, options);
    this.byId.set(id, repo);
    this.former.delete(id);
    return repo;
  }

  rename(repo: Repository, id: string): void {
    if (this.byId.has(id)) throw new Error(`repository ${id} exists already`);
    this.byId.delete(repo.id);
    this.former.set(repo.id, repo);
    repo.id = id;
    this.byId.set(id, repo);
  }

  /** The repository of this name, or of this former name. */
  find(id: string): Repository | undefined {
    return this.byId.get(id) ?? this.former.get(id);
  }

  all(): Repository[] {
    return [...this.byId.values()];
  }
}
