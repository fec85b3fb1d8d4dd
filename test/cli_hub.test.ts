// Finding and looking at models of the Hub from the command line: documents, plain lines, exit statuses.

import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { document, facts, home, hub, rows, run } from "./cli_hub_case.js";
import { tiny } from "./cli_process.js";

describe("search", () => {
  it("prints one document", async () => {
    const models = await document(["search", "story"]);
    expect(models).toHaveLength(1);
    expect(Object.keys(models[0])).toEqual(
      expect.arrayContaining([
        "id",
        "task",
        "licence",
        "tags",
        "gated",
        "downloads",
        "likes",
        "updatedAt",
        "parameters",
      ]),
    );
    expect(models[0]).toMatchObject({ id: "acme/story", licence: "apache-2.0", downloads: 1234, gated: false });
    expect(models[0].formats).toEqual(["safetensors"]);
  });

  it("prints lines with tabs when piped, numbers and dates for programs", async () => {
    const { status, out, err } = await run(["search", "--author", "acme", "--sort", "downloads"]);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    const found = rows(out);
    expect(found.map(({ model }) => model)).toEqual(["acme/story", "acme/quants-GGUF", "acme/closed"]);
    expect(found[0]).toMatchObject({ downloads: "1234", likes: "7", formats: "safetensors", access: "open" });
    expect(found[0]!.updated).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(found[1]).toMatchObject({ parameters: "3000000000", licence: "mit" });
    expect(found[2]!.access).toBe("gated:manual");
  });

  it.each([
    [["--gguf"], ["acme/quants-GGUF"]],
    [["--license", "mit"], ["acme/quants-GGUF"]],
    [["--tag", "en", "--tag", "safetensors"], ["acme/story"]],
    [["--task", "text-generation", "--library", "transformers", "--safetensors"], ["acme/story"]],
    [["--gated"], ["acme/closed"]],
    [["--min-parameters", "1B", "--max-parameters", "7B"], ["acme/quants-GGUF"]],
    [["--max-parameters", "0.01b", "--no-gated", "--author", "acme"], ["acme/story"]],
    [["--sort", "likes", "--limit", "1"], ["acme/story"]],
  ])("%j", async (flags, ids) => {
    expect((await document(["search", ...flags])).map(({ id }: { id: string }) => id)).toEqual(ids);
  });

  it("says so when there is nothing, and that is no failure", async () => {
    expect(await document(["search", "nothing", "like", "it"])).toEqual([]);
    const { status, out, err } = await run(["search", "nothing", "like", "it"]);
    expect({ status, out }).toEqual({ status: 0, out: "" });
    expect(err).toMatch(/^no models found; .+\n$/);
  });

  it("keeps what strangers wrote to one cell, and harmless", async () => {
    const [{ out }, { out: text }] = await Promise.all([
      run(["search", "--author", "evil"]),
      run(["info", "evil/names", "--json"]),
    ]);
    expect(JSON.parse(text).card.note).toBe("\u009b31m\u202e");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    expect(rows(out)[0]).toMatchObject({ model: "evil/names", licence: "a b" });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
    expect(out).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f]/);
  });
});

describe("info", () => {
  it("prints one document, with versions on request", async () => {
    const info = await document(["info", "acme/story"]);
    expect(info).toMatchObject({
      id: "acme/story",
      access: "open",
      licence: "apache-2.0",
      url: `${hub.endpoint}/acme/story`,
    });
    expect(info.files.map(({ path }: { path: string }) => path)).toContain("notes.txt");
    expect(info).not.toHaveProperty("revisions");
    const old = await document(["info", "acme/story@v1", "--revisions"]);
    expect(old.files.map(({ path }: { path: string }) => path)).not.toContain("notes.txt");
    expect(old.revisions.tags).toEqual([{ name: "v1", commit: old.commit }]);
    expect(old.revisions.branches[0].commit).toBe(info.commit);
  });

  it("prints plain lines", async () => {
    const { status, out, err } = await run(["info", "acme/story", "--files", "--revisions"]);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    const [first, files, refs, commits] = out.split("\n\n");
    expect(facts(first!)).toMatchObject({ model: "acme/story", licence: "apache-2.0", access: "open" });
    const weights = rows(files!).find(({ file }) => file === "model.safetensors")!;
    expect(weights.size).toBe(String(lstatSync(join(tiny, "model.safetensors")).size));
    expect(weights["sha256 (LFS)"]).toMatch(/^[0-9a-f]{64}$/);
    expect(rows(refs!).map(({ revision, kind }) => `${kind} ${revision}`)).toEqual(["branch main", "tag v1"]);
    expect(rows(commits!)[0]!.title).toBe("Add notes");
  });

  it("says who may download a gated model", async () => {
    const [stranger, member] = await Promise.all([
      run(["info", "acme/closed"], { HF_TOKEN: undefined }),
      document(["info", "acme/closed"], { HF_TOKEN: "hf_good" }),
    ]);
    expect(facts(stranger.out).access).toContain(`gated: accept its terms at ${hub.endpoint}/acme/closed`);
    expect(member.access).toBe("gated");
  });
});

