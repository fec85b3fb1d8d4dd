// One cache for Python and us: each lists, locks, verifies, removes and reuses what the other wrote, and both count alike.

import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { listTree, resolveRevision, type TreeFile } from "../../src/hub/api.js";
import { RepoFolder } from "../../src/hub/layout.js";
import { lock, tryLock } from "../../src/hub/lock.js";
import { markMissing } from "../../src/hub/no_exist.js";
import { linkSnapshot, prepareCache } from "../../src/hub/pointers.js";
import { pruneCache } from "../../src/hub/prune.js";
import { writeRef } from "../../src/hub/refs.js";
import { removeFromCache } from "../../src/hub/remove.js";
import { listCache } from "../../src/hub/scan.js";
import { hubSettings } from "../../src/hub/settings.js";
import { reuseSharedBlob } from "../../src/hub/shared_blobs.js";
import { readTree, writeTree } from "../../src/hub/trees.js";
import { verifyCache } from "../../src/hub/verify.js";
import { CacheCase, commitA, commitB, commitC, etagOf, gitSha1, sha256 } from "../hub/cache_case.js";
import { startHub, type TestHub, type TestRepo } from "../hub/server.js";
import { tempFolder } from "../reference/temp.js";
import { describePythons, type Python, type PythonEnv } from "./python.js";

const xetHash = "7".repeat(64);

/** Names and contents of a small model. */
const files: Readonly<Record<string, string>> = {
  "config.json": "{}",
  "model.bin": "weights",
  "copy.bin": "weights",
  "sub/dir/späße 😀.json": "[1]",
  "empty.txt": "",
};

function treeOf(contents: Readonly<Record<string, string>>): TreeFile[] {
  return Object.entries(contents).map(([path, data]) => {
    const size = Buffer.byteLength(data);
    return {
      path,
      size,
      blobId: gitSha1(data),
      ...(path.endsWith(".bin") && { lfsSha256: sha256(data), lfsSize: size }),
    };
  });
}

/** Writes a revision as a download of ours does. */
async function write(cacheDir: string, repo: string, commit: string, refs: string[], contents = files): Promise<void> {
  const settings = { cacheDir, symlinks: true };
  const folder = new RepoFolder(settings, repo);
  await prepareCache(settings);
  await writeTree(folder, commit, treeOf(contents));
  for (const ref of refs) await writeRef(folder, ref, commit);
  mkdirSync(folder.blobs, { recursive: true });
  for (const [file, data] of Object.entries(contents)) {
    const etag = etagOf(file, data);
    const held = await lock(folder.lock(etag));
    const newBlob = !existsSync(folder.blob(etag));
    if (newBlob) writeFileSync(folder.blob(etag), data);
    await linkSnapshot({ folder, commit, file, etag, newBlob, settings });
    held!.release();
  }
  await markMissing(folder, commit, "adapter_config.json");
}

interface Listed {
  size: number;
  warnings: string[];
  incomplete: [string, number][];
  repos: [string, string, string, number, number, number, number, Revision[]][];
}
type Revision = [string, string[], number, number, [string, string, number][]];

const scanScript = `
import json, sys
from huggingface_hub import scan_cache_dir
info = scan_cache_dir(sys.argv[1])
print(json.dumps({
  "size": info.size_on_disk,
  "warnings": [str(one) for one in info.warnings],
  "incomplete": sorted([str(one.file_path), one.size_on_disk] for one in info.incomplete_files),
  "repos": sorted([r.repo_type, r.repo_id, str(r.repo_path), r.size_on_disk, r.nb_files, r.last_accessed, r.last_modified, sorted([
    v.commit_hash, sorted(v.refs), v.size_on_disk, v.last_modified, sorted(
      [f.file_path.relative_to(v.snapshot_path).as_posix(), str(f.blob_path), f.size_on_disk] for f in v.files)
  ] for v in r.revisions)] for r in info.repos),
}))`;

/** Our listing in the words of Python's. */
async function ourListing(cacheDir: string): Promise<Listed> {
  const { sizeOnDisk, incomplete, repos, warnings } = await listCache({ cacheDir });
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  return {
    size: sizeOnDisk,
    warnings: [...warnings],
    incomplete: incomplete.map(({ path, size }) => [path, size]),
    repos: repos.map((repo) => [
      repo.type,
      repo.id,
      repo.path,
      repo.sizeOnDisk,
      repo.fileCount,
      repo.lastAccessed,
      repo.lastModified,
      repo.revisions.map((one) => [
        one.commit,
        [...one.refs],
        one.sizeOnDisk,
        one.lastModified,
        [...one.files].sort((a, b) => byBytes(a.path, b.path)).map(({ path, blob, size }) => [path, blob, size]),
      ]),
    ]),
  };
}

