// loadModel("org/repo"): what is fetched, what comes out, and what happens without a network.

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { embeddedModel, type LoadProgress, loadModel, loadTokenizer } from "../src/index.js";
import { native } from "../src/native.js";
import { startHub, type TestHub } from "./hub/server.js";

const tinyFile = (name: string) => ({ file: join(embeddedModel, name) });
const texts = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
];
const tiny = Object.fromEntries([...texts, "model.safetensors"].map((name) => [name, tinyFile(name)]));
const gguf = (format: string) => {
  const folder = join(import.meta.dirname, "fixtures/models");
  const name = readdirSync(folder, { recursive: true, encoding: "utf8" }).find((path) =>
    path.endsWith(`${format}.gguf`),
  );
  return { file: join(folder, name!) };
};
const greedy = { temperature: 0, maxTokens: 12, stopTokens: [] };

let hub: TestHub;
let cacheDir: string;
let expectedTokens: readonly number[];

beforeAll(async () => {
  hub = await startHub();
  hub.repo("deadlift/tiny").commit({ ...tiny, "README.md": "# Tiny", "other/big.bin": { seed: 1, size: 3_000_000 } });
  await using model = await loadModel(embeddedModel);
  expectedTokens = (await model.generate("Once upon a time", greedy)).tokens;
});
afterAll(() => hub.close());
beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), "deadlift-load-"));
});
afterEach(() => {
  rmSync(cacheDir, { recursive: true, force: true });
  expect(native().filesMapped()).toBe(0);
});

const options = () => ({ cacheDir, endpoint: hub.endpoint, token: false as const });

describe("a repository of the Hub", () => {
  it("runs, and nothing but what the load needs is fetched", async () => {
    const stages = new Set<string>();
    const before = hub.requests.length;
    const onProgress = ({ stage }: LoadProgress) => stages.add(stage);
    await using model = await loadModel("deadlift/tiny", { ...options(), onProgress });
    expect((await model.generate("Once upon a time", greedy)).tokens).toEqual(expectedTokens);
    expect(model.name).toBe("deadlift/tiny");
    expect(model.source).toMatchObject({ repo: "deadlift/tiny", revision: "main" });
    expect(model.source!.commit).toMatch(/^[0-9a-f]{40}$/);
    expect([...stages]).toEqual(expect.arrayContaining(["resolve", "download", "done", "files", "tokenizer", "ready"]));
    const asked = hub.requests.slice(before).map(({ url }) => decodeURIComponent(url));
    expect(asked.some((url) => url.includes("model.safetensors"))).toBe(true);
    expect(asked.filter((url) => /README|big\.bin/.test(url))).toEqual([]);
    expect(readdirSync(join(cacheDir, "models--deadlift--tiny")).sort()).toEqual([
      "blobs",
      "refs",
      "snapshots",
      "trees",
    ]);
  });

  it("of a model type that cannot run is refused before its weights are fetched, naming the nearest that can", async () => {
    const config = JSON.stringify({ model_type: "qwen3_of_tomorrow" });
    hub.repo("deadlift/tomorrow").commit({ ...tiny, "config.json": config });
    const before = hub.requests.length;
    await expect(loadModel("deadlift/tomorrow", options())).rejects.toThrow(
      expect.objectContaining({
        code: "UnsupportedArchitecture",
        message: expect.stringMatching(
          /"qwen3_of_tomorrow" of deadlift\/tomorrow\/config.json; .*"qwen3"; supported: .*llama/,
        ),
      }),
    );
    const asked = hub.requests.slice(before).map(({ url }) => decodeURIComponent(url));
    expect(asked.filter((url) => url.includes("safetensors"))).toEqual([]);
  });

  it("is opened from the cache afterwards: one request, no content", async () => {
    await (await loadModel("deadlift/tiny", options())).dispose();
    const before = hub.requests.length;
    await (await loadModel("hf://deadlift/tiny", options())).dispose();
    expect(hub.requests.length - before).toBe(1);
    const { commit } = (await loadModel("deadlift/tiny@main", options()).then(async (model) => {
      await model.dispose();
      return model.source;
    }))!;
    const calm = hub.requests.length;
    await (await loadModel(`deadlift/tiny@${commit}`, options())).dispose();
    expect(hub.requests.length).toBe(calm);
  });

  it("of several GGUF files opens the one that is named, and lists them when none is", async () => {
    const repo = hub.repo("deadlift/quants");
    repo.commit({ "m-Q8_0.gguf": gguf("q8_0"), "m-F16.gguf": gguf("f16"), "README.md": "two" });
    await using model = await loadModel("deadlift/quants:q8_0", options());
    expect(model.format).toBe("gguf");
    expect(Object.keys(model.dtypes)).toContain("Q8_0");
    expect(existsSync(join(model.path, "../m-F16.gguf"))).toBe(false);
    await expect(loadModel("deadlift/quants", options())).rejects.toMatchObject({
      code: "AmbiguousModel",
      message: expect.stringMatching(/Q8_0.*F16.*deadlift\/quants:/s),
    });
    await (await loadModel("deadlift/quants", { ...options(), quant: "F16" })).dispose();
    const two = loadModel("deadlift/quants:Q8_0", { ...options(), quant: "F16" });
    await expect(two).rejects.toMatchObject({ code: "InvalidArgument" });
    await expect(loadModel("deadlift/quants:Q4_K_M", options())).rejects.toMatchObject({ code: "QuantNotFound" });
  });

  it("takes a revision in the name or beside it, not two", async () => {
    const repo = hub.repo("deadlift/versions");
    const old = repo.commit({
      ...tiny,
      "config.json": readFileSync(join(embeddedModel, "config.json"), "utf8").trim(),
    });
    repo.tag("v1");
    repo.commit({ "model.safetensors": null });
    await using model = await loadModel("deadlift/versions", { ...options(), revision: "v1" });
    expect(model.source).toEqual({ repo: "deadlift/versions", revision: "v1", commit: old });
    await expect(loadModel("deadlift/versions", options())).rejects.toMatchObject({ code: "NotAModel" });
    await expect(loadModel("deadlift/versions@v1", { ...options(), revision: "main" })).rejects.toMatchObject({
      code: "InvalidArgument",
      message: expect.stringContaining('"v1" in its name and "main" beside it'),
    });
  });

  it("gives its tokenizer alone, without weights", async () => {
    const before = hub.requests.length;
    const tokenizer = await loadTokenizer("deadlift/tiny", options());
    expect(tokenizer.decode(await tokenizer.encode("Hello"), { skipSpecial: true })).toBe("Hello");
    expect(hub.requests.slice(before).filter(({ url }) => url.includes("safetensors"))).toEqual([]);
    const nested = Object.fromEntries(texts.map((name) => [`sub/folder/${name}`, tinyFile(name)]));
    hub.repo("deadlift/nested").commit({ ...nested, "README.md": "below" });
    const inside = await loadTokenizer("hf://deadlift/nested/sub/folder", options());
    expect(await inside.encode("Hello")).toEqual(await tokenizer.encode("Hello"));
  });
});