describe("inspect", () => {
  const old = "architecture parameters dtypes contextLength licence files memory fits".split(" ");

  it("keeps its keys first, and adds what the Hub knows", async () => {
    const model = await document(["inspect", "acme/story"]);
    expect(Object.keys(model).slice(0, old.length)).toEqual(old);
    expect(model).toMatchObject({
      architecture: "llama",
      source: "hub",
      repo: "acme/story",
      supported: true,
      problem: null,
    });
    expect(model).toMatchObject({ gated: false, task: "text-generation", path: null, choices: [] });
    expect(model).not.toHaveProperty("config");
    expect(model.summary).toContain("Tells stories.");
    expect(existsSync(join(home, "hub"))).toBe(false);
    const { parameters, dtypes, memory } = await document(["inspect", tiny]);
    expect(model).toMatchObject({ parameters, dtypes, memory: { weights: memory.weights } });
  });

  it("lists the quants there are, and takes the one that is named", async () => {
    const model = await document(["inspect", "acme/quants-GGUF", "--quant", "Q8_0"]);
    expect(model).toMatchObject({ quant: "Q8_0", format: "gguf" });
    const { status, out } = await run(["inspect", "acme/quants-GGUF"]);
    expect(status).toBe(0);
    const [first, choices] = out.split("\n\n");
    expect(facts(first!.split("\n").slice(1).join("\n"))).toMatchObject({ licence: "mit", runs: "yes" });
    expect(rows(choices!).map(({ quant }) => quant)).toEqual(["Q4_0", "Q8_0"]);
  });
});

describe("exit status and standard error", () => {
  it.each([
    ["a model that is not there", ["info", "acme/nothing"], /acme\/nothing/, /deadlift search/],
    ["one to generate with", ["generate", "acme/nothing", "--prompt", "x"], /acme\/nothing/, /deadlift search/],
    ["a revision that is not there", ["download", "acme/story@v9"], /"v9"/, /info REPO --revisions/],
    ["a gated model", ["download", "acme/closed"], /http:\/\/127\.0\.0\.1:\d+\/acme\/closed/, undefined],
    ["several quants", ["generate", "acme/quants-GGUF", "--prompt", "x"], /Q4_0.*Q8_0/, undefined],
    ["a quant that is not there", ["download", "acme/quants-GGUF:Q2_K"], /Q2_K.*Q4_0/, undefined],
    ["patterns that leave nothing", ["download", "acme/story", "--include", "*.onnx"], /\*\.onnx/, /--files/],
    ["nothing in the cache", ["download", "acme/story", "--offline"], /offline/, undefined],
  ])("1: %s", async (_, args, reason, hint) => {
    const { status, out, err } = await run(args);
    expect({ status, out }).toEqual({ status: 1, out: "" });
    const [first, second, ...rest] = err.trimEnd().split("\n");
    expect(first).toMatch(/^deadlift: /);
    expect(first).toMatch(reason);
    if (hint) expect(second).toMatch(hint);
    expect([hint ? undefined : second, ...rest]).toEqual([undefined]);
  });

  it("1: a token that is not valid, and never says it", async () => {
    const { status, err } = await run(["info", "acme/story"], { HF_TOKEN: "hf_secret_but_wrong" });
    expect(status).toBe(1);
    expect(err).toMatch(/the token in HF_TOKEN is not valid/);
    expect(err).not.toContain("hf_secret");
  });

  it.each([
    ["two formats", ["search", "--gguf", "--safetensors"], /exclude each other/],
    ["two spellings", ["search", "--licence", "mit", "--license", "mit"], /the same/],
    ["a limit of nothing", ["search", "--limit", "0"], /--limit/],
    ["an order that is none", ["search", "--sort", "random"], /--sort.*random/],
    ["a size that is none", ["search", "--min-parameters", "big"], /--min-parameters.*big/],
    ["no repository", ["info"], /REPO/],
    ["a name that is none", ["download", "a/b/c/d"], /a\/b\/c\/d/],
    ["two ways to choose", ["download", "acme/quants-GGUF:Q8_0", "--all"], /all/],
    ["two revisions", ["download", "acme/story@v1", "--revision", "main"], /v1.*main/],
    ["too many connections", ["download", "acme/story", "--connections", "1000"], /connections.*1000/],
    ["a quant of a local path", ["inspect", tiny, "--quant", "Q8_0"], /quant/],
  ])("2: %s", async (_, args, reason) => {
    const { status, out, err } = await run(args);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(reason);
  });

  it("0: help with examples", async () => {
    for (const command of [
      ["search"],
      ["info"],
      ["download"],
      ["cache", "ls"],
      ["cache", "rm"],
      ["cache", "prune"],
      ["cache", "verify"],
    ]) {
      const { status, out } = await run([...command, "--help"]);
      expect(status).toBe(0);
      expect(out).toMatch(new RegExp(`Examples:\\n  deadlift ${command.join(" ")}`));
      expect(out).toContain("--json");
    }
  });
});

describe("doctor", () => {
  it("tells how the Hub is reached, and where the token is from, but not the token", async () => {
    const { out } = await run(["doctor"], { HF_TOKEN: "hf_secret", HF_HUB_OFFLINE: "1" });
    expect(facts(out.split("\nno problems")[0]!)).toMatchObject({
      hub: expect.stringContaining(`${hub.endpoint} (offline`),
      token: "from HF_TOKEN",
      cache: expect.stringContaining(home),
    });
    expect(out).not.toContain("hf_secret");
    const machine = await document(["doctor"]);
    expect(machine.hub).toMatchObject({ endpoint: hub.endpoint, offline: false });
  });
});