/** Milliseconds from Python's seconds, which a double holds to a microsecond. */
function close(seconds: number): number {
  return expect.closeTo(seconds * 1000, 1) as number;
}

/** Expects that both count alike, but for the words of warnings; gives Python's listing. */
async function expectAlike(python: Python, cacheDir: string): Promise<Listed> {
  const theirs = await python.json<Listed>(scanScript, envOf(), [cacheDir]);
  const ours = await ourListing(cacheDir);
  expect({ ...ours, warnings: ours.warnings.length }).toEqual({
    ...theirs,
    warnings: theirs.warnings.length,
    repos: theirs.repos.map(([type, id, path, size, count, accessed, modified, revisions]) => [
      ...[type, id, path, size, count, close(accessed), close(modified)],
      revisions.map(([commit, refs, bytes, time, all]) => [commit, refs, bytes, close(time), all]),
    ]),
  });
  return theirs;
}

function envOf(more: Record<string, string> = {}): PythonEnv {
  return { HF_HOME: tempFolder(), ...more };
}

describePythons("the cache", (python) => {
  it("that we wrote is without fault for Python, and both count alike", async () => {
    const { path } = new CacheCase();
    await write(path, "org/model", commitA, ["v1", "refs/pr/1"]);
    await write(path, "org/model", commitB, ["main"], { ...files, "config.json": '{"a":1}' });
    await write(path, "org/model", commitC, []);
    await write(path, "gpt2", commitA, ["main"]);
    writeFileSync(join(path, "models--gpt2", "blobs", `${"1".repeat(64)}.0123abcd.incomplete`), "part");
    const { warnings, repos } = await expectAlike(python, path);
    expect(warnings).toEqual([]);
    expect(repos.map(([, id, , , , , , revisions]) => [id, revisions.length])).toEqual([
      ["gpt2", 1],
      ["org/model", 3],
    ]);
    const listed = await python.hf(["cache", "ls", "--revisions", "--format", "json", "--cache-dir", path], envOf());
    expect(listed).toMatchObject({ status: 0 });
    for (const commit of [commitA, commitB, commitC]) expect(listed.stdout).toContain(commit);
  });

  it("with faults is faulty for both in the same places", async () => {
    const cache = new CacheCase();
    await write(cache.path, "org/good", commitA, ["main"]);
    for (const name of ["dangling", "lost-ref", "newline", "file"])
      await write(cache.path, `org/${name}`, commitA, ["main"]);
    unlinkSync(cache.blob("org/dangling", "model.bin", "weights"));
    cache.write(join(cache.repo("org/lost-ref"), "refs", "dev"), commitB);
    cache.write(join(cache.repo("org/newline"), "refs", "main"), `${commitA}\n`);
    cache.write(join(cache.repo("org/file"), "snapshots", "file"), "");
    cache.write(join(cache.path, "something"), "");
    mkdirSync(join(cache.path, "blobs"));
    const { warnings, repos } = await expectAlike(python, cache.path);
    expect(warnings).toHaveLength(6);
    expect(repos).toHaveLength(1);
  });

  it("is found offline by Python, and what it has not is known to be missing", async () => {
    const { path } = new CacheCase();
    await write(path, "org/model", commitA, ["main"]);
    const script = `
import json, sys, huggingface_hub as h
folder = h.snapshot_download("org/model", cache_dir=sys.argv[1])
none = h.try_to_load_from_cache("org/model", "adapter_config.json", cache_dir=sys.argv[1])
print(json.dumps([folder, none is h._CACHED_NO_EXIST]))`;
    const offline = envOf({ HF_HUB_OFFLINE: "1" });
    expect(await python.json(script, offline, [path])).toEqual([
      join(path, "models--org--model", "snapshots", commitA),
      true,
    ]);
    unlinkSync(join(path, "models--org--model", "snapshots", commitA, "config.json"));
    expect((await python.run(script, offline, [path])).stderr).toContain("IncompleteSnapshotError");
  });

  it("frees the same bytes, whoever removes", async () => {
    const script = `
import json, sys
from huggingface_hub import scan_cache_dir
print(json.dumps(scan_cache_dir(sys.argv[1]).delete_revisions(*sys.argv[2:]).expected_freed_size))`;
    const cases: [string[], string[]][] = [
      [["org/model@v1"], [commitA]],
      [
        ["org/model@v1", commitB],
        [commitA, commitB],
      ],
      [["org/model"], [commitA, commitB, commitC]],
    ];
    for (const [targets, commits] of cases) {
      const { path } = new CacheCase();
      await write(path, "org/model", commitA, ["v1"], { ...files, "old.json": "old" });
      await write(path, "org/model", commitB, ["main"], { ...files, "new.bin": "newer" });
      await write(path, "org/model", commitC, [], { ...files, "sub/x.json": "detached" });
      await write(path, "gpt2", "d".repeat(40), ["main"]);
      const expected = await python.json<number>(script, envOf(), [path, ...commits]);
      expect((await removeFromCache(targets, { cacheDir: path })).freedBytes).toBe(expected);
      expect((await expectAlike(python, path)).warnings).toEqual([]);
    }
  });

  it("is clean for the other after either has pruned", async () => {
    const dirty = async () => {
      const cache = new CacheCase();
      await write(cache.path, "org/model", commitA, ["main"]);
      await write(cache.path, "org/model", commitB, [], { ...files, "b.json": "detached" });
      cache.write(join(cache.repo("org/model"), "blobs", `${"1".repeat(64)}.incomplete`), "part");
      cache.write(join(cache.repo("org/model"), "blobs", `${"2".repeat(64)}.01234567.map.incomplete`), "part");
      cache.share("org/gone", "m.bin", "weights", xetHash);
      unlinkSync(join(cache.repo("org/gone"), "blobs", etagOf("m.bin", "weights")));
      mkdirSync(join(cache.repo("org/gone"), "snapshots"));
      return cache;
    };
    const ours = await dirty();
    const removal = await pruneCache({ cacheDir: ours.path });
    expect(removal.freedBytes).toBe(8 + 4 + 4 + 7);
    const theirs = await python.hf(["cache", "prune", "--yes", "--cache-dir", ours.path], envOf());
    expect(theirs).toMatchObject({ status: 0, stdout: expect.stringContaining("Nothing to prune") });
    const other = await dirty();
    expect(await python.hf(["cache", "prune", "--yes", "--cache-dir", other.path], envOf())).toMatchObject({
      status: 0,
    });
    expect((await pruneCache({ cacheDir: other.path })).removed).toEqual([]);
    expect(await ourListing(other.path)).toMatchObject({ size: (await ourListing(ours.path)).size, incomplete: [] });
  });
});