describe("paths", () => {
  it("win over names of the Hub", async () => {
    const folder = join(cacheDir, "deadlift");
    cpSync(embeddedModel, join(folder, "tiny"), { recursive: true });
    const before = hub.requests.length;
    const cwd = process.cwd();
    process.chdir(cacheDir);
    try {
      await using model = await loadModel("deadlift/tiny", options());
      expect(model.source).toBeUndefined();
    } finally {
      process.chdir(cwd);
    }
    expect(hub.requests.length).toBe(before);
  });

  it.each(["./nowhere", "/nowhere/model", "model.gguf", "some/model.safetensors", "../up"])(
    "%s is missing: no request is made",
    async (path) => {
      const before = hub.requests.length;
      await expect(loadModel(path, options())).rejects.toMatchObject({ code: "FileNotFound" });
      expect(hub.requests.length).toBe(before);
    },
  );
});

describe("offline", () => {
  it("loads what the cache has without opening a socket", async () => {
    await (await loadModel("deadlift/tiny", options())).dispose();
    const before = hub.requests.length;
    await using model = await loadModel("deadlift/tiny", { ...options(), offline: true });
    expect((await model.generate("Once upon a time", greedy)).tokens).toEqual(expectedTokens);
    expect(hub.requests.length).toBe(before);
  });

  it("names the file that is missing", async () => {
    const model = await loadModel("deadlift/tiny", options());
    await model.dispose();
    rmSync(join(cacheDir, "models--deadlift--tiny/snapshots", model.source!.commit, "model.safetensors"));
    await expect(loadModel("deadlift/tiny", { ...options(), offline: true })).rejects.toMatchObject({
      code: "IncompleteSnapshot",
      message: expect.stringContaining("model.safetensors"),
    });
    await expect(loadModel("deadlift/never", { ...options(), offline: true })).rejects.toMatchObject({
      code: "Offline",
    });
  });
});

describe("errors", () => {
  it("are those of the Hub, with what to do", async () => {
    hub.repo("deadlift/gated", { gated: "manual" }).commit(tiny);
    await expect(loadModel("deadlift/gated", options())).rejects.toMatchObject({
      code: "Gated",
      message: expect.stringContaining(`${hub.endpoint}/deadlift/gated`),
    });
    await expect(loadModel("deadlift/no-such-model", options())).rejects.toMatchObject({ code: "RepoNotFound" });
    await expect(loadModel("deadlift/tiny@v9", options())).rejects.toMatchObject({ code: "RevisionNotFound" });
    await expect(loadModel("deadlift/tiny", { ...options(), tokens: "x" } as object)).rejects.toMatchObject({
      code: "UnknownOption",
    });
  });

  it("Aborted ends a download", async () => {
    hub.repo("deadlift/slow").commit({ ...tiny, "model.safetensors": { ...tinyFile("model.safetensors"), lfs: true } });
    const done = hub.when({ host: "cdn" }, { rate: 200_000 });
    const stop = new AbortController();
    const onProgress = (progress: LoadProgress) => {
      if (progress.stage === "download" && progress.bytes > 300_000) stop.abort();
    };
    const work = loadModel("deadlift/slow", { ...options(), signal: stop.signal, onProgress });
    await expect(work).rejects.toMatchObject({ code: "Aborted" });
    done();
  });
});
