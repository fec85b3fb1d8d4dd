// Downloads beside the real Python client: each finds what the other brought, both write into one cache at once.

import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { filterPaths } from "../../src/hub/patterns.js";
import { DownloadCase, failureOf, mib, repoId, sha256OfFile } from "../hub/download_case.js";
import { hashContent } from "../hub/server.js";
import { describePythons, type PythonEnv } from "./python.js";

describePythons("downloads", (python) => {
  let run: DownloadCase;
  const weights = { seed: 1, size: 30 * mib + 5 };
  const files = { "config.json": "{}", "sub/dir/tök 1.json": "[1]", "empty.txt": "", "m.safetensors": weights };

  beforeEach(async () => {
    run = await DownloadCase.start();
  });
  afterEach(() => run.end());

  function env(more: Record<string, string> = {}): PythonEnv {
    const places = { HF_HOME: join(run.cacheDir, "home"), HF_HUB_CACHE: run.cacheDir, HF_ENDPOINT: run.hub.endpoint };
    return { ...places, HF_HUB_DISABLE_XET: "1", ...more };
  }

  const contentRequests = () =>
    run.hub.requests.filter(({ host, url }) => host === "cdn" || /\/resolve(-cache)?\//.test(url));

  /** What the scan of the cache complains about; a home folder of Python's own is no repository. */
  const complaints = `
import huggingface_hub as h
def complaints():
    return [str(w) for w in h.scan_cache_dir().warnings if "home" not in str(w)]`;

  it("of ours are whole to Python: found offline, scanned without a warning, verified", async () => {
    const commit = run.hub.repo(repoId).commit(files);
    const { path } = await run.fetch();
    const before = run.hub.requests.length;
    const contents = contentRequests().length;
    const script = `${complaints}
import json
folder = h.snapshot_download("${repoId}", local_files_only=True)
one = h.hf_hub_download("${repoId}", "sub/dir/tök 1.json", local_files_only=True)
print(json.dumps([folder, one, complaints(), [[r.repo_id, r.nb_files, r.size_on_disk] for r in h.scan_cache_dir().repos]]))`;
    const found = await python.json<[string, string, string[], unknown[]]>(script, env());
    expect(found[0]).toBe(path);
    expect(found[1]).toBe(join(path, "sub/dir/tök 1.json"));
    expect(found[2]).toEqual([]);
    expect(found[3]).toEqual([[repoId, 4, weights.size + 5]]);
    expect(run.hub.requests.length).toBe(before);
    const again = `${complaints}
import json
print(json.dumps(h.snapshot_download("${repoId}", revision="${commit}")))`;
    expect(await python.json(again, env())).toBe(path);
    expect(contentRequests().length).toBe(contents);
    const verified = await python.hf(["cache", "verify", repoId], env());
    expect([verified.status, verified.stderr]).toEqual([0, expect.not.stringContaining("mismatch")]);
  });

  it("of Python's are whole to us, snapshots and single files, without a request for content", async () => {
    const commit = run.hub.repo(repoId).commit(files);
    const whole = `
import json, huggingface_hub as h
print(json.dumps(h.snapshot_download("${repoId}")))`;
    const path = await python.json<string>(whole, env());
    const before = contentRequests().length;
    expect(await run.fetch()).toMatchObject({ commit, path, downloadedBytes: 0 });
    expect(await run.fetch({ settings: run.settings({ offline: true }) })).toMatchObject({ commit, path });
    run.hub.repo("org/single").commit(files);
    const single = `
import json, huggingface_hub as h
print(json.dumps([h.hf_hub_download("org/single", name) for name in ("config.json", "m.safetensors")]))`;
    const [config] = await python.json<string[]>(single, env());
    const between = contentRequests().length;
    const request = { repo: "org/single", choose: () => ["config.json", "m.safetensors"] };
    const ours = await run.fetch(request);
    expect(join(ours.path, "config.json")).toBe(config);
    expect(await run.fetch({ ...request, settings: run.settings({ offline: true }) })).toMatchObject({
      path: ours.path,
    });
    expect(contentRequests().length).toBe(between);
    expect(before).toBeLessThan(between);
    const missing = await failureOf(run.fetch({ repo: "org/single", settings: run.settings({ offline: true }) }));
    expect(missing.code).toBe("IncompleteSnapshot");
  });

  it("of both at once bring the content once, and both succeed", { timeout: 120_000 }, async () => {
    run.hub.repo(repoId).commit(files);
    run.hub.when({ host: "cdn" }, { rate: 8 * mib });
    const script = `
import json, huggingface_hub as h
print(json.dumps(h.snapshot_download("${repoId}")))`;
    const [theirs, ours, twin] = await Promise.all([python.json<string>(script, env()), run.fetch(), run.fetch()]);
    expect(theirs).toBe(ours.path);
    expect(twin.path).toBe(ours.path);
    const { sha256 } = await hashContent(weights);
    expect(await sha256OfFile(join(ours.path, "m.safetensors"))).toBe(sha256);
    expect(run.contentBytes).toBe(weights.size);
    expect(await run.leftovers()).toEqual([]);
  });

  it("wait for Python's, which began first", { timeout: 120_000 }, async () => {
    run.hub.repo(repoId).commit(files);
    run.hub.when({ host: "cdn" }, { rate: 10 * mib });
    const script = `
import json, huggingface_hub as h
print(json.dumps(h.hf_hub_download("${repoId}", "m.safetensors")))`;
    const theirs = python.json<string>(script, env());
    while (run.contentBytes < mib) await new Promise((resolve) => setTimeout(resolve, 5));
    const stages: string[] = [];
    const { path } = await run.fetch({ onProgress: ({ stage }) => stages.push(stage) });
    expect(await theirs).toBe(join(path, "m.safetensors"));
    expect(stages).toContain("wait");
    expect(run.contentBytes).toBe(weights.size);
  });

  it("never look corrupt to Python's scan, at any moment", { timeout: 120_000 }, async () => {
    run.hub.repo(repoId).commit(files);
    run.hub.when({ host: "cdn" }, { rate: 5 * mib });
    const script = `${complaints}
import json, os, time
seen, rounds, done = set(), 0, False
while not done:
    done = os.path.exists(os.path.join(os.environ["HF_HUB_CACHE"], "home", "done"))
    seen.update(complaints())
    rounds += 1
print(json.dumps([sorted(seen), rounds]))`;
    await mkdir(join(run.cacheDir, "home"));
    const scan = python.json<[string[], number]>(script, env());
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await run.fetch();
    for (let i = 0; i < 20; i++) {
      run.hub.repo(`org/small${i}`).commit({ "config.json": `${i}`, "a/b.txt": "x" });
      await run.fetch({ repo: `org/small${i}` });
    }
    await writeFile(join(run.cacheDir, "home", "done"), "");
    const [seen, rounds] = await scan;
    expect(seen).toEqual([]);
    expect(rounds).toBeGreaterThan(10);
  });

  it("that were left unfinished are removed by `hf cache prune`", async () => {
    run.hub.repo(repoId).commit(files);
    await run.fetch({ choose: () => ["config.json"] });
    run.hub.when({ host: "cdn", skip: 2 }, { status: 416 });
    await failureOf(run.fetch({ connections: 2 }));
    expect(await run.leftovers()).toHaveLength(2);
    const pruned = await python.hf(["cache", "prune", "-y"], env());
    expect(pruned.status).toBe(0);
    expect(await run.leftovers()).toEqual([]);
    await run.fetch({ choose: () => ["config.json"] });
    expect((await stat(run.folder.path)).isDirectory()).toBe(true);
    expect((await readdir(run.folder.snapshots)).length).toBe(1);
  });

  it("are filtered by patterns as Python filters them", async () => {
    let state = 12345;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const text = (alphabet: string, most: number) =>
      Array.from({ length: 1 + random(most) }, () => [...alphabet][random([...alphabet].length)]).join("");
    const paths = Array.from({ length: 60 }, () => text("abc/.-]![é", 6));
    const patterns = Array.from({ length: 600 }, () => text("abc*?[]!-/\\.^é", 7));
    const script = `
import json, sys
from huggingface_hub.utils import filter_repo_objects
paths, patterns = json.loads(sys.argv[1])
print(json.dumps([list(filter_repo_objects(paths, allow_patterns=[p])) for p in patterns]))`;
    const expected = await python.json<string[][]>(script, env(), [JSON.stringify([paths, patterns])]);
    expect(patterns.map((pattern) => filterPaths(paths, [pattern], undefined))).toEqual(expected);
  });
});