describePythons("the shared store", (python) => {
  const publish = `
import sys
from huggingface_hub.utils import _shared_blobs as s
for blob in sys.argv[3:]:
    assert s.publish_blob_to_shared_store(blob_path=blob, xet_hash=sys.argv[2], cache_dir=sys.argv[1], expected_size=7)`;

  /** Python's store with one content of org/one, which org/two reuses through us. */
  async function shared(): Promise<{ cache: CacheCase; reused: boolean }> {
    const cache = new CacheCase();
    await write(cache.path, "org/one", commitA, ["main"]);
    const blob = cache.blob("org/one", "model.bin", "weights");
    expect(await python.run(publish, envOf(), [cache.path, xetHash, blob])).toMatchObject({ status: 0, stderr: "" });
    const settings = { cacheDir: cache.path, symlinks: true, sharedBlobs: true };
    const folder = new RepoFolder(settings, "org/two");
    mkdirSync(folder.blobs, { recursive: true });
    const reused = await reuseSharedBlob({ settings, folder, etag: sha256("weights"), xetHash, size: 7 });
    await write(cache.path, "org/two", commitB, ["main"]);
    return { cache, reused };
  }

  it("of Python serves us, and both count it once", async () => {
    const { cache, reused } = await shared();
    expect(reused).toBe(true);
    const entry = join(cache.path, "blobs", "77", xetHash);
    const names = ["one", "two"].map((name) => `models--org--${name}/blobs/${sha256("weights")}\n`);
    expect(readFileSync(`${entry}.refs`, "utf8")).toBe(names.join(""));
    const { warnings, size, repos } = await expectAlike(python, cache.path);
    expect(warnings).toEqual([]);
    expect(size).toBe(7 + 2 * (repos[0]![3] - 7));
    const { sharedStore } = await listCache({ cacheDir: cache.path });
    expect(sharedStore).toEqual({ fileCount: 1, size: 7 });
  });

  it("keeps what the other still uses, and frees it with the last, whoever removes", async () => {
    const remove = `
import json, sys
from huggingface_hub import scan_cache_dir
plan = scan_cache_dir(sys.argv[1]).delete_revisions(sys.argv[2])
plan.execute()
print(json.dumps(plan.expected_freed_size))`;
    const one = await shared();
    const first = (await removeFromCache("org/one", { cacheDir: one.cache.path })).freedBytes;
    expect(await python.json(remove, envOf(), [one.cache.path, commitB])).toBe(first + 7);
    expect(readdirSync(join(one.cache.path, "blobs", "77")).filter((name) => !name.endsWith(".lock"))).toEqual([]);
    const two = await shared();
    expect(await python.json(remove, envOf(), [two.cache.path, commitA])).toBe(first);
    const { freedBytes } = await removeFromCache("org/two", { cacheDir: two.cache.path });
    expect(freedBytes).toBe(first + 7);
    expect(readdirSync(join(two.cache.path, "blobs", "77")).filter((name) => !name.endsWith(".lock"))).toEqual([]);
  });

  it("is not touched while Python holds its lock", async () => {
    const cache = new CacheCase();
    await write(cache.path, "org/one", commitA, ["main"]);
    const blob = cache.blob("org/one", "model.bin", "weights");
    expect(await python.run(publish, envOf(), [cache.path, xetHash, blob])).toMatchObject({ status: 0 });
    const script = `
import sys, time
from pathlib import Path
from huggingface_hub.utils import _shared_blobs as s
with s._shared_blob_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(1000)`;
    const { child } = python.start(script, envOf(), [join(cache.path, "blobs", "77", xetHash)]);
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout!, "data");
    const settings = { cacheDir: cache.path, symlinks: true, sharedBlobs: true };
    const folder = new RepoFolder(settings, "org/two");
    mkdirSync(folder.blobs, { recursive: true });
    const stop = new AbortController();
    const reuse = { settings, folder, etag: sha256("weights"), xetHash, size: 7 };
    const waiting = reuseSharedBlob({ ...reuse, signal: stop.signal });
    expect(await tryLock(join(cache.path, "blobs", "77", `${xetHash}.lock`))).toBe("busy");
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: "Aborted" });
    const again = reuseSharedBlob(reuse);
    child.kill("SIGKILL");
    expect(await again).toBe(true);
  });
});

