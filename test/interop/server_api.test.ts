// The API of the tests' Hub judged by the real Python client.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { hashContent, startHub, type TestHub } from "../hub/server.js";
import { describePythons } from "./python.js";

describePythons("the API of the tests' Hub", (python) => {
  let hub: TestHub;
  let home: string;

  beforeEach(async () => {
    hub = await startHub({ pageSize: 2 });
    home = await mkdtemp(join(tmpdir(), "deadlift-interop-home-"));
  });

  afterEach(async () => {
    await hub.close();
    await rm(home, { recursive: true, force: true });
  });

  /** What `expression` is in Python, where `api` is an HfApi of the tests' Hub. */
  function evaluate<T>(expression: string, args: string[] = []): Promise<T> {
    const script = `
import json, sys
from huggingface_hub import HfApi
api = HfApi()
print(json.dumps(${expression}))`;
    return python.json<T>(script, { HF_HOME: home, HF_ENDPOINT: hub.endpoint }, args);
  }

  it("lists trees in pages, with the ids of git and of LFS", async () => {
    const repo = hub.repo("org/model", { xet: true });
    const commit = repo.commit({ "a.txt": "1", "d/b.txt": "22", "d/e/c.txt": "333", "w.safetensors": "4444" });
    const tree = `[[type(e).__name__, e.path, getattr(e, "size", None), getattr(e, "blob_id", None)]
      for e in api.list_repo_tree("org/model", recursive=True)]`;
    const id = async (text: string) => (await hashContent(text)).gitSha1;
    const { pointerSha1, sha256, xet, pointerSize } = await hashContent("4444");
    expect(await evaluate<unknown[][]>(tree)).toEqual([
      ["RepoFolder", "d", null, null],
      ["RepoFolder", "d/e", null, null],
      ["RepoFile", "a.txt", 1, await id("1")],
      ["RepoFile", "d/b.txt", 2, await id("22")],
      ["RepoFile", "d/e/c.txt", 3, await id("333")],
      ["RepoFile", "w.safetensors", 4, pointerSha1],
    ]);
    const paths = `[[e.path, e.last_commit.oid if e.last_commit else None, e.lfs and [e.lfs.sha256, e.lfs.size, e.lfs.pointer_size], e.xet_hash]
      for e in api.get_paths_info("org/model", ["w.safetensors", "none"], expand=True)]`;
    expect(await evaluate(paths)).toEqual([["w.safetensors", commit, [sha256, 4, pointerSize], xet]]);
    const folder = `[e.path for e in api.list_repo_tree("org/model", "d", revision="refs/heads/main")]`;
    expect(await evaluate(folder)).toEqual(["d/e", "d/b.txt"]);
    expect(await evaluate('[api.file_exists("org/model", name) for name in ["d/b.txt", "d"]]')).toEqual([true, false]);
  });

  it("tells of a model", async () => {
    const commit = hub
      .repo("org/model", {
        ...{ gated: "auto", tags: ["en"], downloads: 7, likes: 3, library: "transformers", task: "text-generation" },
        ...{ cardData: { license: "mit" }, config: { architectures: ["LlamaForCausalLM"] } },
        safetensors: { parameters: { BF16: 11 }, total: 11 },
        gguf: { total: 12, architecture: "llama", context_length: 4096 },
      })
      .commit({ "a.txt": "1", "w.gguf": "4444" });
    const info = `(lambda i: [i.sha, i.gated, i.tags, i.downloads, i.likes, i.library_name, i.pipeline_tag, i.card_data.license,
      i.config, i.safetensors.total, i.gguf, i.private, i.disabled, i.author, i.last_modified.year, [[s.rfilename, s.size] for s in i.siblings]]
      )(api.model_info("org/model", files_metadata=True))`;
    expect(await evaluate(info)).toEqual([
      ...[commit, "auto", ["transformers", "gguf", "en", "text-generation", "license:mit", "region:us"], 7, 3],
      ...["transformers", "text-generation", "mit", { architectures: ["LlamaForCausalLM"] }, 11],
      ...[{ total: 12, architecture: "llama", context_length: 4096 }, false, false, "org", 2026],
      [
        ["a.txt", 1],
        ["w.gguf", 4],
      ],
    ]);
    const expanded = `(lambda i: [i.sha, i.gguf["total"], i.tags, i.likes])(api.model_info("org/model", revision="main", expand=["gguf", "sha"]))`;
    expect(await evaluate(expanded)).toEqual([commit, 12, null, null]);
  });

  it("lists references and commits, and knows who asks", async () => {
    const repo = hub.repo("org/model");
    const first = repo.commit({ "a.txt": "1" }, { title: "First" });
    repo.tag("v1");
    repo.branch("refs/pr/1");
    repo.branch("refs/convert/parquet");
    const second = repo.commit({ "a.txt": "2" }, { title: "Second" });
    const refs = `(lambda r: [[[b.name, b.ref, b.target_commit] for b in refs] for refs in [r.branches, r.tags, r.converts, r.pull_requests]]
      )(api.list_repo_refs("org/model", include_pull_requests=True))`;
    expect(await evaluate(refs)).toEqual([
      [["main", "refs/heads/main", second]],
      [["v1", "refs/tags/v1", first]],
      [["convert/parquet", "refs/convert/parquet", first]],
      [["pr/1", "refs/pr/1", first]],
    ]);
    const commits = `[[c.commit_id, c.title] for c in api.list_repo_commits("org/model")][:2]`;
    expect(await evaluate(commits)).toEqual([
      [second, "Second"],
      [first, "First"],
    ]);
    expect(await evaluate('api.whoami(token="hf_good")["name"]')).toBe("tester");
    hub.repo("org/gated", { gated: "manual", granted: ["hf_good"] });
    expect(await evaluate('api.auth_check("org/gated", token="hf_good")')).toBeNull();
  });

  it("finds models by every filter, in the order asked for, page by page", async () => {
    const gguf = (total: number) => ({ gguf: { total, architecture: "llama", context_length: 4096 } });
    hub.repo("a/one", { downloads: 1, task: "text-generation", tags: ["en"], ...gguf(1e9) }).commit({ "m.gguf": "x" });
    hub.repo("a/two", { downloads: 2, gated: "auto", tags: ["en"], cardData: { license: "mit" }, ...gguf(2e9) });
    hub.repo("b/One-more", { downloads: 3, library: "transformers", tags: ["de"], ...gguf(7e9) });
    hub.repo("b/secret", { downloads: 4, private: true });
    const queries = {
      "": ["b/One-more", "a/two", "a/one"],
      'search="one"': ["b/One-more", "a/one"],
      'author="a", limit=1': ["a/two"],
      'filter=["en", "gguf"]': ["a/one"],
      'filter="license:mit"': ["a/two"],
      'pipeline_tag="text-generation"': ["a/one"],
      "gated=True": ["a/two"],
      "gated=False": ["b/One-more", "a/one"],
      'num_parameters="min:1B,max:2B"': ["a/two", "a/one"],
      'token="hf_good"': ["b/secret", "b/One-more", "a/two", "a/one"],
    };
    const names = (query: string) => `[m.id for m in api.list_models(sort="downloads"${query && `, ${query}`})]`;
    const found = await evaluate<string[][]>(`[${Object.keys(queries).map(names).join(", ")}]`);
    expect(found).toEqual(Object.values(queries));
    const full = `[[m.gated, [s.rfilename for s in m.siblings], m.card_data and m.card_data.license] for m in api.list_models(author="a", sort="downloads", full=True, cardData=True)]`;
    expect(await evaluate(full)).toEqual([
      ["auto", [], "mit"],
      [false, ["m.gguf"], null],
    ]);
    const expanded = `[[m.gguf["total"], m.tags] for m in api.list_models(author="a", sort="downloads", expand=["gguf"])]`;
    expect(await evaluate(expanded)).toEqual([
      [2e9, null],
      [1e9, null],
    ]);
  });
});
