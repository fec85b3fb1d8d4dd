// The CDN host: serves LFS contents by signed URL, and by range.

import { answer, answerFile, type Exchange } from "./answer.js";
import type { Blob } from "./content.js";
import type { SignedUrls } from "./signed_urls.js";

export class Cdn {
  private readonly blobs = new Map<string, Blob>();

  constructor(
    private readonly urls: SignedUrls,
    /** Set when the server listens: scheme, "localhost" and port. */
    public origin = "",
  ) {}

  /** A fresh signed URL of a blob of this repository. */
  async publish(repoKey: string, name: string, blob: Blob): Promise<string> {
    const { xet } = await blob.hashes();
    this.blobs.set(xet, blob);
    return this.origin + this.urls.sign(`/xet-bridge-us/${repoKey}/${xet}`, name);
  }

  async serve(exchange: Exchange): Promise<void> {
    const { url } = exchange;
    const hash = /^\/xet-bridge-us\/[0-9a-f]{24}\/([0-9a-f]{64})$/.exec(url.pathname)?.[1];
    const blob = hash === undefined ? undefined : this.blobs.get(hash);
    if (!blob || !this.urls.valid(url)) return this.refuse(exchange);
    const disposition = url.searchParams.get("response-content-disposition") ?? "inline";
    const headers = {
      "Content-Type": "application/octet-stream",
      "Content-Disposition": disposition.replace(/[^\x20-\x7e]/g, "_"),
      "Cache-Control": "public, max-age=31536000, immutable",
      "X-Cache": "Hit from cloudfront",
    };
    return answerFile(exchange, headers, blob, `"${hash}"`);
  }

  private refuse(exchange: Exchange): Promise<void> {
    const text =
      '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access denied</Message></Error>';
    const body = {
      size: text.length,
      async *chunks() {
        yield Buffer.from(text);
      },
    };
    return answer(exchange, 403, { "Content-Type": "text/xml", "X-Cache": "Error from cloudfront" }, body);
  }
}
