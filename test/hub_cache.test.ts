// What we write into the cache: paths, references and listings of files, in Python's layout.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TreeFile } from "../src/hub/api.js";
import { RepoFolder } from "../src/hub/cache/layout.js";
import { isMissing, markMissing } from "../src/hub/cache/no_exist.js";
import { prepareCache } from "../src/hub/cache/pointers.js";
import { readRef, writeRef } from "../src/hub/cache/refs.js";
import { readTree, writeTree } from "../src/hub/cache/trees.js";
import { commitA, commitB, sha256 } from "./hub/cache_case.js";
import { tempFolder } from "./reference/temp.js";

const posix = process.platform !== "win32";
const etag = sha256("weights");
const xetHash = `${"0".repeat(63)}1`;

function newFolder(repo = "org/name"): RepoFolder {
  return new RepoFolder({ cacheDir: tempFolder() }, repo);
}

describe("paths", () => {
  it("are Python's", () => {
    const folder = new RepoFolder({ cacheDir: join("/", "cache") }, "org/name");
    const at = (...parts: string[]) => join("/", "cache", ...parts);
    expect(folder.path).toBe(at("models--org--name"));
    expect(folder.blob(etag)).toBe(at("models--org--name", "blobs", etag));
    expect(folder.snapshot(commitA, "sub/model.bin")).toBe(
      at("models--org--name", "snapshots", commitA, "sub", "model.bin"),
    );
    expect(folder.ref("refs/pr/1")).toBe(at("models--org--name", "refs", "refs", "pr", "1"));
    expect(folder.noExist(commitA, "a/b")).toBe(at("models--org--name", ".no_exist", commitA, "a", "b"));
    expect(folder.tree(commitA)).toBe(at("models--org--name", "trees", `${commitA}.json`));
    expect(folder.lock(etag)).toBe(at(".locks", "models--org--name", `${etag}.lock`));
    expect(new RepoFolder({ cacheDir: "/" }, "gpt2", "dataset").name).toBe("datasets--gpt2");
  });

  it("never leave the cache", () => {
    const folder = newFolder();
    const bad = (code: string) => expect.objectContaining({ code });
    for (const repo of ["..", "../x", "a/../b", "/etc", "a/b/c", "", "a\\b", "a//b", "a--b/c"]) {
      expect(() => new RepoFolder({ cacheDir: "/" }, repo), repo).toThrow(bad("InvalidArgument"));
    }
    for (const revision of ["..", "../../x", "/etc/passwd", "a//b", "", "a/./b", "a/..", "a\0b", "a\\b", "C:x"]) {
      expect(() => folder.ref(revision), revision).toThrow(bad("InvalidArgument"));
    }
    for (const commit of ["main", "..", "A".repeat(40), `${commitA}\n`, ""]) {
      expect(() => folder.snapshot(commit), commit).toThrow(bad("InvalidArgument"));
      expect(() => folder.tree(commit), commit).toThrow(bad("InvalidArgument"));
    }
    for (const name of ["../x", "x".repeat(40), `${etag}/..`, ""]) {
      expect(() => folder.blob(name), name).toThrow(bad("InvalidArgument"));
      expect(() => folder.lock(name), name).toThrow(bad("InvalidArgument"));
    }
    for (const file of ["../x", "/etc/passwd", "a/../../b", ""]) {
      expect(() => folder.snapshot(commitA, file), file).toThrow(bad("UnsafeFileName"));
      expect(() => folder.noExist(commitA, file), file).toThrow(bad("UnsafeFileName"));
    }
  });
});

describe("the cache folder", () => {
  it("is made with its tag, which stays as it is", async () => {
    const cacheDir = join(tempFolder(), "a", "b");
    await prepareCache({ cacheDir });
    const tag = join(cacheDir, "CACHEDIR.TAG");
    expect(readFileSync(tag, "utf8")).toBe(
      "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory tag created by huggingface_hub.\n" +
        "# For information about cache directory tags, see:\n#\thttps://bford.info/cachedir/\n",
    );
    writeFileSync(tag, "mine");
    await prepareCache({ cacheDir });
    expect(readFileSync(tag, "utf8")).toBe("mine");
  });

  it.skipIf(!posix || process.getuid?.() === 0)("that may not be written is an error of its own", async () => {
    const parent = tempFolder();
    chmodSync(parent, 0o555);
    try {
      await expect(prepareCache({ cacheDir: join(parent, "hub") })).rejects.toMatchObject({ code: "ReadOnlyCache" });
      const folder = new RepoFolder({ cacheDir: parent }, "org/name");
      await expect(writeRef(folder, "main", commitA)).rejects.toMatchObject({ code: "ReadOnlyCache" });
    } finally {
      chmodSync(parent, 0o755);
    }
  });
});

