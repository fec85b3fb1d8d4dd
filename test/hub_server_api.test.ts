// The API of the tests' own Hub, as the JavaScript client @huggingface/hub reads it.

import { checkRepoAccess, listCommits, listFiles, listModels, modelInfo, pathsInfo, whoAmI } from "@huggingface/hub";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hashContent, startHub, type TestHub } from "./hub/server.js";

let hub: TestHub;

beforeEach(async () => {
  hub = await startHub({ pageSize: 2 });
});
afterEach(() => hub.close());

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(hub.endpoint + path, { headers });
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("the API, read by @huggingface/hub", () => {
  it("lists trees in pages, whole and below a folder, at branches, tags and commits", async () => {
    const repo = hub.repo("org/model");
    const first = repo.commit({ "a.txt": "1", "d/b.txt": "2", "d/e/c.txt": "3", "w.safetensors": "4" });
    const options = { repo: "org/model", hubUrl: hub.endpoint };
    const whole = await all(listFiles({ ...options, recursive: true, expand: true }));
    const paths = ["a.txt", "d", "d/b.txt", "d/e", "d/e/c.txt", "w.safetensors"];
    expect(whole.map(({ path }) => path).sort()).toEqual(paths);
    const { sha256: oid, pointerSize, pointerSha1 } = await hashContent("4");
    const weights = whole.find(({ path }) => path === "w.safetensors")!;
    expect(weights).toMatchObject({ oid: pointerSha1, size: 1, lfs: { oid, size: 1, pointerSize } });
    expect(weights.lastCommit!.id).toBe(first);
    repo.tag("v1");
    repo.branch("refs/pr/1");
    repo.commit({ "a.txt": "changed", "d/b.txt": null }, { branch: "refs/pr/1", title: "Change" });
    const flat = await all(listFiles({ ...options, path: "d", revision: "refs/pr/1" }));
    expect(flat.map(({ path, type }) => [path, type])).toEqual([["d/e", "directory"]]);
    expect(await all(listFiles({ ...options, path: "d", revision: "v1" }))).toHaveLength(2);
    expect(await all(listFiles({ ...options, path: "d", revision: first }))).toHaveLength(2);
    const infos = await pathsInfo({ ...options, paths: ["a.txt", "d", "none"], expand: true });
    expect(infos.map(({ path, type }) => [path, type])).toEqual([
      ["a.txt", "file"],
      ["d", "directory"],
    ]);
    const commits = await all(listCommits({ ...options, revision: "refs/pr/1" }));
    expect(commits.map(({ title }) => title)).toEqual(["Change", "Update files", "initial commit"]);
    const refs = await (await get("/api/models/org/model/refs?include_prs=true")).json();
    expect(refs).toMatchObject({
      branches: [{ name: "main", targetCommit: first }],
      tags: [{ name: "v1", ref: "refs/tags/v1", targetCommit: first }],
      pullRequests: [{ name: "pr/1", ref: "refs/pr/1", targetCommit: repo.head("refs/pr/1") }],
    });
  });

  it("tells of a model, with parameters counted from its files", async () => {
    const header = JSON.stringify({
      a: { dtype: "BF16", shape: [2, 3], data_offsets: [0, 12] },
      b: { dtype: "F32", shape: [5], data_offsets: [12, 32] },
    });
    const file = Buffer.concat([Buffer.alloc(8), Buffer.from(header), Buffer.alloc(32)]);
    file.writeBigUInt64LE(BigInt(header.length));
    const options = { task: "text-generation", library: "transformers", likes: 3, cardData: { license: "mit" } };
    const commit = hub.repo("org/model", options).commit({ "m.safetensors": file });
    const info = await modelInfo({
      name: "org/model",
      hubUrl: hub.endpoint,
      additionalFields: ["sha", "safetensors", "tags", "cardData", "filePaths"],
    });
    expect(info).toMatchObject({ name: "org/model", task: "text-generation", likes: 3, gated: false, sha: commit });
    expect(info.safetensors).toEqual({ parameters: { BF16: 6, F32: 5 }, total: 11 });
    expect(info.tags).toEqual(["transformers", "safetensors", "text-generation", "license:mit", "region:us"]);
    expect(info.filePaths).toEqual(["m.safetensors"]);
    const whole = (await (await get("/api/models/org/model?blobs=true")).json()) as { siblings: object[] };
    expect(whole.siblings).toEqual([
      expect.objectContaining({ rfilename: "m.safetensors", size: file.length, lfs: expect.anything() }),
    ]);
  });

  it("finds models by every filter, in the order asked for, page by page", async () => {
    const gguf = (total: number) => ({ gguf: { total, architecture: "llama", context_length: 4096 } });
    hub.repo("a/one", { downloads: 1, task: "text-generation", tags: ["en"], ...gguf(1e9) }).commit({ "m.gguf": "x" });
    hub.repo("a/two", { downloads: 2, gated: "auto", tags: ["en"], cardData: { license: "mit" } });
    hub.repo("b/One-more", { downloads: 3, library: "transformers", tags: ["de"], ...gguf(7e9) });
    hub.repo("b/secret", { downloads: 4, private: true });
    const names = async (query: string, headers = {}) => {
      const models = (await (await get(`/api/models?sort=downloads&${query}`, headers)).json()) as { id: string }[];
      return models.map(({ id }) => id);
    };
    expect(await names("search=one")).toEqual(["b/One-more", "a/one"]);
    expect(await names("author=a&direction=1")).toEqual(["a/one", "a/two"]);
    expect(await names("filter=en&filter=gguf")).toEqual(["a/one"]);
    expect(await names("filter=license:mit")).toEqual(["a/two"]);
    expect(await names("pipeline_tag=text-generation")).toEqual(["a/one"]);
    expect(await names("gated=true")).toEqual(["a/two"]);
    expect(await names("gated=false")).toEqual(["b/One-more", "a/one"]);
    expect(await names("num_parameters=min:1B,max:2B")).toEqual(["a/one"]);
    expect(await names("limit=1", { authorization: "Bearer hf_good" })).toEqual(["b/secret"]);
    const found = await all(listModels({ hubUrl: hub.endpoint, sort: "downloads", additionalFields: ["tags"] }));
    expect(found.map(({ name }) => name)).toEqual(["b/One-more", "a/two", "a/one"]);
    expect(found[2]!.tags).toEqual(["gguf", "en", "text-generation", "region:us"]);
    expect(hub.requests.at(-1)!.url).toContain("cursor=");
  });

  it("knows who asks", async () => {
    const me = await whoAmI({ hubUrl: hub.endpoint, accessToken: "hf_good" });
    expect(me.name).toBe("tester");
    await expect(whoAmI({ hubUrl: hub.endpoint, accessToken: "hf_bad" })).rejects.toThrow(/Invalid credentials/);
    await expect(checkRepoAccess({ repo: "no/model", hubUrl: hub.endpoint })).rejects.toThrow();
  });
});
