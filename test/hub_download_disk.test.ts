// Downloads to disks that are full, read-only or cannot lock, and of files larger than 4 GiB.

import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { partialPaths } from "../src/hub/download/blob.js";
import { Partial } from "../src/hub/download/partial.js";
import { DownloadCase, failureOf, mib, repoId, sha256OfFile } from "./hub/download_case.js";
import { hashContent } from "./hub/server.js";

const locks = vi.hoisted(() => ({ work: true }));
vi.mock("../src/hub/cache/lock.js", async (load) => {
  const real = await load<typeof import("../src/hub/cache/lock.js")>();
  return { ...real, lock: (...args: Parameters<typeof real.lock>) => (locks.work ? real.lock(...args) : undefined) };
});

let run: DownloadCase;
beforeEach(async () => {
  locks.work = true;
  run = await DownloadCase.start();
});
afterEach(() => run.end());

const files = { "config.json": "{}", "model.safetensors": { seed: 8, size: 6 * mib } };

const mount = (...args: string[]) => spawnSync("mount", args).status === 0;
const umount = (path: string) => spawnSync("umount", [path]).status === 0;
const mounts = probeMount();

/** Only root may, and not in every container. */
function probeMount(): boolean {
  const probe = join(tmpdir(), `deadlift-mount-${process.pid}`);
  spawnSync("mkdir", [probe]);
  const possible = mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", probe) && umount(probe);
  spawnSync("rmdir", [probe]);
  return possible;
}

/** Runs a test with a small disk of its own. */
async function onDisk(bytes: number, test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "deadlift-disk-"));
  expect(mount("-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder)).toBe(true);
  try {
    await test(folder);
  } finally {
    umount(folder);
    await rm(folder, { recursive: true });
  }
}

describe.skipIf(!mounts)(`small disks${mounts ? "" : " (skipped: no file system can be mounted here)"}`, () => {
  it("are found too small before anything comes, with both numbers", () =>
    onDisk(5 * mib, async (cacheDir) => {
      run.hub.repo(repoId).commit(files);
      const failure = await failureOf(run.fetch({ settings: run.settings({ cacheDir }) }));
      expect(failure.code).toBe("NoSpace");
      expect(failure.message).toContain(`${6 * mib + 2} bytes`);
      expect(Number(/where (\d+) are free/.exec(failure.message)![1])).toBeLessThanOrEqual(5 * mib);
      expect(run.contentBytes).toBe(0);
      expect(await readdir(cacheDir)).toEqual([]);
    }));

  it("that fill up meanwhile are reported, and what came is kept for when there is room", () =>
    onDisk(10 * mib, async (cacheDir) => {
      run.hub.repo(repoId).commit(files);
      const settings = run.settings({ cacheDir });
      let filled = false;
      const fill = ({ stage }: { stage: string }) => {
        if (filled || stage !== "download") return;
        filled = true;
        spawnSync("dd", ["if=/dev/zero", `of=${join(cacheDir, "CACHEDIR.FULL--x")}`, "bs=1M", "count=7"]);
      };
      const failure = await failureOf(run.fetch({ settings, onProgress: fill, connections: 1 }));
      expect(failure.code).toBe("NoSpace");
      await rm(join(cacheDir, "CACHEDIR.FULL--x"));
      const again = await run.fetch({ settings });
      expect(again.downloadedBytes).toBeLessThan(6 * mib);
      expect(await sha256OfFile(join(again.path, "model.safetensors"))).toBe(
        (await hashContent(files["model.safetensors"])).sha256,
      );
    }));

  it("that are read-only serve what they have, and say so when more is wanted", () =>
    onDisk(20 * mib, async (cacheDir) => {
      const repo = run.hub.repo(repoId);
      repo.commit(files);
      const settings = run.settings({ cacheDir });
      const { path } = await run.fetch({ settings });
      expect(mount("-o", "remount,ro", cacheDir)).toBe(true);
      expect(await run.fetch({ settings })).toMatchObject({ path, downloadedBytes: 0 });
      const commit = repo.commit({ "config.json": "[]" });
      const failure = await failureOf(run.fetch({ settings }));
      expect(failure.code).toBe("ReadOnlyCache");
      expect(failure.message).toContain("HF_HUB_CACHE");
      expect((await failureOf(run.fetch({ settings, repo: "org/model", revision: commit }))).code).toBe(
        "ReadOnlyCache",
      );
    }));
});

describe("file systems that cannot lock", () => {
  it("get names of their own for what is not complete, and nothing stays behind after a failure", async () => {
    locks.work = false;
    run.hub.repo(repoId).commit(files);
    run.hub.when({ host: "cdn", times: 2 }, { cutAfter: 3_000_000 });
    const names = new Set<string>();
    const watch = setInterval(async () => {
      for (const name of await run.leftovers()) names.add(name);
    }, 1);
    const [one, two] = await Promise.all([run.fetch(), run.fetch()]);
    clearInterval(watch);
    expect(one!.path).toBe(two!.path);
    expect(await sha256OfFile(join(one!.path, "model.safetensors"))).toBe(
      (await hashContent(files["model.safetensors"])).sha256,
    );
    const large = [...names].filter((name) => /^[0-9a-f]{64}/.test(name));
    expect(large.length).toBe(2);
    expect(large.every((name) => /^[0-9a-f]{64}\.deadlift\.[0-9a-f]{8}\.incomplete$/.test(name))).toBe(true);
    run.hub.when({ host: "cdn" }, { reset: true });
    expect((await failureOf(run.fetch({ force: true }))).code).toBe("Unreachable");
    expect(await run.leftovers()).toEqual([]);
  });
});

describe("a file of 5 GiB", () => {
  const size = 5 * 2 ** 30;
  const content = { sparse: size };

  it("of which the last 24 MiB are missing is completed with these only", { timeout: 300_000 }, async () => {
    run.hub.repo(repoId).commit({ "model.safetensors": content });
    const { sha256 } = await hashContent(content);
    const missing = 24 * mib;
    const paths = partialPaths(run.folder.blob(sha256));
    await mkdir(run.folder.blobs, { recursive: true });
    const partial = await Partial.open(paths, { etag: sha256, size });
    partial.reached({ start: 0, end: size - missing }, size - missing);
    await partial.close();
    const { path, downloadedBytes } = await run.fetch();
    expect(downloadedBytes).toBe(missing);
    expect(run.contentBytes).toBe(missing);
    const ranges = run.hub.requests.flatMap(({ headers }) => headers.range ?? []);
    expect(ranges.some((range) => Number(/\d+/.exec(range)) > 2 ** 32)).toBe(true);
    expect((await stat(join(path, "model.safetensors"))).size).toBe(size);
  });

  // 5 GiB over loopback and on the disk: a minute, where machines are slow.
  it.runIf(process.env.DEADLIFT_TEST_LARGE === "1")("comes whole", { timeout: 600_000 }, async () => {
    run.hub.repo(repoId).commit({ "model.safetensors": content });
    const { path } = await run.fetch();
    expect(run.contentBytes).toBe(size);
    expect((await stat(join(path, "model.safetensors"))).size).toBe(size);
  });
});
