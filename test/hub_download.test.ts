// Downloads as they should go: what lands where, what is not asked for twice, what is told on the way.

import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DownloadProgress } from "../src/hub/download/progress.js";
import { DownloadCase, exists, failureOf, mib, repoId, sha256OfFile } from "./hub/download_case.js";
import { hashContent } from "./hub/server.js";

let run: DownloadCase;
beforeEach(async () => {
  run = await DownloadCase.start();
});
afterEach(() => run.end());

const weights = { seed: 1, size: 20 * mib + 12_345 };
const files = {
  "config.json": '{"a": 1}\n',
  "sub/dir/notes.txt": "hello\n",
  "empty.txt": "",
  "model.safetensors": weights,
};
const totalBytes = weights.size + 9 + 6;

describe("a snapshot", () => {
  it("has every file, as links to blobs named by their hashes, with ref, tree and tag as Python has them", async () => {
    const commit = run.hub.repo(repoId).commit(files);
    const snapshot = await run.fetch();
    expect(snapshot.commit).toBe(commit);
    expect(snapshot.path).toBe(run.folder.snapshot(commit));
    expect([...snapshot.files].sort()).toEqual(Object.keys(files).sort());
    expect(snapshot.downloadedBytes).toBe(totalBytes);
    expect(await readFile(join(snapshot.path, "config.json"), "utf8")).toBe('{"a": 1}\n');
    expect(await readFile(join(snapshot.path, "empty.txt"), "utf8")).toBe("");
    const { sha256 } = await hashContent(weights, "model.safetensors");
    expect(await sha256OfFile(join(snapshot.path, "model.safetensors"))).toBe(sha256);
    expect(await readlink(join(snapshot.path, "model.safetensors"))).toBe(`../../blobs/${sha256}`);
    const { gitSha1 } = await hashContent("hello\n", "notes.txt");
    expect(await readlink(join(snapshot.path, "sub/dir/notes.txt"))).toBe(`../../../../blobs/${gitSha1}`);
    expect(await readFile(run.folder.ref("main"), "utf8")).toBe(commit);
    expect(Object.keys(JSON.parse(await readFile(run.folder.tree(commit), "utf8")).files)).toHaveLength(4);
    expect(await exists(join(run.cacheDir, "CACHEDIR.TAG"))).toBe(true);
    expect(await run.leftovers()).toEqual([]);
  });

  it("gives blobs the mode that the umask allows, as other files have it", async () => {
    run.hub.repo(repoId).commit(files);
    const { path } = await run.fetch();
    const mode = (await stat(join(path, "model.safetensors"))).mode & 0o777;
    expect(mode).toBe(0o666 & ~process.umask());
  });

  it("costs one request for the address of each file, and large files come in ranges from the CDN", async () => {
    run.hub.repo(repoId).commit(files);
    await run.fetch();
    const resolves = run.hub.requests.filter(({ url }) => url.includes("/resolve/"));
    // The empty file needs none: its hash says it all.
    expect(resolves.map(({ url }) => url.split("/").at(-1)).sort()).toEqual([
      "config.json",
      "model.safetensors",
      "notes.txt",
    ]);
    const ranges = run.hub.requests.filter(({ host }) => host === "cdn").map(({ headers }) => headers.range);
    expect(ranges).toHaveLength(6);
    expect(ranges).toContain(`bytes=${4 * mib}-${8 * mib - 1}`);
    expect(run.contentBytes).toBe(weights.size);
  });

  it("asks only what the revision stands for when everything is here, and nothing at all for a commit", async () => {
    const commit = run.hub.repo(repoId).commit(files);
    await run.fetch();
    const before = run.hub.requests.length;
    const again = await run.fetch();
    expect(again.downloadedBytes).toBe(0);
    expect(again.entries.every(({ cached }) => cached)).toBe(true);
    expect(run.hub.requests.length - before).toBe(1);
    const pinned = await run.fetch({ revision: commit });
    expect(pinned.path).toBe(again.path);
    expect(run.hub.requests.length - before).toBe(1);
  });

  it("takes what another revision has already", async () => {
    const repo = run.hub.repo(repoId);
    repo.commit(files);
    await run.fetch();
    const sent = run.contentBytes;
    repo.commit({ "config.json": '{"a": 2}\n' });
    const second = await run.fetch();
    expect(run.contentBytes).toBe(sent);
    expect(second.downloadedBytes).toBe(9);
    expect(await readFile(join(second.path, "config.json"), "utf8")).toBe('{"a": 2}\n');
    expect(await stat(join(second.path, "model.safetensors"))).toMatchObject({ size: weights.size });
    expect(await readdir(run.folder.snapshots)).toHaveLength(2);
  });

  it("follows a ref that moves between two calls, also away from the files it was asked for", async () => {
    const repo = run.hub.repo(repoId);
    const first = repo.commit(files);
    const before = await run.fetch();
    let moved = "";
    const during = await run.fetch({
      choose: (all) => {
        // The branch moves while the files of the older commit are being chosen.
        moved ||= repo.commit({ "config.json": "{}", "sub/dir/notes.txt": null });
        return all.map(({ path }) => path);
      },
    });
    expect(during.commit).toBe(first);
    expect(await readFile(join(during.path, "sub/dir/notes.txt"), "utf8")).toBe("hello\n");
    const after = await run.fetch();
    expect(after.commit).toBe(moved);
    expect(after.files).not.toContain("sub/dir/notes.txt");
    expect(await readFile(join(before.path, "config.json"), "utf8")).toBe('{"a": 1}\n');
    expect(await readFile(run.folder.ref("main"), "utf8")).toBe(moved);
  });

  it("downloads a content once that two files have", async () => {
    const twin = { seed: 5, size: 3 * mib, lfs: true };
    run.hub.repo(repoId).commit({ "a.bin": twin, "b/c.bin": twin });
    const { path } = await run.fetch();
    expect(run.contentBytes).toBe(twin.size);
    expect(await sha256OfFile(join(path, "a.bin"))).toBe(await sha256OfFile(join(path, "b/c.bin")));
  });

  it("brings names with blanks, umlauts and signs that addresses treat specially", async () => {
    const names = ["a b.txt", "ü/ß.txt", "100%.txt", "q?#&+=.txt", "日本.txt", "__proto__"];
    run.hub.repo(repoId).commit(Object.fromEntries(names.map((name) => [name, `content of ${name}`])));
    const { path } = await run.fetch();
    for (const name of names) expect(await readFile(join(path, name), "utf8")).toBe(`content of ${name}`);
  });

  it("knows branches with a slash, tags and refs of pull requests", async () => {
    const repo = run.hub.repo(repoId);
    const commit = repo.commit(files);
    repo.tag("v1.0", commit);
    repo.branch("feature/x", commit);
    repo.branch("refs/pr/1", commit);
    for (const revision of ["v1.0", "feature/x", "refs/pr/1"]) {
      const snapshot = await run.fetch({ revision, choose: () => ["config.json"] });
      expect(snapshot.commit).toBe(commit);
      expect(await readFile(run.folder.ref(revision), "utf8")).toBe(commit);
    }
  });

  it("works without links: files lie in the snapshot, and twins are copies", async () => {
    const twin = { seed: 5, size: 3 * mib, lfs: true };
    run.hub.repo(repoId).commit({ ...files, "a.bin": twin, "b.bin": twin });
    const settings = run.settings({ symlinks: false });
    const { path } = await run.fetch({ settings });
    for (const name of ["a.bin", "b.bin", "model.safetensors"]) {
      expect(await sha256OfFile(join(path, name))).toBe(
        (await hashContent(name.startsWith("m") ? weights : twin)).sha256,
      );
    }
    expect(await readdir(run.folder.blobs)).toEqual([]);
    expect((await run.fetch({ settings })).downloadedBytes).toBe(0);
  });

  it("downloads everything again when forced, and replaces what is there", async () => {
    run.hub.repo(repoId).commit(files);
    await run.fetch();
    const again = await run.fetch({ force: true });
    expect(again.downloadedBytes).toBe(totalBytes);
    expect(again.entries.some(({ cached }) => cached)).toBe(false);
    expect(run.contentBytes).toBe(2 * weights.size);
  });
});

