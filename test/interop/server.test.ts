// The tests' Hub judged by the real Python client: what it serves must be what huggingface_hub expects of the Hub.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { hashContent, startHub, type TestHub } from "../hub/server.js";
import { describePythons, type PythonEnv } from "./python.js";

describePythons("files of the tests' Hub", (python) => {
  let hub: TestHub;
  let home: string;
  const weights = { seed: 1, size: 30_000_000 };

  beforeEach(async () => {
    hub = await startHub({ pageSize: 2 });
    home = await mkdtemp(join(tmpdir(), "deadlift-interop-home-"));
  });

  afterEach(async () => {
    await hub.close();
    await rm(home, { recursive: true, force: true });
  });

  /** Without Xet, unless told: it is another protocol, which the server does not speak. */
  function env(more: Record<string, string> = {}): PythonEnv {
    return { HF_HOME: home, HF_ENDPOINT: hub.endpoint, HF_HUB_DISABLE_XET: "1", ...more };
  }

  /** The SHA-256 of org/model's w.bin as Python downloads it. */
  function download(more: Record<string, string> = {}): Promise<string> {
    const script = `
import hashlib, json, huggingface_hub as h
print(json.dumps(hashlib.sha256(open(h.hf_hub_download("org/model", "w.bin"), "rb").read()).hexdigest()))`;
    return python.json<string>(script, env(more));
  }

  it("make a whole snapshot, whose cache is without fault, and which is found offline", async () => {
    const repo = hub.repo("org/model");
    const files = { "config.json": "{}", "sub/dir/tök 1.json": "[1]", "empty.txt": "", "m.safetensors": weights };
    const commit = repo.commit(files);
    const script = `
import hashlib, json, os, huggingface_hub as h
folder = h.snapshot_download("org/model")
found = {}
for root, _, names in os.walk(folder):
    for name in names:
        path = os.path.join(root, name)
        found[os.path.relpath(path, folder)] = hashlib.sha256(open(path, "rb").read()).hexdigest()
cache = h.scan_cache_dir()
print(json.dumps([os.path.basename(folder), found, [str(w) for w in cache.warnings]]))`;
    type Snapshot = [string, Record<string, string>, string[]];
    const online = await python.json<Snapshot>(script, env());
    const hashes = await Promise.all(Object.values(files).map((content) => hashContent(content)));
    const expected = Object.fromEntries(Object.keys(files).map((path, i) => [path, hashes[i]!.sha256]));
    expect(online).toEqual([commit, expected, []]);
    const asked = hub.requests.length;
    expect(await python.json<Snapshot>(script, env({ HF_HUB_OFFLINE: "1" }))).toEqual(online);
    expect(hub.requests.length).toBe(asked);
    const verified = await python.hf(["cache", "verify", "org/model"], env());
    expect(verified).toMatchObject({ status: 0 });
  });

  it("come to the command line, with the token for the hub alone", async () => {
    hub.repo("org/model", { private: true }).commit({ "w.bin": weights, "a.txt": "a" });
    const { status, stdout } = await python.hf(["download", "org/model", "--quiet"], env({ HF_TOKEN: "hf_good" }));
    expect([status, stdout.trim().startsWith(home)]).toEqual([0, true]);
    const far = hub.requests.filter(({ host }) => host === "cdn");
    expect(far.length).toBeGreaterThan(0);
    expect(far.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    const near = hub.requests.filter(({ host, url }) => host === "hub" && url.includes("/resolve/"));
    expect(near.every(({ headers }) => headers.authorization === "Bearer hf_good")).toBe(true);
  });

  it("arrive whole although a connection is cut and an answer is 503", async () => {
    hub.repo("org/model").commit({ "w.bin": weights });
    const { sha256 } = await hashContent(weights);
    hub.when({ host: "cdn", method: "GET", times: 1 }, { cutAfter: 15_000_000 });
    hub.when({ host: "hub", times: 1 }, { status: 503 });
    expect(await download()).toBe(sha256);
    const ranges = hub.requests.filter(({ host }) => host === "cdn").map(({ headers }) => headers.range);
    expect(ranges.at(-1)).toMatch(/^bytes=\d+-/);
    expect(hub.bytesSent({ host: "cdn" })).toBeLessThan(2 * weights.size);
    expect(hub.requests[0]).toMatchObject({ status: 503 });
  });

  it("are told from those that lost their end", async () => {
    hub.repo("org/model").commit({ "w.bin": weights });
    hub.when({ host: "cdn" }, { short: 5 });
    await expect(download()).rejects.toThrow(/Consistency check failed/);
  });

  it("wait until a rate limit ends", async () => {
    hub.repo("org/model").commit({ "w.bin": weights });
    hub.when({ host: "hub", times: 1 }, { status: 429, headers: { RateLimit: '"resolvers";r=0;t=0' } });
    expect(await download()).toBe((await hashContent(weights)).sha256);
    expect(hub.requests.map(({ status }) => status)).toEqual([429, 302, 200]);
  });

  it("are found under a repository's former name, by tag, by pull request and by commit", async () => {
    const repo = hub.repo("org/old");
    const commit = repo.commit({ "a.txt": "first", "w.bin": "first" });
    repo.tag("v1");
    repo.branch("refs/pr/1");
    repo.commit({ "a.txt": "second" }, { branch: "refs/pr/1" });
    repo.commit({ "a.txt": "third" });
    repo.renameTo("org/new");
    const script = `
import json, sys, huggingface_hub as h
read = lambda rev: open(h.hf_hub_download("org/old", "a.txt", revision=rev)).read()
print(json.dumps([read(rev) for rev in ["main", "v1", "refs/pr/1", sys.argv[1]]]))`;
    expect(await python.json(script, env(), [commit])).toEqual(["third", "first", "second", "first"]);
  });

  it("fail with the exception of each error", async () => {
    hub.repo("org/model").commit({ "a.txt": "a" });
    hub.repo("org/gated", { gated: "manual" }).commit({ "a.txt": "a" });
    hub.repo("org/hidden", { private: true }).commit({ "a.txt": "a" });
    hub.repo("org/disabled", { disabled: true });
    const script = `
import json, huggingface_hub as h
def name(*args, call=h.hf_hub_download, **more):
    try:
        call(*args, **more)
    except Exception as error:
        return type(error).__name__
    return "none"
print(json.dumps([
    name("no/model", "a.txt"), name("no/model", "a.txt", token="hf_good"),
    name("org/hidden", "a.txt"), name("org/hidden", "a.txt", token="hf_good"),
    name("org/model", "b.txt"), name("org/model", "a.txt", revision="none"),
    name("org/gated", "a.txt"), name("org/gated", "a.txt", token="hf_good"),
    name("org/disabled", call=h.model_info), name("org/model", "a.txt", token="hf_bad"),
]))`;
    expect(await python.json(script, env())).toEqual([
      ...["RepositoryNotFoundError", "RepositoryNotFoundError", "RepositoryNotFoundError", "none"],
      ...["RemoteEntryNotFoundError", "RevisionNotFoundError", "GatedRepoError", "GatedRepoError"],
      ...["DisabledRepoError", "HfHubHTTPError"],
    ]);
  });

  it("keep their Xet hash, which only Xet clients look at", async () => {
    hub.repo("org/model", { xet: true }).commit({ "w.bin": weights });
    const script = `
import json, huggingface_hub as h
url = h.hf_hub_url("org/model", "w.bin")
data = h.get_hf_file_metadata(url).xet_file_data
print(json.dumps(data.file_hash))`;
    expect(await python.json(script, env())).toBe((await hashContent(weights)).xet);
    expect(await download()).toBe((await hashContent(weights)).sha256);
  });
});
