// What the Hub says of a repository: typed errors for every refusal, and nothing believed that makes no sense.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { DeadliftError } from "../src/error.js";
import { listTree, resolveRevision } from "../src/hub/api.js";
import { discard, send } from "../src/hub/http/http.js";
import { replyError } from "../src/hub/http/replies.js";
import { modelInfo } from "../src/hub/info.js";
import { modelRevisions } from "../src/hub/revisions.js";
import { iterateModels, searchModels } from "../src/hub/search.js";
import { type HubSettings, hubSettings } from "../src/hub/settings.js";
import { whoAmI } from "../src/hub/who.js";
import { startHub, type TestHub } from "./hub/server.js";

const folder = mkdtempSync(join(tmpdir(), "deadlift-api-"));
let hub: TestHub;
let restore: (() => void)[] = [];
beforeAll(async () => {
  hub = await startHub({ pageSize: 3 });
  hub.tokens.set("api_other", { name: "somebody", repos: [] });
  hub.tokens.set("hf_granted", { name: "friend", repos: [] });
  const open = hub.repo("org/open", { cardData: { license: "mit" } });
  open.commit({ "config.json": "{}" });
  open.commit({ "model.safetensors": { seed: 1, size: 1000 }, "a/b/c.txt": "c", "a/d.txt": "d", "e.txt": "e" });
  open.branch("feature/x");
  open.branch("refs/pr/1");
  open.tag("v1.0");
  hub.repo("org/private", { private: true }).commit({ "a.txt": "a" });
  hub.repo("org/gated", { gated: "manual", granted: ["hf_granted"] }).commit({ "a.txt": "a" });
  hub.repo("org/disabled", { disabled: true }).commit({ "a.txt": "a" });
  const renamed = hub.repo("org/before");
  renamed.commit({ "a.txt": "a" });
  renamed.renameTo("org/after");
});
afterAll(async () => {
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => {
  for (const undo of restore) undo();
  restore = [];
  vi.unstubAllEnvs();
});

const as = (token: string | false = "hf_good"): HubSettings => hubSettings({ endpoint: hub.endpoint, token }, {});
const once = { retries: 0 };
const answer = (path: RegExp | string, body: unknown, headers: Record<string, string> = {}) =>
  void restore.push(
    hub.when({ path }, { status: 200, headers, body: typeof body === "string" ? body : JSON.stringify(body) }),
  );
async function failure(promise: Promise<unknown>): Promise<DeadliftError> {
  const error = await promise.then(
    (value) => expect.fail(`it did not fail: ${inspect(value)}`),
    (error) => error,
  );
  expect(error).toBeInstanceOf(DeadliftError);
  expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/hf_good|hf_bad|api_other/);
  return error;
}

describe("revisions", () => {
  it.each(["main", "feature/x", "refs/pr/1", "v1.0"])("%s becomes a commit", async (revision) => {
    expect(await resolveRevision("org/open", revision, as())).toMatch(/^[0-9a-f]{40}$/);
  });

  it("of a renamed repository, and with a token that does not begin with hf_", async () => {
    expect(await resolveRevision("org/before", "main", as("api_other"))).toBe(
      await resolveRevision("org/after", "main", as(false)),
    );
    expect(hub.requests.at(-2)!.headers.authorization).toBe("Bearer api_other");
  });

  it("that could leave the cache are not even asked for", async () => {
    const before = hub.requests.length;
    for (const [repo, revision] of [
      ["org/open", "../x"],
      ["../open", "main"],
      ["org/open", ""],
    ]) {
      expect((await failure(resolveRevision(repo!, revision!, as()))).code).toBe("InvalidArgument");
    }
    expect(hub.requests.length).toBe(before);
  });

  it.each([{ sha: "../../x" }, { sha: "ABCDEF" }, {}, { sha: 1 }, "[]", "null", "{", "", '"x"'])(
    "an answer %j is refused",
    async (body) => {
      answer("/revision/", body);
      expect((await failure(resolveRevision("org/open", "main", as()))).code).toBe("HubFailed");
    },
  );
});

