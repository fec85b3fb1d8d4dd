// Downloads without a Hub: what is in the cache is enough or is missed by name, and no socket is opened where none may be.

import { readdir, rm, truncate } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hubSettings } from "../src/hub/settings.js";
import { DownloadCase, failureOf, mib, repoId } from "./hub/download_case.js";

let run: DownloadCase;
/** In the Hub's place: counts who comes. */
let guard: Server;
let visits = 0;
let endpoint = "";
beforeEach(async () => {
  run = await DownloadCase.start();
  visits = 0;
  guard = createServer((socket) => {
    visits++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => guard.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(guard.address() as { port: number }).port}`;
});
afterEach(async () => {
  await run.end();
  guard.close();
});

const files = { "config.json": "{}", "tokenizer.json": "[]", "model.safetensors": { seed: 7, size: 2 * mib } };
const publish = (changes: Record<string, string | null> = {}) => run.hub.repo(repoId).commit({ ...files, ...changes });

/** As HF_HUB_OFFLINE=1 sets it. */
function offline() {
  return hubSettings({ endpoint, cacheDir: run.cacheDir, token: false }, { HF_HUB_OFFLINE: "1" });
}

describe("HF_HUB_OFFLINE=1", () => {
  it("opens no socket when everything is there, by branch and by commit", async () => {
    const commit = publish();
    const online = await run.fetch();
    for (const revision of ["main", commit]) {
      const snapshot = await run.fetch({ settings: offline(), revision });
      expect(snapshot).toMatchObject({ commit, path: online.path, downloadedBytes: 0 });
      expect([...snapshot.files].sort()).toEqual(Object.keys(files).sort());
    }
    expect(visits).toBe(0);
  });

  it("names what is missing when only a part is there", async () => {
    const commit = publish();
    await run.fetch({ choose: () => ["config.json", "tokenizer.json"] });
    for (const revision of ["main", commit]) {
      const failure = await failureOf(run.fetch({ settings: offline(), revision }));
      expect(failure.code).toBe("IncompleteSnapshot");
      expect(failure.message).toContain("model.safetensors");
      expect(failure.message).not.toContain("tokenizer.json");
      expect(failure.message).toContain("HF_HUB_OFFLINE");
    }
    expect((await run.fetch({ settings: offline(), choose: () => ["config.json"] })).files).toEqual(["config.json"]);
    expect(visits).toBe(0);
  });

  it("misses a file whose blob is gone or was cut off", async () => {
    publish();
    const { path } = await run.fetch();
    await truncate(join(path, "model.safetensors"), 1000);
    expect((await failureOf(run.fetch({ settings: offline() }))).message).toContain("model.safetensors");
    for (const blob of await readdir(run.folder.blobs)) await rm(join(run.folder.blobs, blob));
    const failure = await failureOf(run.fetch({ settings: offline() }));
    expect(failure.code).toBe("IncompleteSnapshot");
    expect(failure.message).toContain("config.json");
  });

  it("takes a snapshot without a listing as it is, as Python leaves one after single files", async () => {
    const commit = publish();
    await run.fetch();
    await rm(run.folder.tree(commit));
    expect((await run.fetch({ settings: offline() })).files).toHaveLength(3);
    const failure = await failureOf(run.fetch({ settings: offline(), choose: () => ["config.json", "other.bin"] }));
    expect(failure.code).toBe("IncompleteSnapshot");
    expect(failure.message).toContain("other.bin");
    expect(failure.message).toContain("tokenizer.json");
  });

  it("reads what a choice depends on from the cache, or names it", async () => {
    publish();
    await run.fetch({ choose: () => ["config.json"] });
    const choose = (name: string) => async (_: unknown, read: (path: string) => Promise<string>) => {
      expect(await read(name)).toBe("{}");
      return ["config.json"];
    };
    expect((await run.fetch({ settings: offline(), choose: choose("config.json") })).files).toEqual(["config.json"]);
    const failure = await failureOf(run.fetch({ settings: offline(), choose: choose("tokenizer.json") }));
    expect(failure.code).toBe("IncompleteSnapshot");
    expect(failure.message).toContain("tokenizer.json");
  });

  it("says that there is nothing, and that forcing needs the Hub", async () => {
    const nothing = await failureOf(run.fetch({ settings: offline() }));
    expect(nothing.code).toBe("Offline");
    expect(nothing.message).toContain(repoId);
    expect(nothing.message).toContain("HF_HUB_OFFLINE");
    publish();
    await run.fetch();
    expect((await failureOf(run.fetch({ settings: offline(), force: true }))).code).toBe("Offline");
    expect((await failureOf(run.fetch({ settings: offline(), revision: "other" }))).code).toBe("Offline");
    expect(visits).toBe(0);
  });
});

describe("a Hub that fails", () => {
  const api = { host: "hub", path: /^\/api\// } as const;

  it.each([
    ["500", { status: 500 }],
    ["403", { status: 403 }],
    ["401", { status: 401, headers: { "X-Error-Code": "RepoNotFound" } }],
    ["404", { status: 404, headers: { "X-Error-Code": "RepoNotFound" } }],
    ["429", { status: 429 }],
    ["a connection that breaks", { reset: true as const }],
    ["nonsense", { status: 200, body: "{}" }],
  ])("%s: the cache helps where it has everything", async (_, fault) => {
    const commit = publish();
    await run.fetch();
    run.hub.when(api, fault);
    const before = run.hub.requests.length;
    expect(await run.fetch()).toMatchObject({ commit, downloadedBytes: 0 });
    // One try only: nobody waits for a Hub that is not needed.
    expect(run.hub.requests.length - before).toBe(1);
  });

  it("an address where nobody is: the cache helps, or the file it lacks is named", async () => {
    publish();
    await run.fetch({ choose: () => ["config.json"] });
    await new Promise((resolve) => guard.close(resolve));
    const settings = run.settings({ endpoint });
    expect((await run.fetch({ settings, choose: () => ["config.json"] })).files).toEqual(["config.json"]);
    const failure = await failureOf(run.fetch({ settings }));
    expect(failure.code).toBe("IncompleteSnapshot");
    expect(failure.message).toContain("model.safetensors");
    expect((await failureOf(run.fetch({ settings, repo: "org/other" }))).code).toBe("Unreachable");
  });

  it("is asked again and again only when the cache is not enough", async () => {
    publish();
    await run.fetch({ choose: () => ["config.json"] });
    run.hub.when({ ...api, times: 3 }, { status: 503 });
    expect((await run.fetch()).files).toHaveLength(3);
  });

  it("says why somebody may not see what the cache does not have either", async () => {
    publish();
    await run.fetch({ choose: () => ["config.json"] });
    run.hub.when(api, { status: 403, headers: { "X-Error-Code": "GatedRepo" } });
    expect((await failureOf(run.fetch())).code).toBe("Gated");
    expect((await failureOf(run.fetch({ repo: "org/none" }))).code).toBe("Gated");
  });

  it("that says a revision does not exist is believed, whatever the cache has", async () => {
    publish();
    await run.fetch();
    run.hub.when(api, { status: 404, headers: { "X-Error-Code": "RevisionNotFound" } });
    expect((await failureOf(run.fetch())).code).toBe("RevisionNotFound");
  });
});
