// The routes that give out files: resolve, resolve-cache and raw.

import type { Access } from "./access.js";
import { answerFile, answerJson, type Exchange, type Headers, isKnown, redirect } from "./answer.js";
import type { Cdn } from "./cdn.js";
import { type Blob, type Hashes, toBlob } from "./content.js";
import { entryNotFound, revisionNotFound } from "./errors.js";
import type { Commit, Repository } from "./repos.js";

const exposed =
  "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash";

export interface FileRoute {
  repo: Repository;
  revision: string;
  path: string;
}

interface Found extends FileRoute {
  commit: Commit;
  blob: Blob;
  hashes: Hashes;
}

export class FileRoutes {
  constructor(
    private readonly access: Access,
    private readonly cdn: Cdn,
  ) {}

  /** 302 to the CDN for LFS files, 307 to resolve-cache for git files. */
  async resolve(exchange: Exchange, route: FileRoute): Promise<void> {
    const found = await this.find(exchange, route);
    const { repo, commit, path, blob, hashes } = found;
    const etag = `"${blob.lfs ? hashes.sha256 : hashes.gitSha1}"`;
    const headers: Headers = { ...this.common(commit), "Accept-Ranges": "bytes" };
    if (isKnown(exchange.request.headers["if-none-match"], etag)) return answerFile(exchange, headers, blob, etag);
    if (blob.lfs) return this.toCdn(exchange, found, { ...headers, "X-Linked-ETag": etag });
    const query = `?${encodeURIComponent(decodeURIComponent(exchange.url.pathname))}=&etag=${encodeURIComponent(etag)}`;
    const encoded = path.split("/").map(encodeURIComponent).join("/");
    return redirect(exchange, 307, `/api/resolve-cache/models/${repo.id}/${commit.id}/${encoded}${query}`, headers);
  }

  private async toCdn(exchange: Exchange, { repo, commit, path, blob, hashes }: Found, common: Headers): Promise<void> {
    const headers: Headers = { ...common, "X-Linked-Size": String(blob.size) };
    if (repo.options.xet) {
      const refresh = `${this.access.endpoint}/api/models/${repo.id}/xet-read-token/${commit.id}`;
      const reconstruction = `${this.cdn.origin}/v1/reconstructions/${hashes.xet}`;
      headers["X-Xet-Hash"] = hashes.xet;
      headers.Link = `<${refresh}>; rel="xet-auth", <${reconstruction}>; rel="xet-reconstruction-info"`;
      if (exchange.request.headers.accept?.includes("application/vnd.xet-fileinfo+json")) {
        const info = { hash: hashes.xet, refreshUrl: refresh, reconstructionUrl: reconstruction };
        return answerJson(exchange, info, { ...headers, "Content-Type": "application/vnd.xet-fileinfo+json" });
      }
    }
    return redirect(exchange, 302, await this.cdn.publish(repo.key, path.split("/").at(-1)!, blob), headers);
  }

  /** Where a git file's resolve leads: the content itself. */
  async resolveCache(exchange: Exchange, route: FileRoute): Promise<void> {
    const { commit, blob, hashes, path } = await this.find(exchange, route);
    return answerFile(exchange, this.asText(commit, path), blob, `"${hashes.gitSha1}"`);
  }

  /** The content as git has it: the pointer of an LFS file. */
  async raw(exchange: Exchange, route: FileRoute): Promise<void> {
    const { commit, blob, hashes, path } = await this.find(exchange, route);
    delete exchange.request.headers["if-none-match"];
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${hashes.sha256}\nsize ${blob.size}\n`;
    const shown = blob.lfs ? toBlob(path, { data: pointer, lfs: false }) : blob;
    const oid = blob.lfs ? hashes.pointerSha1 : hashes.gitSha1;
    return answerFile(exchange, this.asText(commit, path), shown, `"${oid}"`);
  }

  private async find({ request }: Exchange, route: FileRoute): Promise<Found> {
    this.access.mayRead(request, route.repo);
    const commit = route.repo.resolve(route.revision);
    if (!commit) throw revisionNotFound(route.revision);
    const entry = commit.files.get(route.path);
    if (!entry) throw entryNotFound(route.path, commit.id);
    return { ...route, commit, blob: entry.blob, hashes: await entry.blob.hashes() };
  }

  private common(commit: Commit): Headers {
    return {
      "X-Repo-Commit": commit.id,
      "Access-Control-Expose-Headers": exposed,
    };
  }

  private asText(commit: Commit, path: string): Headers {
    const name = path
      .split("/")
      .at(-1)!
      .replace(/[^\x20-\x7e]|"/g, "_");
    return {
      ...this.common(commit),
      "Content-Type": path.endsWith(".json") ? "application/json" : "text/plain; charset=utf-8",
      "Content-Disposition": `inline; filename="${name}"`,
      "Cache-Control": "public, max-age=0, must-revalidate",
    };
  }
}
