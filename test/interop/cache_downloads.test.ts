import { copyFileSync, readFileSync, truncateSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { listTree, resolveRevision } from "../../src/hub/api.js";
import { RepoFolder } from "../../src/hub/cache/layout.js";
import { prepareCache } from "../../src/hub/cache/pointers.js";
import { listCache } from "../../src/hub/cache/scan.js";
import { readTree, writeTree } from "../../src/hub/cache/trees.js";
import { verifyCache } from "../../src/hub/cache/verify.js";
import { fetchSnapshot } from "../../src/hub/download/snapshot.js";
import { hubSettings } from "../../src/hub/settings.js";
import { CacheCase } from "../hub/cache_case.js";
import { startHub, type TestHub, type TestRepo } from "../hub/server.js";
import { tempFolder } from "../reference/temp.js";
import { envOf, expectAlike, files } from "./cache_listing.js";
import { describePythons } from "./python.js";

describePythons("what Python downloads", (python) => {
  let hub: TestHub;
  let repo: TestRepo;
  const contents = { ...files, "weights.safetensors": { seed: 3, size: 3_000_000 } };

  beforeAll(async () => {
    hub = await startHub({ pageSize: 3 });
    repo = hub.repo("org/model", { xet: true });
    repo.commit(contents);
    repo.commit({ "config.json": '{"a": 1}' });
    repo.commit({ "pr.json": "{}" }, { branch: "refs/pr/1" });
  });

  afterAll(() => hub.close());

  async function download(): Promise<CacheCase> {
    const cache = new CacheCase();
    const script = `
import sys, huggingface_hub as h
for revision in ["main", "refs/pr/1", sys.argv[2]]:
    h.snapshot_download("org/model", revision=revision, cache_dir=sys.argv[1])
try: h.hf_hub_download("org/model", "none.json", cache_dir=sys.argv[1])
except h.errors.EntryNotFoundError: pass`;
    const env = envOf({ HF_ENDPOINT: hub.endpoint, HF_HUB_DISABLE_XET: "1" });
    expect(await python.run(script, env, [cache.path, repo.head()])).toMatchObject({ status: 0 });
    return cache;
  }

  it("is listed alike, complete, with listings of the very bytes that we write", async () => {
    const cache = await download();
    expect((await expectAlike(python, cache.path)).warnings).toEqual([]);
    const { repos } = await listCache({ cacheDir: cache.path });
    expect(repos[0]!.revisions.map(({ complete }) => complete)).toEqual([true, true]);
    const settings = hubSettings({ endpoint: hub.endpoint, cacheDir: tempFolder(), token: false }, {});
    const [theirs, ours] = [cache.path, settings.cacheDir].map((cacheDir) => new RepoFolder({ cacheDir }, "org/model"));
    for (const revision of ["main", "refs/pr/1"]) {
      const commit = await resolveRevision("org/model", revision, settings);
      await writeTree(ours!, commit, await listTree("org/model", commit, settings));
      expect(readFileSync(ours!.tree(commit), "utf8")).toBe(readFileSync(theirs!.tree(commit), "utf8"));
      expect(await readTree(theirs!, commit)).toEqual(await readTree(ours!, commit));
      expect((await readTree(ours!, commit))!.some(({ xetHash: hash }) => hash)).toBe(true);
    }
    expect(readFileSync(join(cache.path, "CACHEDIR.TAG"), "utf8")).toBe(await tagOf(settings.cacheDir));
  });

  it("is what we download, too", async () => {
    const theirs = await download();
    const ours = new CacheCase();
    const settings = hubSettings({ endpoint: hub.endpoint, cacheDir: ours.path, token: false }, {});
    const choose = (all: readonly { path: string }[]) => all.map(({ path }) => path);
    for (const revision of ["main", "refs/pr/1", repo.head()]) {
      await fetchSnapshot({ repo: "org/model", revision, choose, settings });
    }
    expect((await expectAlike(python, ours.path)).warnings).toEqual([]);
    const without = (name: string) => !name.includes(".no_exist");
    expect(ours.all().filter(without)).toEqual(theirs.all().filter(without));
    const verify = ["cache", "verify", "org/model", "--fail-on-missing-files", "--fail-on-extra-files"];
    const env = envOf({ HF_ENDPOINT: hub.endpoint, HF_HUB_DISABLE_XET: "1" });
    expect(await python.hf([...verify, "--cache-dir", ours.path], env)).toMatchObject({ status: 0 });
  });

  it("is verified alike", async () => {
    const cache = await download();
    const commit = repo.head();
    const settings = hubSettings({ endpoint: hub.endpoint, cacheDir: cache.path, token: false }, {});
    const remote = (id: string, at: string) => listTree(id, at, settings);
    const verify = ["cache", "verify", "org/model", "--revision", commit, "--cache-dir", cache.path];
    const env = envOf({ HF_ENDPOINT: hub.endpoint, HF_HUB_DISABLE_XET: "1" });
    const sound = await verifyCache({ cacheDir: cache.path, repo: "org/model", revision: commit, remote });
    expect(sound).toMatchObject({ ok: true, checked: Object.keys(contents).length });
    expect(await python.hf(verify, env)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(new RegExp(`[Vv]erified ${sound.checked} file|checked=${sound.checked}`)),
    });
    const snapshot = join(cache.repo("org/model"), "snapshots", commit);
    truncateSync(join(snapshot, "weights.safetensors"), 2_999_999);
    unlinkSync(join(snapshot, "copy.bin"));
    copyFileSync(join(snapshot, "empty.txt"), join(snapshot, "extra.txt"));
    const spoilt = await verifyCache({ cacheDir: cache.path, repo: "org/model", revision: commit, remote });
    expect(spoilt.revisions[0]).toMatchObject({
      mismatches: [{ path: "weights.safetensors", algorithm: "sha256" }],
      missing: ["copy.bin"],
      extra: ["extra.txt"],
    });
    const theirs = await python.hf([...verify, "--fail-on-missing-files", "--fail-on-extra-files"], env);
    expect(theirs.status).not.toBe(0);
    for (const name of ["copy.bin", "extra.txt", spoilt.revisions[0]!.mismatches[0]!.actual]) {
      expect(theirs.stdout).toContain(name);
    }
  });
});

async function tagOf(cacheDir: string): Promise<string> {
  await prepareCache({ cacheDir });
  return readFileSync(join(cacheDir, "CACHEDIR.TAG"), "utf8");
}