describe("references", () => {
  it("hold a commit without a newline, after its snapshot folder was made, and leave nothing else behind", async () => {
    const folder = newFolder();
    await writeRef(folder, "main", commitA);
    await writeRef(folder, "refs/pr/1", commitB);
    expect(readFileSync(folder.ref("main"), "utf8")).toBe(commitA);
    expect(readdirSync(folder.refs, { recursive: true }).sort()).toEqual([
      "main",
      "refs",
      join("refs", "pr"),
      join("refs", "pr", "1"),
    ]);
    expect(readdirSync(folder.snapshots).sort()).toEqual([commitA, commitB]);
    expect(readdirSync(folder.path).sort()).toEqual(["refs", "snapshots"]);
    expect(await readRef(folder, "main")).toBe(commitA);
    expect(await readRef(folder, "refs/pr/1")).toBe(commitB);
    expect(await readRef(folder, "other")).toBeUndefined();
    expect(await readRef(folder, commitB)).toBe(commitB);
  });

  it("are written only when they change", async () => {
    const folder = newFolder();
    await writeRef(folder, "main", commitA);
    const { ino } = statSync(folder.ref("main"));
    await writeRef(folder, "main", commitA);
    expect(statSync(folder.ref("main")).ino).toBe(ino);
    await writeRef(folder, "main", commitB);
    expect(await readRef(folder, "main")).toBe(commitB);
    await writeRef(folder, commitA, commitA);
    expect(readdirSync(folder.refs)).toEqual(["main"]);
  });

  it("take the place of a branch that had it before", async () => {
    const folder = newFolder();
    await writeRef(folder, "feature", commitA);
    await writeRef(folder, "feature/one", commitB);
    expect(await readRef(folder, "feature/one")).toBe(commitB);
    await writeRef(folder, "feature", commitA);
    expect(await readRef(folder, "feature")).toBe(commitA);
  });

  it("are none when they hold something else", async () => {
    const folder = newFolder();
    mkdirSync(folder.ref("folder"), { recursive: true });
    for (const [name, text] of Object.entries({
      empty: "",
      word: "main",
      long: "a".repeat(1000),
      path: "../../../etc",
    })) {
      writeFileSync(folder.ref(name), text);
      expect(await readRef(folder, name), name).toBeUndefined();
    }
    expect(await readRef(folder, "folder")).toBeUndefined();
    writeFileSync(folder.ref("newline"), `${commitA}\n`);
    expect(await readRef(folder, "newline")).toBe(commitA);
  });

  it.runIf(posix)("are not written through links", async () => {
    const folder = newFolder();
    const outside = tempFolder({ "hosts/keep": "precious" });
    mkdirSync(folder.path, { recursive: true });
    symlinkSync(outside, folder.refs);
    for (const revision of ["main", "hosts", "hosts/keep", "hosts/keep/deeper"]) {
      await expect(writeRef(folder, revision, commitA), revision).rejects.toMatchObject({ code: "UnsafeFileName" });
    }
    unlinkSync(folder.refs);
    mkdirSync(folder.refs);
    symlinkSync(outside, join(folder.refs, "out"));
    await writeRef(folder, "out/hosts/keep", commitA);
    expect(readFileSync(join(outside, "hosts/keep"), "utf8")).toBe("precious");
    expect(readFileSync(folder.ref("out/hosts/keep"), "utf8")).toBe(commitA);
  });
});

