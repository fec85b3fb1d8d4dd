// Who may see what: tokens, private, gated and disabled repositories, and the errors for those who may not.

import type { IncomingMessage } from "node:http";
import { disabledRepo, gatedRepo, invalidCredentials, repoNotFound } from "./errors.js";
import type { Repositories, Repository } from "./repos.js";

export type Tokens = Map<string, { name: string; repos: "all" | string[] }>;

export class Access {
  readonly tokens: Tokens = new Map([["hf_good", { name: "tester", repos: "all" }]]);

  constructor(
    private readonly repositories: Repositories,
    public endpoint = "",
  ) {}

  /** The token sent, undefined without one. Throws for one that is not valid. */
  token(request: IncomingMessage): string | undefined {
    const sent = request.headers.authorization;
    if (sent === undefined) return undefined;
    const token = /^Bearer (.+)$/i.exec(sent)?.[1];
    if (token === undefined || !this.tokens.has(token)) throw invalidCredentials();
    return token;
  }

  maySee(repo: Repository, token: string | undefined): boolean {
    if (!repo.options.private) return true;
    const repos = token === undefined ? [] : this.tokens.get(token)!.repos;
    return repos === "all" || repos.includes(repo.id);
  }

  /** The repository of this (perhaps former) name, when this request may know of it. */
  visible(request: IncomingMessage, id: string): Repository {
    const token = this.token(request);
    const repo = this.repositories.find(id);
    if (!repo || !this.maySee(repo, token)) throw repoNotFound(token === undefined);
    if (repo.options.disabled) throw disabledRepo();
    return repo;
  }

  /** Throws unless this request may read the files of this visible repository. */
  mayRead(request: IncomingMessage, repo: Repository): void {
    if (!repo.options.gated) return;
    const token = this.token(request);
    if (token !== undefined && repo.options.granted?.includes(token)) return;
    throw gatedRepo(token === undefined, repo.id, this.endpoint);
  }
}
