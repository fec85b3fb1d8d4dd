// The tests' own Hub: that it gives out files and refuses them as the Hub does.

import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listFiles, modelInfo } from "@huggingface/hub";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { certificate } from "./hub/certificate.js";
import { hashContent, readContent, startHub, type TestHub } from "./hub/server.js";
import { spawnHub } from "./hub/spawn.js";

const zeroHex = "0".repeat(40);
const good = { authorization: "Bearer hf_good" };
let hub: TestHub;

beforeEach(async () => {
  hub = await startHub({ pageSize: 2 });
});
afterEach(() => hub.close());

function get(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
  return fetch(path.startsWith("http") ? path : hub.endpoint + path, { headers, method, redirect: "manual" });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

describe("resolve", () => {
  it("leads git files to resolve-cache, with git's blob id for an ETag", async () => {
    const commit = hub.repo("org/model").commit({ "a b/ü.txt": "hello\n" });
    const first = await get("/org/model/resolve/main/a%20b/%C3%BC.txt");
    expect(first.status).toBe(307);
    expect(first.headers.get("x-repo-commit")).toBe(commit);
    expect(first.headers.get("location")).toMatch(/^\/api\/resolve-cache\/models\/org\/model\/[0-9a-f]{40}\/a%20b/);
    const second = await get(first.headers.get("location")!);
    expect(second.status).toBe(200);
    expect(second.headers.get("etag")).toBe('"ce013625030ba8dba906f756967f9e9ca394464a"');
    expect(second.headers.get("content-length")).toBe("6");
    expect(second.headers.get("x-repo-commit")).toBe(commit);
    expect(await second.text()).toBe("hello\n");
    const known = await get("/org/model/resolve/main/a%20b/%C3%BC.txt", {
      "if-none-match": second.headers.get("etag")!,
    });
    expect(known.status).toBe(304);
  });

  it("leads LFS files to a signed URL of the other host, which expires", async () => {
    const weights = { seed: 7, size: 3_500_000 };
    const commit = hub.repo("org/model").commit({ "model.safetensors": weights });
    const { sha256: oid } = await hashContent(weights);
    const first = await get("/org/model/resolve/main/model.safetensors", {}, "HEAD");
    expect(first.status).toBe(302);
    expect(first.headers.get("x-linked-etag")).toBe(`"${oid}"`);
    expect(first.headers.get("x-linked-size")).toBe("3500000");
    expect(first.headers.get("x-repo-commit")).toBe(commit);
    expect(first.headers.get("x-xet-hash")).toBeNull();
    expect(Number(first.headers.get("content-length"))).toBeLessThan(1000);
    const signed = first.headers.get("location")!;
    expect(signed.startsWith(`${hub.cdn}/xet-bridge-us/`)).toBe(true);
    const far = await get(signed);
    expect(far.headers.get("etag")).not.toContain(oid);
    expect(sha256(new Uint8Array(await far.arrayBuffer()))).toBe(oid);
    expect((await get(signed.replace(/Signature=./, "Signature=x"))).status).toBe(403);
    hub.expireSignedUrls();
    expect((await get(signed)).status).toBe(403);
    const again = await get("/org/model/resolve/main/model.safetensors");
    expect((await get(again.headers.get("location")!)).status).toBe(200);
  });

  it("answers ranges with 206, and with 416 beyond the end", async () => {
    const weights = { seed: 7, size: 2_500_000 };
    hub.repo("org/model").commit({ "w.bin": weights, "empty.bin": "" });
    const range = async (asked: string, headers = {}) => {
      const path = (await get("/org/model/resolve/main/w.bin")).headers.get("location")!;
      const answer = await get(path, { range: asked, ...headers });
      return { answer, bytes: Buffer.from(await answer.arrayBuffer()) };
    };
    for (const [asked, start, end] of [
      ["bytes=1048570-1048580", 1_048_570, 1_048_581],
      ["bytes=2499990-", 2_499_990, 2_500_000],
      ["bytes=-7", 2_499_993, 2_500_000],
      ["bytes=2499990-9999999", 2_499_990, 2_500_000],
    ] as const) {
      const { answer, bytes } = await range(asked);
      expect(answer.status).toBe(206);
      expect(answer.headers.get("content-range")).toBe(`bytes ${start}-${end - 1}/2500000`);
      expect(bytes.equals(await readContent(weights, start, end))).toBe(true);
    }
    const beyond = await range("bytes=2500000-");
    expect(beyond.answer.status).toBe(416);
    expect(beyond.answer.headers.get("content-range")).toBe("bytes */2500000");
    expect((await range("bytes=0-9", { "if-range": '"another"' })).answer.status).toBe(200);
    const empty = await get("/org/model/resolve/main/empty.bin");
    expect((await get(empty.headers.get("location")!, { range: "bytes=0-" })).status).toBe(416);
  });

  it("serves contents of every kind, and pointers as raw", async () => {
    const folder = await mkdtemp(join(tmpdir(), "deadlift-hub-server-"));
    try {
      await writeFile(join(folder, "local"), Buffer.alloc(1_500_000, 3));
      const contents = {
        "bytes.txt": new Uint8Array([0, 255]),
        "small.txt": { data: "as LFS", lfs: true },
        "local.bin": { file: join(folder, "local") },
        "zeros.bin": { sparse: 1_200_000 },
      };
      hub.repo("org/model").commit(contents);
      for (const [path, content] of Object.entries(contents)) {
        const answer = await fetch(`${hub.endpoint}/org/model/resolve/main/${path}`);
        expect(Buffer.from(await answer.arrayBuffer()).equals(await readContent(content))).toBe(true);
      }
      const { sha256: oid } = await hashContent(contents["small.txt"]);
      const raw = await get("/org/model/raw/main/small.txt");
      expect(await raw.text()).toBe(`version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 6\n`);
      expect((await get("/org/model/raw/main/nothing", {}, "HEAD")).status).toBe(404);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("has 5 GiB of zeros, by range and with the right hash", async () => {
    hub.repo("org/model").commit({ "big.gguf": { sparse: 5 * 2 ** 30 } });
    const head = await get("/org/model/resolve/main/big.gguf", {}, "HEAD");
    expect(head.headers.get("x-linked-size")).toBe(String(5 * 2 ** 30));
    const end = await get(head.headers.get("location")!, { range: `bytes=${5 * 2 ** 30 - 3}-` });
    expect(Buffer.from(await end.arrayBuffer())).toEqual(Buffer.alloc(3));
  });

  it("shows Xet hashes when a repository has them", async () => {
    hub.repo("org/model", { xet: true }).commit({ "w.bin": "weights" });
    const head = await get("/org/model/resolve/main/w.bin", {}, "HEAD");
    expect(head.headers.get("x-xet-hash")).toMatch(/^[0-9a-f]{64}$/);
    expect(head.headers.get("link")).toContain(`<${hub.endpoint}/api/models/org/model/xet-read-token/`);
    const entry = (await listFiles({ repo: "org/model", hubUrl: hub.endpoint }).next()).value!;
    expect(entry.xetHash).toBe(head.headers.get("x-xet-hash"));
  });
});

describe("errors and access", () => {
  async function codes(path: string, headers?: Record<string, string>): Promise<unknown[]> {
    const answer = await get(path, headers);
    const { error } = (await answer.json()) as { error: string };
    expect(error).toBe(answer.headers.get("x-error-message"));
    return [answer.status, answer.headers.get("x-error-code")];
  }

  it("has the status and code of each", async () => {
    const commit = hub.repo("org/model").commit({ "a.txt": "a" });
    expect(await codes("/no/model/resolve/main/a.txt")).toEqual([401, "RepoNotFound"]);
    expect(await codes("/no/model/resolve/main/a.txt", good)).toEqual([404, "RepoNotFound"]);
    expect(await codes("/api/models/no/model", good)).toEqual([404, "RepoNotFound"]);
    expect(await codes("/org/model/resolve/none/a.txt")).toEqual([404, "RevisionNotFound"]);
    expect(await codes(`/api/models/org/model/revision/${zeroHex}`)).toEqual([404, "RevisionNotFound"]);
    expect(await codes("/org/model/resolve/main/b.txt")).toEqual([404, "EntryNotFound"]);
    expect((await get("/org/model/resolve/main/b.txt")).headers.get("x-repo-commit")).toBe(commit);
    expect(await codes("/api/models/org/model/tree/main/none")).toEqual([404, "EntryNotFound"]);
    expect(await codes("/org/model/resolve/main/a.txt", { authorization: "Bearer hf_bad" })).toEqual([401, null]);
    expect(await codes("/api/models?sort=colour")).toEqual([400, null]);
    expect(await codes("/api/models?inference=warm")).toEqual([400, null]);
  });

  it("hides private repositories and shuts gated and disabled ones", async () => {
    const hidden = hub.repo("org/hidden", { private: true });
    hidden.commit({ "a.txt": "a" });
    hub.tokens.set("hf_other", { name: "other", repos: [] });
    const path = "/org/hidden/resolve/main/a.txt";
    expect(await codes(path)).toEqual([401, "RepoNotFound"]);
    expect(await codes(path, { authorization: "Bearer hf_other" })).toEqual([404, "RepoNotFound"]);
    expect((await get(path, good)).status).toBe(307);
    hidden.options.private = false;
    hidden.options.gated = "manual";
    expect(await codes(path)).toEqual([401, "GatedRepo"]);
    expect(await codes(path, good)).toEqual([403, "GatedRepo"]);
    expect((await get("/api/models/org/hidden")).status).toBe(200);
    expect((await get("/api/models/org/hidden/auth-check")).status).toBe(401);
    hidden.options.granted = ["hf_good"];
    expect((await get(path, good)).status).toBe(307);
    hidden.options.disabled = true;
    expect(await codes(path, good)).toEqual([403, null]);
  });

  it("leads former names to the new one by relative redirects", async () => {
    const repo = hub.repo("org/old");
    repo.commit({ "a.txt": "a" });
    repo.renameTo("org/new");
    const moved = await get("/org/old/resolve/main/a.txt?x=1");
    expect([moved.status, moved.headers.get("location")]).toEqual([307, "/org/new/resolve/main/a.txt?x=1"]);
    expect((await get("/api/models/org/old")).headers.get("location")).toBe("/api/models/org/new");
    expect((await modelInfo({ name: "org/old", hubUrl: hub.endpoint })).name).toBe("org/new");
  });
});

it("speaks HTTPS on both hosts", async () => {
  const secure = await startHub({ tls: certificate });
  try {
    secure.repo("org/model").commit({ "w.bin": "weights" });
    const ask = (url: string) =>
      new Promise<IncomingMessage>((resolve, reject) => {
        httpsGet(url, { ca: certificate.cert, agent: false }, resolve).on("error", reject);
      });
    const near = await ask(`${secure.endpoint}/org/model/resolve/main/w.bin`);
    near.resume();
    expect(near.headers.location).toMatch(/^https:\/\/localhost:/);
    const far = await ask(near.headers.location!);
    expect(Buffer.concat(await far.toArray()).toString()).toBe("weights");
    await expect(fetch(secure.endpoint)).rejects.toThrow();
  } finally {
    await secure.close();
  }
});

it("runs in a process of its own, under orders", async () => {
  const weights = { seed: 2, size: 2_000_000 };
  const spawned = await spawnHub([{ id: "org/model", files: { "w.bin": weights } }]);
  try {
    const url = `${spawned.endpoint}/org/model/resolve/main/w.bin`;
    const first = await fetch(url);
    expect(sha256(new Uint8Array(await first.arrayBuffer()))).toBe((await hashContent(weights)).sha256);
    expect(await spawned.bytesSent({ host: "cdn", path: /w\.bin/ })).toBe(2_000_000);
    const remove = await spawned.when({ path: "w.bin" }, { status: 503 });
    expect((await fetch(url)).status).toBe(503);
    await remove();
    const commit = await spawned.commit("org/model", { "w.bin": "new" });
    expect(commit).not.toBe(spawned.heads["org/model"]);
    expect(await (await fetch(url)).text()).toBe("new");
    expect((await spawned.requests()).map(({ status }) => status)).toEqual([302, 200, 503, 302, 200]);
  } finally {
    await spawned.close();
  }
});