describe("files", () => {
  const entry = { type: "file", oid: "a".repeat(40), size: 1, path: "a.txt" };
  const lfs = { oid: "b".repeat(64), size: 1, pointerSize: 130 };
  const tree = () => listTree("org/open", "main", as());

  it("come from all pages, without folders, with their hashes", async () => {
    const files = await tree();
    expect(files.map(({ path }) => path).sort()).toEqual([
      "a/b/c.txt",
      "a/d.txt",
      "config.json",
      "e.txt",
      "model.safetensors",
    ]);
    const large = files.find(({ path }) => path === "model.safetensors");
    expect(large).toMatchObject({ size: 1000, lfsSize: 1000 });
    expect(large!.lfsSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(files.find(({ path }) => path === "e.txt")).toEqual({
      path: "e.txt",
      size: 1,
      // git hash-object of a file with "e" in it.
      blobId: "9cbe6ea56f225388ae614c419249bfc6d734cc30",
    });
  });

  it("with a Xet hash keep it; folders and what is new are passed over", async () => {
    const xetHash = "c".repeat(64);
    answer("/tree/", [
      { type: "directory", path: "..", oid: 1 },
      { type: "submodule", path: 7 },
      { ...entry, lfs, xetHash },
      { ...entry, path: "b.txt", lfs: null, xetHash: null },
    ]);
    expect(await tree()).toEqual([
      { path: "a.txt", size: 1, blobId: entry.oid, lfsSha256: lfs.oid, lfsSize: 1, xetHash },
      { path: "b.txt", size: 1, blobId: entry.oid },
    ]);
  });

  it.each(["../x", "/etc/passwd", "C:\\x", "a\\b", "con", "a\u0000"])("called %j are refused", async (path) => {
    answer("/tree/", [entry, { ...entry, path }]);
    expect((await failure(tree())).code).toBe("UnsafeFileName");
  });

  const senseless: [string, unknown][] = [
    ["a short hash", [{ ...entry, oid: "abc" }]],
    ["a hash with a path in it", [{ ...entry, oid: `../${"a".repeat(37)}` }]],
    ["no hash", [{ ...entry, oid: undefined }]],
    ["a git hash for LFS", [{ ...entry, lfs: { ...lfs, oid: entry.oid } }]],
    ["LFS that is a text", [{ ...entry, lfs: "yes" }]],
    ["a strange Xet hash", [{ ...entry, xetHash: "x" }]],
    ["a negative size", [{ ...entry, size: -1 }]],
    ["half a byte", [{ ...entry, size: 0.5 }]],
    ["a size that no number holds", [{ ...entry, size: 2 ** 60 }]],
    ["a size as text", [{ ...entry, size: "1" }]],
    ["no path", [{ ...entry, path: undefined }]],
    ["a file twice", [entry, entry]],
    ["a file that is a folder", [entry, { ...entry, path: "a.txt/b" }]],
    ["a list in a list", [[entry]]],
    ["null", [null]],
    ["an object", { files: [] }],
    ["no JSON", "<html>"],
  ];
  it.each(senseless)("with %s are refused", async (_, body) => {
    answer("/tree/", body);
    expect((await failure(tree())).code).toBe("HubFailed");
  });

  it("without an end are given up", async () => {
    const next = `<${hub.endpoint}/api/models/org/open/tree/main?cursor=x>; rel="next"`;
    const many = Array.from(
      { length: 20_000 },
      (_, i) => `{"type":"file","size":1,"path":"${i}","oid":"${entry.oid}"}`,
    );
    let page = 0;
    restore.push(hub.when({ path: "/tree/" }, { status: 200, headers: { Link: next }, body: `[${many.join(",")}]` }));
    expect((await failure(tree())).code).toBe("HubFailed");
    for (const undo of restore.splice(0)) undo();
    for (; page < 6; page++) {
      const body = `[${many.join(",").replaceAll('"path":"', `"path":"${page}/`)}]`;
      restore.push(hub.when({ path: "/tree/", times: 1 }, { status: 200, headers: { Link: next }, body }));
    }
    expect((await failure(tree())).code).toBe("LimitExceeded");
  });

  it("whose next page is elsewhere are given up, and nobody else is asked", async () => {
    for (const link of [`<${hub.cdn}/x>; rel="next"`, `<https://evil.example/x>; rel="next"`]) {
      answer("/tree/", [entry], { Link: link });
      const before = hub.requests.length;
      expect((await failure(tree())).code).toBe("HubFailed");
      expect(hub.requests.length).toBe(before + 1);
    }
  });

  it("of a mirror, whose links name the Hub behind it, come from the mirror", async () => {
    const url = `${hub.endpoint}/api/models/org/open/tree/main?recursive=true&expand=false`;
    const first = await send({ url }, as());
    discard(first);
    const link = first.headers.link!.replace(hub.endpoint, "https://huggingface.co");
    expect(link).toContain("https://huggingface.co/api/models/org/open/tree/");
    restore.push(hub.when({ path: "/tree/", times: 1 }, { setHeaders: { Link: link } }));
    expect((await tree()).length).toBe(5);
  });

  it("in an answer of any size are not read to its end", async () => {
    answer("/tree/", `[${" ".repeat(65 * 1024 * 1024)}]`);
    const error = await failure(tree());
    expect(error).toMatchObject({ code: "HubFailed", message: expect.stringContaining("67108864") });
  });
});

describe("refusals", () => {
  const cases: [string, string, string | false, string][] = [
    ["org/nothing", "main", false, "RepoNotFound"],
    ["org/nothing", "main", "hf_good", "RepoNotFound"],
    ["org/private", "main", false, "RepoNotFound"],
    ["org/private", "main", "api_other", "RepoNotFound"],
    ["org/disabled", "main", "hf_good", "Disabled"],
    ["org/open", "nothing", "hf_good", "RevisionNotFound"],
    ["org/open", "main", "hf_bad", "Unauthorized"],
  ];
  it.each(cases)("%s at %s with %s: %s %s", async (repo, revision, token, code) => {
    const error = await failure(resolveRevision(repo, revision, as(token), undefined, once));
    expect(error.code).toBe(code);
    if (code !== "Unauthorized") expect(error.message).toContain(repo);
    expect(error.message).toMatch(/\(request Root=1-hub-\d+\)$/);
  });

  it("say what to do", async () => {
    const message = async (repo: string, token: string | false) =>
      (await failure(resolveRevision(repo, "main", as(token)))).message;
    expect(await message("org/private", false)).toContain("no token was sent");
    expect(await message("org/private", "api_other")).toContain('the token of the option "token" was sent');
    expect((await failure(resolveRevision("org/open", "v9", as()))).message).toContain('no revision "v9"');
  });

  it("of a token name the place it came from", async () => {
    const tokenFile = join(folder, "token");
    writeFileSync(tokenFile, "hf_bad\n");
    const places: [Record<string, string>, string][] = [
      [{ HF_TOKEN: "hf_bad" }, "the token in HF_TOKEN is not valid"],
      [{ HUGGING_FACE_HUB_TOKEN: "hf_bad" }, "the token in HUGGING_FACE_HUB_TOKEN is not valid"],
      [{ HF_TOKEN_PATH: tokenFile }, `the token in ${tokenFile} is not valid`],
    ];
    for (const [env, text] of places) {
      const settings = hubSettings({ endpoint: hub.endpoint }, env);
      const error = await failure(resolveRevision("org/open", "main", settings));
      expect(error.code).toBe("Unauthorized");
      expect(error.message).toContain(text);
    }
  });

  const about = { repo: "org/x", revision: "v1" };
  const refusal = (status: number, headers: Record<string, string>, at: object = about, text = "", path = "/x") =>
    replyError({ status, headers, url: hub.endpoint + path }, at, as(false), text);
  const said = (message: string) => ({ "x-error-message": message });
  const coded = (code: string) => ({ "x-error-code": code });
  const file = { ...about, file: "a.txt" };

  const bare: [number, Record<string, string>, object, string, string][] = [
    [401, {}, about, "/x", "RepoNotFound"],
    [401, {}, {}, "/api/whoami-v2", "Unauthorized"],
    [401, said("Invalid credentials in Authorization header"), about, "/x", "Unauthorized"],
    [401, said("Access to model org/x is restricted."), about, "/x", "Gated"],
    [403, said("Access to model org/x is restricted and you are not in the authorized list."), about, "/x", "Gated"],
    [403, said("Access to this resource is disabled."), about, "/x", "Disabled"],
    [403, {}, about, "/x", "Unauthorized"],
    [404, {}, file, "/org/x/resolve/v1/a.txt", "EntryNotFound"],
    [404, {}, about, "/api/models/org/x/revision/v1", "RevisionNotFound"],
    [404, {}, about, "/api/models/org/x/tree/v1", "RevisionNotFound"],
    [404, {}, { repo: "org/x" }, "/api/models/org/x", "RepoNotFound"],
    [404, {}, {}, "/api/nothing", "HubFailed"],
    [401, coded("GatedRepo"), about, "/x", "Gated"],
    [403, coded("GatedRepo"), about, "/x", "Gated"],
    [404, coded("RevisionNotFound"), about, "/x", "RevisionNotFound"],
    [404, coded("EntryNotFound"), file, "/x", "EntryNotFound"],
    [401, coded("RepoNotFound"), about, "/x", "RepoNotFound"],
    [429, {}, about, "/x", "RateLimited"],
    [400, {}, about, "/x", "HubFailed"],
    [416, {}, about, "/x", "HubFailed"],
    [500, {}, about, "/x", "HubFailed"],
    [304, {}, about, "/x", "HubFailed"],
    [500, coded("toString"), about, "/x", "HubFailed"],
  ];
  it.each(bare)("status %i, headers %j, about %j at %s: %s", (status, headers, at, path, code) => {
    expect(refusal(status, headers, at, "", path).code).toBe(code);
  });

  it("of a gated model say where to accept its terms, and whether a token was sent", () => {
    const without = refusal(401, coded("GatedRepo"));
    expect(without.message).toContain(`accept its terms at ${hub.endpoint}/org/x, then set HF_TOKEN`);
    expect(without.message).toContain("no token was sent");
    const reply = { status: 403, headers: coded("GatedRepo"), url: hub.endpoint };
    const settings = hubSettings({ endpoint: hub.endpoint }, { HF_TOKEN: "hf_good" });
    expect(replyError(reply, about, settings).message).toContain("with the account of the token in HF_TOKEN");
  });

  it("repeat what the server says: one safe line, not the token, not the query of an address", () => {
    const settings = as("hf_good");
    const headers = said(`no \u001b[2J\r\nway\u202e ${"x".repeat(1000)}`);
    const url = `${hub.endpoint}/x?Signature=s3cret`;
    const { message } = replyError({ status: 500, headers, url }, {}, settings);
    expect(message).toMatch(/answers 500: "no \[2J way x+\.\.\."$/);
    expect(message.length).toBeLessThan(500);
    expect(message).not.toContain("s3cret");
    const echo = JSON.stringify({ error: "Bearer hf_good is wrong" });
    expect(replyError({ status: 400, headers: {}, url }, {}, settings, echo).message).toContain(
      "Bearer [token] is wrong",
    );
    expect(refusal(400, {}, {}, '{"error":{"deep":1}}').message).toMatch(/answers 400$/);
    expect(refusal(400, { "x-request-id": "\u001b[2J" }, {}).message).not.toContain("request");
  });
});

describe("modelInfo", () => {
  const options = (token: string | false = "hf_good") => ({ endpoint: hub.endpoint, token });

  it("tells everything in two requests", async () => {
    const full = hub.repo("org/full", {
      cardData: {
        license: "other",
        license_name: "my-licence",
        language: ["en", "de"],
        base_model: "org/open",
        extra: { deep: [1] },
      },
      tags: ["conversational"],
      library: "transformers",
      task: "text-generation",
      downloads: 12,
      likes: 3,
      lastModified: "2026-05-01T10:00:00.000Z",
      safetensors: { parameters: { BF16: 100, F32: 1 }, total: 101 },
      gguf: { total: 101, architecture: "llama", context_length: 4096 },
    });
    const commit = full.commit({ "b/model.safetensors": { sparse: 5_000_000 }, "config.json": "{}" });
    full.tag("v1", commit);
    full.commit({ "later.txt": "x" });
    const before = hub.requests.length;
    const info = await modelInfo("org/full@v1", options());
    expect(hub.requests.length - before).toBe(2);
    expect(info).toMatchObject({
      id: "org/full",
      commit,
      author: "org",
      licence: "other",
      licenceName: "my-licence",
      task: "text-generation",
      library: "transformers",
      tags: expect.arrayContaining(["conversational"]),
      gated: false,
      private: false,
      disabled: false,
      downloads: 12,
      downloadsAllTime: 12,
      likes: 3,
      updatedAt: new Date("2026-05-01T10:00:00.000Z"),
      parameters: { total: 101, dtypes: { BF16: 100, F32: 1 } },
      gguf: { architecture: "llama", contextLength: 4096, total: 101 },
      baseModels: ["org/open"],
      languages: ["en", "de"],
      card: { extra: { deep: [1] } },
      totalBytes: 5_000_002,
      access: "open",
      url: `${hub.endpoint}/org/full`,
    });
    expect(info.files.map(({ path, size, lfs }) => [path, size, lfs])).toEqual(
      expect.arrayContaining([
        ["b/model.safetensors", 5_000_000, true],
        ["config.json", 2, false],
      ]),
    );
    expect(info.files.find(({ lfs }) => lfs)!.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(info.files.some(({ path }) => path === "later.txt")).toBe(false);
  });

  it("says whether this token may download", async () => {
    const access = async (repo: string, token: string | false) => (await modelInfo(repo, options(token))).access;
    expect(await access("org/open", false)).toBe("open");
    expect(await access("org/gated", false)).toBe("gated");
    expect(await access("org/gated", "hf_good")).toBe("gated");
    const before = hub.requests.length;
    expect(await access("org/gated", "hf_granted")).toBe("granted");
    expect(hub.requests.length - before).toBe(3);
    expect(await access("org/private", "hf_good")).toBe("granted");
  });

  it("takes a revision beside the name, and a renamed repository's new id", async () => {
    expect((await modelInfo("org/open", { ...options(), revision: "feature/x" })).id).toBe("org/open");
    expect((await modelInfo("org/before", options())).id).toBe("org/after");
  });

  it("refuses what it cannot be asked", async () => {
    const wrong: [string, object, string][] = [
      ["org/open:Q4_0", {}, "InvalidArgument"],
      ["hf://org/open/a.txt", {}, "InvalidArgument"],
      ["./org/open", {}, "InvalidArgument"],
      ["org/open@v1.0", { revision: "main" }, "InvalidArgument"],
      ["org/open", { Revision: "main" }, "UnknownOption"],
      ["org/open", { revision: 1 }, "InvalidArgument"],
      ["org/open", { signal: {} }, "InvalidArgument"],
      ["org/nothing", {}, "RepoNotFound"],
      ["org/open", { revision: "nothing" }, "RevisionNotFound"],
    ];
    for (const [name, more, code] of wrong) {
      expect((await failure(modelInfo(name, { ...options(), ...more }))).code).toBe(code);
    }
  });

  const whole = { id: "org/open", sha: "a".repeat(40), siblings: [] };
  const senseless: [unknown, string][] = [
    [{ ...whole, id: "../x" }, "HubFailed"],
    [{ ...whole, sha: "x" }, "HubFailed"],
    [{ ...whole, siblings: {} }, "HubFailed"],
    [{ ...whole, siblings: [{ rfilename: "a", size: "1" }] }, "HubFailed"],
    [{ ...whole, siblings: [{ rfilename: "../a", size: 1 }] }, "UnsafeFileName"],
    [{ ...whole, siblings: [{ rfilename: "a", size: 1, lfs: { sha256: "x" } }] }, "HubFailed"],
    [{ ...whole, downloads: "many" }, "HubFailed"],
    [{ ...whole, gated: "sometimes" }, "HubFailed"],
    [{ ...whole, createdAt: "yesterday" }, "HubFailed"],
    [{ ...whole, cardData: [] }, "HubFailed"],
    [{ ...whole, safetensors: { parameters: { F32: -1 }, total: 1 } }, "HubFailed"],
    [[], "HubFailed"],
  ];
  it.each(senseless)("does not believe %j", async (body, code) => {
    answer("blobs=true", body);
    expect((await failure(modelInfo("org/open", options()))).code).toBe(code);
  });

  it("strips what could steer a terminal, and lives without most fields", async () => {
    answer("blobs=true", { ...whole, tags: ["a\u001b[2Jb", 7], pipeline_tag: "x\n\u202ey" });
    expect(await modelInfo("org/open", options())).toMatchObject({
      tags: ["a [2Jb"],
      task: "x y",
      licence: undefined,
      parameters: undefined,
      files: [],
    });
  });
});

describe("modelRevisions", () => {
  const options = () => ({ endpoint: hub.endpoint, token: "hf_good" });

  it("lists branches, tags, pull requests and commits", async () => {
    const found = await modelRevisions("org/open", options());
    const commit = found.commits[0]!.commit;
    expect(found.branches.map(({ name }) => name)).toEqual(expect.arrayContaining(["main", "feature/x"]));
    expect(found.tags).toEqual([{ name: "v1.0", commit }]);
    expect(found.pullRequests).toEqual([{ name: "refs/pr/1", commit }]);
    expect(found.conversions).toEqual([]);
    expect(found.commits.length).toBe(3);
    expect(found.commits.at(-1)).toMatchObject({ title: "initial commit", date: expect.any(Date) });
    // Every name can be asked for.
    for (const { name } of [...found.branches, ...found.tags, ...found.pullRequests]) {
      expect(await resolveRevision("org/open", name, as())).toBe(commit);
    }
  });

  it("gives as many commits as asked for, over several pages", async () => {
    const busy = hub.repo("org/busy");
    for (let i = 0; i < 8; i++) busy.commit({ "a.txt": `${i}` }, { title: `change ${i}` });
    const titles = async (limit: number) =>
      (await modelRevisions("org/busy", { ...options(), limit })).commits.map(({ title }) => title);
    expect(await titles(5)).toEqual(["change 7", "change 6", "change 5", "change 4", "change 3"]);
    expect((await titles(100)).length).toBe(9);
    const before = hub.requests.length;
    expect(await titles(0)).toEqual([]);
    expect(hub.requests.length - before).toBe(1);
  });

  it("does not believe nonsense", async () => {
    answer("/refs", { branches: [{ name: "main", ref: "refs/heads/main", targetCommit: "x" }] });
    expect((await failure(modelRevisions("org/open", options()))).code).toBe("HubFailed");
    answer("/refs", { branches: "many" });
    expect((await failure(modelRevisions("org/open", options()))).code).toBe("HubFailed");
    answer("/refs", {});
    answer("/commits/", [{ id: "x" }]);
    expect((await failure(modelRevisions("org/open", options()))).code).toBe("HubFailed");
  });

  it("refuses what it cannot be asked", async () => {
    expect((await failure(modelRevisions("org/open", { ...options(), limit: -1 }))).code).toBe("InvalidArgument");
    expect((await failure(modelRevisions("org/open@nothing", options()))).code).toBe("RevisionNotFound");
    expect((await failure(modelRevisions("org/nothing", options()))).code).toBe("RepoNotFound");
  });
});

describe("whoAmI", () => {
  it("tells whose token it is, whatever it begins with", async () => {
    const identity = await whoAmI({ endpoint: hub.endpoint, token: "api_other" });
    expect(identity).toEqual({
      name: "somebody",
      type: "user",
      email: "somebody@example.com",
      tokenName: "test",
      role: "read",
      organisations: [],
      tokenSource: "option",
    });
    answer("whoami", { name: "me", type: "user", orgs: [{ name: "a" }, { name: "b" }], auth: {} });
    expect((await whoAmI({ endpoint: hub.endpoint, token: "hf_good" })).organisations).toEqual(["a", "b"]);
  });

  it("needs a token, and a valid one", async () => {
    const before = hub.requests.length;
    expect((await failure(whoAmI({ endpoint: hub.endpoint, token: false }))).code).toBe("Unauthorized");
    expect(hub.requests.length).toBe(before);
    const error = await failure(whoAmI({ endpoint: hub.endpoint, token: "hf_bad" }));
    expect(error).toMatchObject({ code: "Unauthorized", message: expect.stringContaining("Invalid credentials") });
  });

  it.each([{}, { name: 1 }, { name: "a", orgs: {} }, { name: "a", auth: 1 }, []])(
    "does not believe %j",
    async (body) => {
      answer("whoami", body);
      expect((await failure(whoAmI({ endpoint: hub.endpoint, token: "hf_good" }))).code).toBe("HubFailed");
    },
  );
});

it("offline nothing asks the Hub, and every message names what forbids it", async () => {
  vi.stubEnv("HF_HUB_OFFLINE", "1");
  const before = hub.requests.length;
  const options = { endpoint: hub.endpoint };
  const settings = hubSettings(options);
  const calls = [
    () => resolveRevision("org/open", "main", settings),
    () => listTree("org/open", "main", settings),
    () => modelInfo("org/open", options),
    () => modelRevisions("org/open", options),
    () => whoAmI({ ...options, token: false }),
    () => searchModels(options),
    () => iterateModels(options).next(),
  ];
  for (const call of calls) {
    const error = await failure(call());
    expect(error.code).toBe("Offline");
    expect(error.message).toContain("HF_HUB_OFFLINE");
  }
  expect(hub.requests.length).toBe(before);
});

it("an aborted call ends at once", async () => {
  restore.push(hub.when({}, { delayMs: 60_000 }));
  const signal = AbortSignal.timeout(50);
  expect((await failure(modelInfo("org/open", { endpoint: hub.endpoint, signal }))).code).toBe("Aborted");
});