describe("choosing", () => {
  it("reads small files first, brings them once, and remembers what the Hub does not have", async () => {
    const commit = run.hub.repo(repoId).commit(files);
    let text = "";
    const { entries } = await run.fetch({
      choose: async (_, read) => {
        text = await read("config.json");
        return ["config.json", "empty.txt"];
      },
    });
    expect(text).toBe('{"a": 1}\n');
    expect(entries.map(({ path, cached }) => [path, cached])).toEqual([
      ["config.json", false],
      ["empty.txt", false],
    ]);
    expect(run.hub.requests.filter(({ url }) => url.includes("/resolve/"))).toHaveLength(1);
    const failure = await failureOf(run.fetch({ choose: () => ["nothing.bin"] }));
    expect(failure.code).toBe("EntryNotFound");
    expect(failure.message).toContain('"nothing.bin"');
    expect(await exists(run.folder.noExist(commit, "nothing.bin"))).toBe(true);
  });

  it("writes nothing in a dry run, which says sizes and what is cached", async () => {
    run.hub.repo(repoId).commit(files);
    const choose = async (all: readonly { path: string }[], read: (path: string) => Promise<string>) => {
      expect(await read("config.json")).toBe('{"a": 1}\n');
      return all.map(({ path }) => path);
    };
    const dry = await run.fetch({ dryRun: true, choose });
    expect(await readdir(run.cacheDir)).toEqual([]);
    expect(dry.downloadedBytes).toBe(0);
    expect(dry.entries.map(({ path, cached }) => [path, cached])).toEqual(dry.files.map((path) => [path, false]));
    expect(dry.entries.find(({ path }) => path === "model.safetensors")!.size).toBe(weights.size);
    await run.fetch({ choose: () => ["config.json"] });
    const half = await run.fetch({ dryRun: true, choose });
    expect(half.entries.filter(({ cached }) => cached).map(({ path }) => path)).toEqual(["config.json"]);
  });

  it("refuses the whole tree for one hostile name, before anything is written", async () => {
    for (const name of ["../outside.txt", "a/../../b", "C:/x", "CON", "a\\b", "x/nul.txt", "tail. "]) {
      const repo = run.hub.repo(`org/hostile${Buffer.from(name).toString("hex")}`);
      repo.commit({ "config.json": "{}", [name]: "x" });
      const failure = await failureOf(run.fetch({ repo: repo.id }));
      expect([name, failure.code]).toEqual([name, "UnsafeFileName"]);
    }
    expect(await readdir(run.cacheDir)).toEqual([]);
  });

  it("refuses numbers of connections that cannot be meant", async () => {
    run.hub.repo(repoId).commit(files);
    for (const connections of [0, 65, 1.5, Number.NaN]) {
      expect((await failureOf(run.fetch({ connections }))).code).toBe("InvalidArgument");
    }
  });
});

