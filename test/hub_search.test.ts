// Finding models: every filter, order and paging, against a Hub that filters as the real one does.

import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { DeadliftError } from "../src/error.js";
import { iterateModels, type ModelSort, type SearchOptions, searchModels } from "../src/hub/search.js";
import { startHub, type TestHub } from "./hub/server.js";

let hub: TestHub;
let restore = () => {};
beforeAll(async () => {
  hub = await startHub({ pageSize: 7 });
  const models = [
    { id: "alpha/tiny-chat", size: 100e6, licence: "mit", task: "text-generation", downloads: 50, likes: 1 },
    { id: "alpha/big-chat", size: 7e9, licence: "apache-2.0", task: "text-generation", downloads: 10, likes: 30 },
    { id: "beta/embed", size: 300e6, licence: "mit", task: "feature-extraction", downloads: 70, likes: 20 },
    { id: "beta/secret-chat", size: 1e9, licence: "mit", task: "text-generation", downloads: 5, likes: 5 },
    { id: "alone", size: 2e9, licence: "other", task: "text-generation", downloads: 1, likes: 2 },
  ];
  for (const [i, { id, size, licence, task, downloads, likes }] of models.entries()) {
    const gguf = id === "alpha/tiny-chat" || id === "alone";
    const repo = hub.repo(id, {
      ...{ task, downloads, likes, cardData: { license: licence }, library: gguf ? "gguf" : "transformers" },
      ...{ tags: ["conversational", `n${i}`], private: id === "beta/secret-chat" },
      ...(gguf
        ? { gguf: { total: size, architecture: "llama", context_length: 1 } }
        : { safetensors: { parameters: { BF16: size }, total: size } }),
      ...(id === "alpha/big-chat" && { gated: "auto" }),
      createdAt: `2026-01-0${i + 1}T00:00:00.000Z`,
      lastModified: `2026-02-0${5 - i}T00:00:00.000Z`,
    });
    repo.commit({ [gguf ? "a.gguf" : "a.safetensors"]: { sparse: 16 } });
  }
  for (let i = 0; i < 25; i++) {
    hub.repo(`many/m${String(i).padStart(2, "0")}`, { downloads: 1000 + i, tags: ["many"] }).commit({ a: "a" });
  }
});
afterAll(() => hub.close());
afterEach(() => {
  restore();
  restore = () => {};
});

const ids = async (options: SearchOptions) =>
  (await searchModels({ endpoint: hub.endpoint, token: false, sort: "downloads", ...options })).map(({ id }) => id);
async function failure(promise: Promise<unknown>): Promise<DeadliftError> {
  const error = await promise.then(
    (value) => expect.fail(`it did not fail: ${inspect(value)}`),
    (error) => error,
  );
  expect(error).toBeInstanceOf(DeadliftError);
  return error;
}

describe("filters", () => {
  const filters: [SearchOptions, string[]][] = [
    [{ query: "chat" }, ["alpha/tiny-chat", "alpha/big-chat"]],
    [{ query: "CHAT", token: "hf_good" }, ["alpha/tiny-chat", "alpha/big-chat", "beta/secret-chat"]],
    [{ query: "a b&c=d" }, []],
    [{ author: "beta" }, ["beta/embed"]],
    [{ task: "feature-extraction" }, ["beta/embed"]],
    [{ library: "transformers" }, ["beta/embed", "alpha/big-chat"]],
    [{ tags: ["conversational", "n1"] }, ["alpha/big-chat"]],
    [{ licence: "mit" }, ["beta/embed", "alpha/tiny-chat"]],
    [{ format: "gguf" }, ["alpha/tiny-chat", "alone"]],
    [{ format: "safetensors" }, ["beta/embed", "alpha/big-chat"]],
    [{ gated: true }, ["alpha/big-chat"]],
    [{ gated: false, tags: ["conversational"] }, ["beta/embed", "alpha/tiny-chat", "alone"]],
    [{ minParameters: 300_000_000 }, ["beta/embed", "alpha/big-chat", "alone"]],
    [{ maxParameters: 300_000_000 }, ["beta/embed", "alpha/tiny-chat"]],
    [{ minParameters: 300_000_000, maxParameters: 300_000_000 }, ["beta/embed"]],
    [{ minParameters: 1_000_000_001, maxParameters: 7_000_000_000 }, ["alpha/big-chat", "alone"]],
    [{ task: "text-generation", licence: "mit", format: "gguf", query: "tiny" }, ["alpha/tiny-chat"]],
  ];
  it.each(filters)("%j", async (options, found) => {
    expect(await ids(options)).toEqual(found);
  });

  it("stay the same on later pages", async () => {
    expect((await ids({ tags: ["many"], gated: false, limit: 25 })).length).toBe(25);
    const pages = hub.requests.slice(-4).map(({ url }) => new URL(url, hub.endpoint).searchParams);
    for (const page of pages) expect([page.get("filter"), page.get("gated")]).toEqual(["many", "false"]);
  });
});

