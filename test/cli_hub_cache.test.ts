// Looking after the cache from the command line: what is there, what goes, what is damaged.

import { appendFileSync, existsSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { document, home, hub, rows, run } from "./cli_hub_case.js";

const cache = () => join(home, "hub");
const story = () => join(cache(), "models--acme--story");

/** Two repositories, one of them in two revisions: the older without a name. */
async function fill(): Promise<{ old: string; head: string; folder: string }> {
  const old = await document(["download", "acme/story@v1", "--include", "*.json", "--include", "README.md"]);
  const head = await document(["download", "acme/story", "--include", "*.json", "--include", "notes.txt"]);
  await document(["download", "acme/quants-GGUF:Q8_0"]);
  rmSync(join(story(), "refs/v1"));
  return { old: old.commit, head: head.commit, folder: head.path };
}

describe("cache ls", () => {
  it("prints what listCache gives, and lines for people", async () => {
    const { old, head } = await fill();
    const listing = await document(["cache", "ls"]);
    expect(Object.keys(listing)).toEqual("path repos sizeOnDisk incomplete sharedStore warnings quantized".split(" "));
    expect(listing.path).toBe(realpathSync(cache()));
    const { out, err } = await run(["cache", "ls", "--sort", "name"]);
    expect(err).toBe("");
    expect(rows(out).map(({ repository }) => repository)).toEqual(["acme/quants-GGUF", "acme/story"]);
    expect(rows(out)[1]).toMatchObject({ type: "model", revisions: "2", refs: "main" });
    const bySize = rows((await run(["cache", "ls"])).out);
    expect(bySize.map(({ repository }) => repository)).toEqual(["acme/story", "acme/quants-GGUF"]);
    expect(Number(bySize[0]!.size)).toBe(listing.repos[0].sizeOnDisk);
    const revisions = rows((await run(["cache", "ls", "acme/story", "--revisions"])).out);
    expect(new Map(revisions.map(({ commit, refs }) => [commit, refs]))).toEqual(
      new Map([
        [old, ""],
        [head, "main"],
      ]),
    );
    expect((await document(["cache", "ls", "model/acme/story"])).repos).toHaveLength(1);
  });

  it("an empty cache is no failure, a repository that is not there is one", async () => {
    expect(await document(["cache", "ls"])).toMatchObject({ repos: [], sizeOnDisk: 0 });
    expect((await run(["cache", "ls"])).status).toBe(0);
    const { status, out, err } = await run(["cache", "ls", "acme/story"]);
    expect({ status, out }).toEqual({ status: 1, out: "" });
    expect(err).toMatch(/^deadlift: acme\/story is not in the cache .+\n.*cache ls/);
  });

  it("warns of what is no part of a cache", async () => {
    await fill();
    writeFileSync(join(cache(), "stray\u001b[31m"), "");
    const { status, err } = await run(["cache", "ls"]);
    expect(status).toBe(0);
    expect(err).toMatch(/^warning: .*stray/);
    expect(err).not.toContain("\u001b");
  });
});

describe("quantised copies", () => {
  const copy = async () => {
    const args = ["generate", "acme/story", "--prompt", "Hi", "--max-tokens", "1", "--quantize", "q8_0"];
    expect((await run(args)).status).toBe(0);
  };

  it("are listed beside their originals, and removed by name and type", async () => {
    await copy();
    const { quantized, repos } = await document(["cache", "ls", "acme/story"]);
    expect(quantized).toMatchObject([{ model: "acme/story", type: "Q8_0", orphaned: false }]);
    expect(repos).toHaveLength(1);
    expect((await run(["cache", "ls"])).out).toMatch(/^acme\/story:Q8_0\t\d+\t.*\tthere$/m);
    const planned = await document(["cache", "rm", "acme/story:Q8_0", "--dry-run"]);
    expect(planned).toMatchObject({ dryRun: true, removed: [{ kind: "copy", path: quantized[0].path }] });
    expect(existsSync(quantized[0].path)).toBe(true);
    const gone = await document(["cache", "rm", "acme/story:Q8_0", "--yes"]);
    expect(gone).toMatchObject({ dryRun: false, freedBytes: quantized[0].size, kept: [] });
    expect(existsSync(quantized[0].path)).toBe(false);
    expect((await document(["cache", "ls"])).repos).toHaveLength(1);
  });

  it("are pruned when their originals are gone", async () => {
    await copy();
    const { quantized } = await document(["cache", "ls"]);
    expect((await document(["cache", "prune", "--yes"])).removed).toEqual([]);
    await document(["cache", "rm", "acme/story", "--yes"]);
    const { removed } = await document(["cache", "prune", "--yes"]);
    expect(removed).toMatchObject([{ kind: "copy", path: quantized[0].path, bytes: quantized[0].size }]);
    expect(existsSync(quantized[0].path)).toBe(false);
  });
});

describe("cache rm", () => {
  it("wants a confirmation where nobody can be asked", async () => {
    await fill();
    for (const command of [["rm", "acme/story"], ["prune"], ["rm", "acme/story", "--json"]]) {
      const { status, out, err } = await run(["cache", ...command], {}, "y\n");
      expect({ status, out }).toEqual({ status: 2, out: "" });
      expect(err).toMatch(/no terminal to ask at\n.*--yes/);
    }
    expect(existsSync(story())).toBe(true);
  });

  it("--dry-run says what --yes does", async () => {
    const { old } = await fill();
    const plan = await document(["cache", "rm", `acme/story@${old.slice(0, 8)}`, "acme/quants-GGUF", "--dry-run"]);
    expect(Object.keys(plan)).toEqual(["removed", "kept", "freedBytes", "dryRun"]);
    expect(plan.dryRun).toBe(true);
    expect(existsSync(join(story(), "snapshots", old))).toBe(true);
    const { status, out, err } = await run(["cache", "rm", old, "acme/quants-GGUF", "--yes"]);
    expect(status).toBe(0);
    expect(err).toMatch(/^freed \d.* [kM]?B\n$/);
    expect(
      rows(out)
        .map(({ what }) => what)
        .sort(),
    ).toEqual(["repo", "revision"]);
    expect(rows(out).reduce((sum, { size }) => sum + Number(size), 0)).toBe(plan.freedBytes);
    expect(readdirSync(join(story(), "snapshots"))).toHaveLength(1);
    expect(existsSync(join(cache(), "models--acme--quants-GGUF"))).toBe(false);
  });

  it("removes nothing when one target is not there", async () => {
    await fill();
    const { status, out, err } = await run(["cache", "rm", "acme/story", "acme/other", "--yes"]);
    expect({ status, out }).toEqual({ status: 1, out: "" });
    expect(err).toMatch(/acme\/other/);
    expect(existsSync(story())).toBe(true);
    expect((await run(["cache", "rm", "--yes"])).status).toBe(2);
  });
});

describe("cache prune", () => {
  it("removes revisions without a name and broken downloads", async () => {
    const { old, folder } = await fill();
    const broken = join(story(), `blobs/${"a".repeat(64)}.12345678.incomplete`);
    writeFileSync(broken, "x".repeat(1000));
    const { status, out } = await run(["cache", "prune", "--dry-run"]);
    expect(status).toBe(0);
    expect(
      rows(out)
        .map(({ what }) => what)
        .sort(),
    ).toEqual(["incomplete", "revision"]);
    const { removed, dryRun } = await document(["cache", "prune", "--yes"]);
    expect(dryRun).toBe(false);
    expect(removed).toHaveLength(2);
    expect(existsSync(broken)).toBe(false);
    expect(existsSync(join(story(), "snapshots", old))).toBe(false);
    expect(existsSync(join(folder, "config.json"))).toBe(true);
    expect(await run(["cache", "prune", "--yes"])).toEqual({
      status: 0,
      out: "",
      err: "nothing to remove\n",
    });
  });
});

describe("cache verify", () => {
  it("is fine, then not, by exit status, document and lines", async () => {
    const { folder } = await fill();
    const before = hub.requests.length;
    const fine = await document(["cache", "verify"]);
    expect(Object.keys(fine)).toEqual(["revisions", "ok", "checked", "bytes"]);
    expect(fine).toMatchObject({ ok: true });
    expect(hub.requests.length).toBe(before);
    appendFileSync(realpathSync(join(folder, "notes.txt")), "!");
    const { status, out, err } = await run(["cache", "verify", "acme/story"]);
    expect(status).toBe(1);
    expect(
      rows(out)
        .map(({ result }) => result)
        .sort(),
    ).toEqual(["differs", "fine"]);
    expect(err).toMatch(/^differs: acme\/story\/notes\.txt: expected .+ [0-9a-f]{40}, received [0-9a-f]{40}$/m);
    const bad = await run(["cache", "verify", "acme/story", "--revision", "main", "--json"]);
    expect(bad.status).toBe(1);
    expect(JSON.parse(bad.out)).toMatchObject({ ok: false, revisions: [{ mismatches: [{ path: "notes.txt" }] }] });
    await document(["download", "acme/story", "--include", "notes.txt", "--force"]);
    expect(readFileSync(join(folder, "notes.txt"), "utf8")).toBe("later");
    expect(await document(["cache", "verify"])).toMatchObject({ ok: true });
  });
});
