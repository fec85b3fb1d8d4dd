// The tests' Hub judged by the real Python client: what it serves must be what huggingface_hub expects of the Hub.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { hashContent, startHub, type TestHub } from "../hub/server.js";
import { describePythons } from "./python.js";

describePythons("the tests' Hub", (python) => {
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

  it("gives a whole snapshot", async () => {
    const weights = { seed: 1, size: 3_000_000 };
    const repo = hub.repo("org/model");
    const commit = repo.commit({
      "config.json": "{}",
      "sub/dir/tok.json": "[1]",
      "empty.txt": "",
      "model.safetensors": weights,
    });
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
    const [name, found, warnings] = await python.json<[string, Record<string, string>, string[]]>(script, {
      HF_HOME: home,
      HF_ENDPOINT: hub.endpoint,
    });
    expect(name).toBe(commit);
    expect(warnings).toEqual([]);
    expect(Object.keys(found).sort()).toEqual(["config.json", "empty.txt", "model.safetensors", "sub/dir/tok.json"]);
    expect(found["model.safetensors"]).toBe((await hashContent(weights)).sha256);
  });
});