describe("order", () => {
  const tags = ["conversational"];
  const orders: [ModelSort, string[]][] = [
    ["downloads", ["beta/embed", "alpha/tiny-chat", "alpha/big-chat", "alone"]],
    ["likes", ["alpha/big-chat", "beta/embed", "alone", "alpha/tiny-chat"]],
    ["created", ["alone", "beta/embed", "alpha/big-chat", "alpha/tiny-chat"]],
    ["updated", ["alpha/tiny-chat", "alpha/big-chat", "beta/embed", "alone"]],
    ["parameters", ["alpha/big-chat", "alone", "beta/embed", "alpha/tiny-chat"]],
    ["trending", ["alpha/big-chat", "beta/embed", "alone", "alpha/tiny-chat"]],
  ];
  it.each(orders)("%s", async (sort, found) => {
    expect(await ids({ tags, sort })).toEqual(found);
  });

  it("is by trend unless told", async () => {
    await searchModels({ endpoint: hub.endpoint, token: false });
    expect(hub.requests.at(-1)!.url).toContain("sort=trendingScore");
  });
});

describe("paging", () => {
  it("stops at 20 unless told, and asks for no page too many", async () => {
    const before = hub.requests.length;
    expect((await ids({ author: "many" })).length).toBe(20);
    const unset = { author: "many", limit: undefined } as unknown as SearchOptions;
    expect((await ids(unset)).length).toBe(20);
    expect(hub.requests.length - before).toBe(6);
    expect(await ids({ author: "many", limit: 1 })).toEqual(["many/m24"]);
    expect((await ids({ author: "many", limit: 100 })).length).toBe(25);
  });

  it("goes on as far as a loop does", async () => {
    const before = hub.requests.length;
    let taken = 0;
    for await (const { id } of iterateModels({ endpoint: hub.endpoint, token: false, author: "many" })) {
      expect(id).toMatch(/^many\/m\d\d$/);
      if (++taken === 8) break;
    }
    expect(hub.requests.length - before).toBe(2);
    let all = 0;
    for await (const _ of iterateModels({ endpoint: hub.endpoint, token: false, author: "many" })) all++;
    expect(all).toBe(25);
  });
});

it("a summary has what a list shows", async () => {
  const [tiny, big] = await searchModels({ endpoint: hub.endpoint, token: false, author: "alpha", sort: "downloads" });
  expect(tiny).toEqual({
    id: "alpha/tiny-chat",
    author: "alpha",
    task: "text-generation",
    library: "gguf",
    licence: "mit",
    tags: expect.arrayContaining(["conversational", "license:mit"]),
    gated: false,
    private: false,
    downloads: 50,
    likes: 1,
    createdAt: new Date("2026-01-01T00:00:00.000Z"),
    updatedAt: new Date("2026-02-05T00:00:00.000Z"),
    parameters: 100_000_000,
    formats: ["gguf"],
  });
  expect(big).toMatchObject({ gated: "auto", parameters: 7_000_000_000, formats: ["safetensors"] });
  const [alone] = await searchModels({ endpoint: hub.endpoint, token: false, query: "alone" });
  expect(alone).toMatchObject({ id: "alone", author: undefined });
});

describe("what is refused", () => {
  const wrong: [object, string][] = [
    [{ querry: "x" }, "UnknownOption"],
    [{ license: "mit" }, "UnknownOption"],
    [{ direction: "ascending" }, "UnknownOption"],
    [{ min_parameters: 1 }, "UnknownOption"],
    [{ query: "" }, "InvalidArgument"],
    [{ author: 7 }, "InvalidArgument"],
    [{ tags: "x" }, "InvalidArgument"],
    [{ tags: [""] }, "InvalidArgument"],
    [{ format: "onnx" }, "InvalidArgument"],
    [{ sort: "size" }, "InvalidArgument"],
    [{ sort: "toString" }, "InvalidArgument"],
    [{ gated: "yes" }, "InvalidArgument"],
    [{ limit: 0 }, "InvalidArgument"],
    [{ limit: 1.5 }, "InvalidArgument"],
    [{ minParameters: -1 }, "InvalidArgument"],
    [{ minParameters: 10, maxParameters: 9 }, "InvalidArgument"],
    [{ signal: "now" }, "InvalidArgument"],
  ];
  it.each(wrong)("%j", async (options, code) => {
    const before = hub.requests.length;
    expect((await failure(searchModels({ endpoint: hub.endpoint, token: false, ...options }))).code).toBe(code);
    expect((await failure(iterateModels({ endpoint: hub.endpoint, token: false, ...options }).next())).code).toBe(code);
    expect(hub.requests.length).toBe(before);
  });

  it("a near miss is named", async () => {
    const options = { endpoint: hub.endpoint, min_parameters: 1 };
    expect((await failure(searchModels(options))).message).toContain('did you mean "minParameters"?');
  });

  const one = { _id: "1", id: "a/b", lastModified: "2026-01-01T00:00:00.000Z" };
  it.each([
    [{}],
    ["null"],
    [null],
    [[null]],
    [[{ ...one, id: "../x" }]],
    [[{ ...one, id: "a/b\u001b[2J" }]],
    [[{ ...one, lastModified: "never" }]],
    [[{ ...one, downloads: "1" }]],
    [[{ ...one, safetensors: 1 }]],
    [[{ ...one, gguf: { total: -1 } }]],
    [[{ ...one, gated: 1 }]],
  ])("an answer %j", async (body) => {
    restore = hub.when({}, { status: 200, body: JSON.stringify(body) });
    expect((await failure(searchModels({ endpoint: hub.endpoint }))).code).toBe("HubFailed");
  });

  it("an aborted search", async () => {
    const signal = AbortSignal.abort();
    expect((await failure(searchModels({ endpoint: hub.endpoint, signal }))).code).toBe("Aborted");
  });
});
