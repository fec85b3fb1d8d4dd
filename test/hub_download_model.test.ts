// downloadModel(): names, choices, options and results.

import { readdir } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DownloadOptions, downloadModel } from "../src/hub/download.js";
import { DownloadCase, failureOf, mib, repoId } from "./hub/download_case.js";

let run: DownloadCase;
beforeEach(async () => {
  run = await DownloadCase.start();
});
afterEach(() => run.end());

const index = JSON.stringify({
  weight_map: { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" },
});
const sharded = {
  "README.md": "# a model",
  "config.json": "{}",
  "tokenizer.json": "[]",
  "model.safetensors.index.json": index,
  "model-00001-of-00002.safetensors": { seed: 1, size: 2 * mib },
  "model-00002-of-00002.safetensors": { seed: 2, size: mib },
  "pytorch_model.bin": { seed: 3, size: 3 * mib },
  "onnx/model.onnx": { seed: 4, size: mib },
};
const needed = [
  "config.json",
  "model-00001-of-00002.safetensors",
  "model-00002-of-00002.safetensors",
  "model.safetensors.index.json",
  "tokenizer.json",
];

function download(name: string = repoId, options: DownloadOptions = {}) {
  return downloadModel(name, { endpoint: run.hub.endpoint, cacheDir: run.cacheDir, token: false, ...options });
}

const names = (files: readonly { path: string }[]) => files.map(({ path }) => path).sort();

describe("what is downloaded", () => {
  it("is what a load needs, the index first, and each file once", async () => {
    const commit = run.hub.repo(repoId).commit(sharded);
    const model = await download();
    expect(names(model.files)).toEqual(needed);
    const totalBytes = 3 * mib + 4 + index.length;
    expect(model).toMatchObject({ repo: repoId, revision: "main", commit, totalBytes, downloadedBytes: totalBytes });
    expect(model).toMatchObject({ path: run.folder.snapshot(commit), dryRun: false });
    expect(model.files.every(({ cached }) => !cached)).toBe(true);
    expect((await readdir(model.path)).sort()).toEqual(needed);
    expect(await download()).toMatchObject({ downloadedBytes: 0, totalBytes });
    expect(await download(repoId, { force: true })).toMatchObject({ downloadedBytes: totalBytes });
  });

  it("is everything, or what patterns leave", async () => {
    run.hub.repo(repoId).commit(sharded);
    expect(names((await download(repoId, { dryRun: true, all: true })).files)).toEqual(Object.keys(sharded).sort());
    const some = await download(repoId, { include: ["*.json", "onnx/"], exclude: ["*index*"] });
    expect(names(some.files)).toEqual(["config.json", "onnx/model.onnx", "tokenizer.json"]);
    const rest = await download(repoId, { dryRun: true, exclude: ["*.safetensors"] });
    expect(names(rest.files)).toEqual(["config.json", "model.safetensors.index.json", "tokenizer.json"]);
    const without = await download(repoId, { dryRun: true, all: true, exclude: ["*.safetensors", "*.bin", "onnx/*"] });
    expect(names(without.files)).toEqual([
      "README.md",
      "config.json",
      "model.safetensors.index.json",
      "tokenizer.json",
    ]);
    const failure = await failureOf(download(repoId, { include: ["*.gguf"] }));
    expect(failure.code).toBe("EntryNotFound");
    expect(failure.message).toContain("*.gguf");
  });

  it("is one GGUF, by its quant in the name or in the options", async () => {
    run.hub.repo(repoId).commit({
      "m-Q4_K_M.gguf": { seed: 1, size: mib },
      "m-Q8_0.gguf": { seed: 2, size: mib },
      "README.md": "x",
    });
    expect(names((await download(`${repoId}:q8_0`)).files)).toEqual(["m-Q8_0.gguf"]);
    expect(names((await download(repoId, { quant: "Q4_K_M" })).files)).toEqual(["m-Q4_K_M.gguf"]);
    expect((await failureOf(download())).code).toBe("AmbiguousModel");
    expect((await failureOf(download(`${repoId}:Q2_K`))).code).toBe("QuantNotFound");
  });

  it("is one file that the name says, weights with the texts beside them", async () => {
    run.hub.repo(repoId).commit({ ...sharded, "other.safetensors": { seed: 9, size: mib } });
    expect(names((await download(`hf://${repoId}/README.md`)).files)).toEqual(["README.md"]);
    const weights = await download(`hf://${repoId}@main/other.safetensors`);
    expect(names(weights.files)).toEqual(["config.json", "other.safetensors", "tokenizer.json"]);
    expect(names((await download(`${run.hub.endpoint}/${repoId}/blob/main/onnx/model.onnx`)).files)).toEqual([
      "onnx/model.onnx",
    ]);
    expect((await failureOf(download(`hf://${repoId}/nothing.txt`))).code).toBe("EntryNotFound");
  });

  it("is of the revision in the name or in the options", async () => {
    const repo = run.hub.repo(repoId);
    const first = repo.commit(sharded);
    repo.tag("v1", first);
    repo.commit({ "config.json": '{"second": true}' });
    expect(await download(`${repoId}@v1`)).toMatchObject({ revision: "v1", commit: first });
    expect(await download(repoId, { revision: "v1" })).toMatchObject({ revision: "v1", commit: first });
    expect(await download(`${repoId}@v1`, { revision: "v1" })).toMatchObject({ commit: first });
    expect((await failureOf(download(`${repoId}@v1`, { revision: "main" }))).code).toBe("InvalidArgument");
    expect((await failureOf(download(`${repoId}@v9`))).code).toBe("RevisionNotFound");
  });

  it("is written nowhere in a dry run, also where the choice has to read the index", async () => {
    run.hub.repo(repoId).commit(sharded);
    const dry = await download(repoId, { dryRun: true });
    expect(names(dry.files)).toEqual(needed);
    expect(dry).toMatchObject({ dryRun: true, downloadedBytes: 0, totalBytes: 3 * mib + 4 + index.length });
    expect(await readdir(run.cacheDir)).toEqual([]);
  });
});

describe("options", () => {
  it("that contradict each other are refused", async () => {
    const wrong: [string, DownloadOptions][] = [
      [repoId, { all: true, include: ["*"] }],
      [`${repoId}:Q4_K_M`, { include: ["*"] }],
      [`${repoId}:Q4_K_M`, { quant: "Q8_0" }],
      [repoId, { quant: "Q4_K_M", all: true }],
      [`hf://${repoId}/config.json`, { include: ["*"] }],
    ];
    for (const [name, options] of wrong) {
      expect([name, (await failureOf(download(name, options))).code]).toEqual([name, "InvalidArgument"]);
    }
    expect(run.hub.requests).toEqual([]);
  });

  it.each<[object, string]>([
    [{ includes: ["*"] }, "UnknownOption"],
    [{ include: "*.json" }, "InvalidArgument"],
    [{ include: [] }, "InvalidArgument"],
    [{ exclude: [1] }, "InvalidArgument"],
    [{ all: "yes" }, "InvalidArgument"],
    [{ connections: 0 }, "InvalidArgument"],
    [{ connections: 1000 }, "InvalidArgument"],
    [{ signal: {} }, "InvalidArgument"],
    [{ onProgress: true }, "InvalidArgument"],
    [{ revision: 1 }, "InvalidArgument"],
    [{ revision: "a..b" }, "InvalidArgument"],
  ])("%j is refused", async (options, code) => {
    expect((await failureOf(download(repoId, options as DownloadOptions))).code).toBe(code);
  });

  it("need a name of a model", async () => {
    for (const name of ["", "./folder", "a/b/c", "hf://datasets/x/y", null, 5]) {
      expect([name, (await failureOf(download(name as unknown as string))).code]).toEqual([name, "InvalidArgument"]);
    }
  });
});