describe("progress", () => {
  it("never goes back, counts what was here, and ends with the exact numbers", async () => {
    run.hub.repo(repoId).commit(files);
    await run.fetch({ choose: () => ["config.json", "empty.txt"] });
    const events: DownloadProgress[] = [];
    await run.fetch({ onProgress: (event) => events.push(event) });
    expect(events[0]).toMatchObject({ stage: "resolve", repo: repoId, file: undefined });
    expect(events.at(-1)).toMatchObject({ stage: "done", file: undefined, bytes: totalBytes, totalBytes, etaMs: 0 });
    expect(events.at(-1)).toMatchObject({ files: 4, totalFiles: 4 });
    const totals = events.map(({ bytes }) => bytes);
    expect(totals).toEqual([...totals].sort((a, b) => a - b));
    const stages = events.filter(({ file }) => file === "model.safetensors").map(({ stage }) => stage);
    expect(stages.slice(-2)).toEqual(["verify", "done"]);
    expect(events.find(({ stage }) => stage === "done")).toMatchObject({
      file: "config.json",
      fileBytes: 9,
      fileSize: 9,
    });
  });

  it("ends the download when its listener throws, with what it threw", async () => {
    run.hub.repo(repoId).commit(files);
    for (const stage of ["resolve", "download", "verify", "done"]) {
      const onProgress = (event: DownloadProgress) => {
        if (event.stage === stage) throw new Error(`not in ${stage}`);
      };
      expect((await failureOf(run.fetch({ onProgress, force: true }))).message).toBe(`not in ${stage}`);
    }
    expect((await run.fetch()).files).toHaveLength(4);
  });
});