describe("listings of files", () => {
  const files: TreeFile[] = [
    { path: "model.safetensors", size: 134, blobId: "1".repeat(40), lfsSha256: etag, lfsSize: 10_000_000_000, xetHash },
    { path: "10", size: 0, blobId: "2".repeat(40) },
    { path: "2", size: 5, blobId: "3".repeat(40), lfsSha256: etag, lfsSize: 5 },
    { path: "__proto__", size: 7, blobId: "4".repeat(40) },
    { path: 'x😀/"quoted".txt', size: 1, blobId: "5".repeat(40) },
    { path: "x\uffee\u00df.txt", size: 1, blobId: "5".repeat(40) },
  ];

  it("are written as Python writes them", async () => {
    const folder = newFolder();
    await writeTree(folder, commitA, files);
    const entry = (name: string, lines: string[]) =>
      `  "${name}": {\n${lines.map((line) => `   ${line}`).join(",\n")}\n  }`;
    const id = (digit: string) => `"blob_id": "${digit.repeat(40)}"`;
    expect(readFileSync(folder.tree(commitA), "utf8")).toBe(
      `{\n "format_version": 1,\n "files": {\n${[
        entry("10", ['"size": 0', id("2")]),
        entry("2", ['"size": 5', id("3"), `"lfs_sha256": "${etag}"`, '"lfs_size": 5']),
        entry("__proto__", ['"size": 7', id("4")]),
        entry("model.safetensors", [
          '"size": 134',
          id("1"),
          `"lfs_sha256": "${etag}"`,
          '"lfs_size": 10000000000',
          `"xet_hash": "${xetHash}"`,
        ]),
        // By code points: U+FFEE is before U+1F600, whose first half is U+D83D.
        entry("x\\uffee\\u00df.txt", ['"size": 1', id("5")]),
        entry('x\\ud83d\\ude00/\\"quoted\\".txt', ['"size": 1', id("5")]),
      ].join(",\n")}\n }\n}`,
    );
    const byPath = (a: TreeFile, b: TreeFile) => (a.path < b.path ? -1 : 1);
    expect((await readTree(folder, commitA))!.sort(byPath)).toEqual([...files].sort(byPath));
    await writeTree(folder, commitB, []);
    expect(readFileSync(folder.tree(commitB), "utf8")).toBe('{\n "format_version": 1,\n "files": {}\n}');
    expect(await readTree(folder, commitB)).toEqual([]);
    expect(readdirSync(folder.path)).toEqual(["trees"]);
  });

  it("are not written with a Xet hash that is none", async () => {
    const folder = newFolder();
    await writeTree(folder, commitA, [{ path: "a", size: 1, blobId: "1".repeat(40), xetHash: "../../x" }]);
    expect(existsSync(folder.path)).toBe(false);
  });

  it("are unknown when they are none, or hostile", async () => {
    const folder = newFolder();
    const good = { size: 1, blob_id: "1".repeat(40) };
    const bad: unknown[] = [
      null,
      [],
      { format_version: 2, files: {} },
      { files: {} },
      { format_version: 1 },
      { format_version: 1, files: [] },
      ...[
        { "../x": good },
        { "/etc/passwd": good },
        { "a\\b": good },
        { a: null },
        { a: { ...good, size: -1 } },
        { a: { ...good, size: 1.5 } },
        { a: { ...good, size: 2 ** 60 } },
        { a: { ...good, size: "1" } },
        { a: { ...good, blob_id: "../../x" } },
        { a: { size: 1 } },
        { a: { ...good, lfs_sha256: "1".repeat(40) } },
        { a: { ...good, lfs_size: -1 } },
        { a: { ...good, xet_hash: "../.." } },
      ].map((files) => ({ format_version: 1, files })),
    ];
    mkdirSync(join(folder.path, "trees"), { recursive: true });
    for (const text of [...bad.map((one) => JSON.stringify(one)), "", "{", "\0\0"]) {
      writeFileSync(folder.tree(commitA), text);
      expect(await readTree(folder, commitA), text).toBeUndefined();
    }
    writeFileSync(folder.tree(commitA), JSON.stringify({ format_version: 1, files: { a: good }, more: 1 }));
    expect(await readTree(folder, commitA)).toEqual([{ path: "a", size: 1, blobId: "1".repeat(40) }]);
    mkdirSync(folder.tree(commitB));
    expect(await readTree(folder, commitB)).toBeUndefined();
  });
});

describe("what a commit does not have", () => {
  it("is remembered by an empty file", async () => {
    const folder = newFolder();
    expect(await isMissing(folder, commitA, "sub/none.json")).toBe(false);
    await markMissing(folder, commitA, "sub/none.json");
    await markMissing(folder, commitA, "sub/none.json");
    expect(await isMissing(folder, commitA, "sub/none.json")).toBe(true);
    expect(await isMissing(folder, commitA, "sub")).toBe(false);
    expect(readFileSync(folder.noExist(commitA, "sub/none.json"), "utf8")).toBe("");
    expect(readdirSync(folder.path).sort()).toEqual([".no_exist", "snapshots"]);
  });
});
