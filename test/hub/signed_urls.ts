// The CDN's signed, expiring URLs: made by resolve, checked by the CDN.

import { createHmac } from "node:crypto";

export class SignedUrls {
  private generation = 0;

  constructor(
    private readonly seconds: number,
    private readonly key = "the tests' signing key",
  ) {}

  /** The path and query of a file on the CDN, good for `seconds` from now. */
  sign(path: string, name: string): string {
    const expires = Math.floor(Date.now() / 1000) + this.seconds;
    const query = new URLSearchParams({
      "response-content-disposition": `inline; filename*=UTF-8''${encodeURIComponent(name)}; filename="${name}";`,
      Expires: String(expires),
      Policy: String(this.generation),
      Signature: this.signature(path, expires, this.generation),
    });
    return `${path}?${query}`;
  }

  /** Whether a URL was signed here, has time left and was not called back. */
  valid(url: URL): boolean {
    const expires = Number(url.searchParams.get("Expires"));
    const generation = Number(url.searchParams.get("Policy"));
    if (generation !== this.generation || !(expires * 1000 > Date.now())) return false;
    return url.searchParams.get("Signature") === this.signature(url.pathname, expires, generation);
  }

  callBack(): void {
    this.generation++;
  }

  private signature(path: string, expires: number, generation: number): string {
    return createHmac("sha256", this.key).update(`${path} ${expires} ${generation}`).digest("hex");
  }
}
