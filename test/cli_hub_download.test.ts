// Downloading from the command line, and running models by their names on the Hub.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { document, home, hub, hubEnvironment, rows, run, tinyFiles, until } from "./cli_hub_case.js";
import { ended, start, tiny } from "./cli_process.js";

describe("download", () => {
  const snapshot = () => join(home, "hub/models--acme--story/snapshots");

  it("prints the folder on standard output and what it did on standard error", async () => {
    const { status, out, err } = await run(["download", "acme/story"]);
    expect(status).toBe(0);
    expect(out).toMatch(/^\S+\n$/);
    const folder = out.trim();
    expect(folder.startsWith(snapshot())).toBe(true);
    for (const name of Object.keys(tinyFiles)) {
      expect(readFileSync(join(folder, name)).equals(readFileSync(join(tiny, name))), name).toBe(true);
    }
    expect(existsSync(join(folder, "notes.txt"))).toBe(false); // a load does not need it
    expect(err).toMatch(/^downloaded model\.safetensors \(7\.35 MB\)$/m);
    expect(err).toMatch(/^acme\/story: 6 of 6 files, .+ \(100 %\)\n$/m);
    expect(await run(["download", "acme/story"])).toEqual({ status: 0, out, err: "" });
  });

  it("prints one document", async () => {
    const model = await document(["download", "acme/story@v1", "--include", "*.json", "--exclude", "tokenizer*"]);
    expect(Object.keys(model)).toEqual("repo revision commit path files downloadedBytes totalBytes dryRun".split(" "));
    expect(model).toMatchObject({ repo: "acme/story", revision: "v1", dryRun: false });
    expect(model.files.map(({ path }: { path: string }) => path).sort()).toEqual([
      "config.json",
      "generation_config.json",
      "special_tokens_map.json",
    ]);
    expect(model.downloadedBytes).toBe(model.totalBytes);
  });

  it("--dry-run lists and writes nothing; --quant chooses; --all and --revision take what they say", async () => {
    const { status, out, err } = await run(["download", "acme/quants-GGUF", "--quant", "Q8_0", "--dry-run"]);
    expect(status).toBe(0);
    expect(rows(out)).toEqual([
      { file: "quants-Q8_0.gguf", size: expect.stringMatching(/^\d+$/), state: "to download" },
    ]);
    expect(err).toMatch(/^1 of 1 file to download, /);
    expect(existsSync(join(home, "hub"))).toBe(false);
    const all = await document(["download", "acme/story", "--all", "--revision", "main"]);
    expect(all.files).toHaveLength(8);
    expect(rows((await run(["download", "acme/story", "--dry-run"])).out).map(({ state }) => state)).toEqual(
      Array(6).fill("in the cache"),
    );
  });

  it("--force brings again, --cache-dir puts elsewhere, --offline asks nobody", async () => {
    const cacheDir = join(home, "elsewhere");
    const args = ["download", "acme/story", "--include", "config.json", "--cache-dir", cacheDir];
    const first = await document([...args, "--connections", "2"]);
    expect(first.path.startsWith(cacheDir)).toBe(true);
    expect((await document([...args, "--force"])).downloadedBytes).toBe(first.totalBytes);
    const before = hub.requests.length;
    expect((await document([...args, "--offline"])).path).toBe(first.path);
    expect(await document(args, { HF_HUB_OFFLINE: "1" })).toMatchObject({ downloadedBytes: 0 });
    expect(hub.requests.length).toBe(before);
  });

  it("is silent with HF_HUB_DISABLE_PROGRESS_BARS", async () => {
    const { status, err } = await run(["download", "acme/story"], { HF_HUB_DISABLE_PROGRESS_BARS: "1" });
    expect({ status, err }).toEqual({ status: 0, err: "" });
  });

  it("Ctrl-C stops in order, says that it goes on, and it does", async () => {
    const slow = hub.when({ host: "cdn" }, { rate: 300_000 });
    const before = hub.bytesSent({ host: "cdn" });
    const child = start(["download", "acme/story"], hubEnvironment());
    const end = ended(child);
    const blobs = join(home, "hub/models--acme--story/blobs");
    await until(() => existsSync(blobs) && hub.bytesSent({ host: "cdn" }) > before + 1_000_000);
    child.kill("SIGINT");
    const { status, out, err } = await end;
    expect({ status, out }).toEqual({ status: 130, out: "" });
    expect(err).toMatch(/deadlift: stopped; the same command goes on from here\n$/);
    slow();
    const { downloadedBytes, totalBytes } = await document(["download", "acme/story"]);
    expect(downloadedBytes).toBeLessThan(totalBytes);
  });
});

describe("models by their names on the Hub", () => {
  it("generate downloads, then runs from the cache without a Hub", async () => {
    const args = ["generate", "acme/story", "--prompt", "Hello!", "--temperature", "0", "--max-tokens", "6"];
    const { status, out, err } = await run(args);
    expect(status).toBe(0);
    expect(err).toMatch(/^downloaded model\.safetensors/m);
    expect(await run([...args, "--offline"])).toEqual({ status: 0, out, err: "" });
    expect((await document([...args, "--revision", "v1"])).text).toBe(out.replace(/\n$/, ""));
  });

  it("chat and tokenize do, too; tokenize leaves the weights where they are", async () => {
    const before = hub.requests.length;
    const { ids } = await document(["tokenize", "acme/story", "--text", "Hello"]);
    expect(ids.length).toBeGreaterThan(0);
    const asked = hub.requests.slice(before).map(({ url }) => url);
    expect(asked.some((url) => url.includes("tokenizer.json"))).toBe(true);
    expect(asked.filter((url) => url.includes("model.safetensors"))).toEqual([]);
    const { status, out } = await run(
      ["chat", "acme/story", "--temperature", "0", "--max-tokens", "4"],
      {},
      "Hello!\n",
    );
    expect(status).toBe(0);
    expect(out.trim()).not.toBe("");
  });
});