describePythons("a lock", (python) => {
  it("of Python's keeps us waiting, until it ends", async () => {
    const path = join(tempFolder(), "models--org--name", "x.lock");
    mkdirSync(join(path, ".."), { recursive: true });
    const script = `
import sys, time
from huggingface_hub.utils import WeakFileLock
with WeakFileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(1000)`;
    const { child } = python.start(script, envOf(), [path]);
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout!, "data");
    expect(await tryLock(path)).toBe("busy");
    const waiting = lock(path);
    child.kill("SIGKILL");
    (await waiting)!.release();
  });

  it("of ours keeps Python waiting, until we release it", async () => {
    const path = join(tempFolder(), "x.lock");
    const held = await lock(path);
    const script = `
import sys
from filelock import Timeout
from huggingface_hub.utils import WeakFileLock
try:
    with WeakFileLock(sys.argv[1], timeout=0.2): print("held")
except Timeout: print("busy", flush=True)
with WeakFileLock(sys.argv[1]): print("held")`;
    const { child, done } = python.start(script, envOf(), [path]);
    const [said] = await once(child.stdout!, "data");
    expect(String(said).trim()).toBe("busy");
    held!.release();
    expect(await done).toMatchObject({ status: 0, stdout: "busy\nheld\n" });
  });

  it("lets one count at a time", async () => {
    const folder = tempFolder({ count: "0" });
    const [path, count] = [join(folder, "lock"), join(folder, "count")];
    const script = `
import sys
from huggingface_hub.utils import WeakFileLock
for _ in range(100):
    with WeakFileLock(sys.argv[1]):
        n = int(open(sys.argv[2]).read())
        open(sys.argv[2], "w").write(str(n + 1))`;
    const { done } = python.start(script, envOf(), [path, count]);
    for (let i = 0; i < 100; ) {
      const held = await tryLock(path);
      if (held === "busy") continue;
      writeFileSync(count, String(Number(readFileSync(count, "utf8")) + 1));
      held!.release();
      i++;
    }
    expect(await done).toMatchObject({ status: 0 });
    expect(readFileSync(count, "utf8")).toBe("200");
  });
});

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
