// Inspection of models on the Hub: the same facts as from the files themselves, by few requests and little traffic.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fetchSnapshot } from "../src/hub/download/snapshot.js";
import { hubSettings } from "../src/hub/settings.js";
import { type Inspection, type InspectOptions, inspectModel } from "../src/inspect.js";
import { native } from "../src/native.js";
import { type Content, type RepoOptions, startHub, type TestHub, type TestRepo } from "./hub/server.js";
import { longGguf, longTokens } from "./reference/long_gguf.js";
import { tempFolder } from "./reference/temp.js";
import { type GgufFile, ggufFile, str, u32 } from "./reference/write_gguf.js";
import { floatsFile, safetensorsFile } from "./reference/write_safetensors.js";

let hub: TestHub;
let cacheDir: string;
beforeEach(async () => {
  hub = await startHub();
  cacheDir = mkdtempSync(join(tmpdir(), "deadlift-inspect-"));
});
afterEach(async () => {
  await hub.close();
  rmSync(cacheDir, { recursive: true, force: true });
  expect(native().filesMapped()).toBe(0);
});

const inspect = (name: string, options: InspectOptions = {}) =>
  inspectModel(name, { endpoint: hub.endpoint, cacheDir, token: false, offline: false, ...options });

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: "DeadliftError", code, message: expect.stringMatching(message) });

const card = `---
license: apache-2.0
tags: [small]
---
# Model Card for Small

<p align="center"><img src="logo.png"></p>

**Small** is a [language model](https://example.com) of few words, made for tests &amp; talk.
`;

/** Llama with the header of a model of some billion parameters: many layers, each of them small. */
function llama(layers: number): { config: object; shapes: Record<string, number[]> } {
  const shapes: Record<string, number[]> = { "model.embed_tokens.weight": [64, 16], "model.norm.weight": [16] };
  for (let layer = 0; layer < layers; layer++) {
    const add = (name: string, ...shape: number[]) => {
      shapes[`model.layers.${layer}.${name}.weight`] = shape;
    };
    for (const norm of ["input_layernorm", "post_attention_layernorm"]) add(norm, 16);
    for (const name of ["q_proj", "o_proj"]) add(`self_attn.${name}`, 16, 16);
    for (const name of ["k_proj", "v_proj"]) add(`self_attn.${name}`, 8, 16);
    for (const name of ["gate_proj", "up_proj"]) add(`mlp.${name}`, 32, 16);
    add("mlp.down_proj", 16, 32);
  }
  const config = {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: layers,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    vocab_size: 64,
    max_position_embeddings: 2048,
    tie_word_embeddings: true,
  };
  return { config, shapes };
}

type Files = Record<string, Content>;

function single(layers = 32): Files {
  const { config, shapes } = llama(layers);
  const texts = { "tokenizer.json": "{}", "README.md": card, ".gitattributes": "" };
  return { "config.json": JSON.stringify(config), "model.safetensors": floatsFile(shapes), ...texts };
}

/** The same in several files and an index. */
function sharded(layers: number, count: number): Files {
  const { config, shapes } = llama(layers);
  const files: Files = { "config.json": JSON.stringify(config), "README.md": card };
  const weightMap: Record<string, string> = {};
  const names = Object.keys(shapes);
  for (let shard = 0; shard < count; shard++) {
    const name = `model-${String(shard + 1).padStart(5, "0")}-of-${String(count).padStart(5, "0")}.safetensors`;
    const mine = names.filter((_, i) => i % count === shard);
    for (const tensor of mine) weightMap[tensor] = name;
    files[name] = floatsFile(Object.fromEntries(mine.map((tensor) => [tensor, shapes[tensor]!])));
  }
  files["model.safetensors.index.json"] = JSON.stringify({ metadata: {}, weight_map: weightMap });
  return files;
}

function publish(files: Files, options: RepoOptions = {}, id = "org/model"): TestRepo {
  const repo = hub.repo(id, options);
  repo.commit(files);
  return repo;
}

/** What does not depend on where the files are. */
function factsOf({ architecture, config, parameters, dtypes, contextLength, memory, ...rest }: Inspection) {
  const { supported, problem, program, format } = rest;
  const { available: _, ...plan } = memory;
  return { architecture, config, parameters, dtypes, contextLength, plan, supported, problem, program, format };
}

const sizes = (inspection: Inspection) => inspection.files.map(({ size }) => size);
/** Of bodies; a redirect's few words count for none. */
const bytes = () => hub.requests.reduce((sum, { status, sent }) => sum + (status >= 300 && status < 400 ? 0 : sent), 0);
const answered = () => hub.requests.length;

describe("safetensors", () => {
  it("in one file: everything that the files and the Hub say, in six requests", async () => {
    const files = single();
    const repo = publish(files, {
      cardData: { license: "apache-2.0" },
      library: "transformers",
      task: "text-generation",
      tags: ["small"],
      downloads: 12,
      likes: 3,
    });
    const found = await inspect("org/model", { contextSize: 100 });
    const local = await inspectModel(tempFolder(files as Record<string, string | Uint8Array>), { contextSize: 100 });
    expect(factsOf(found)).toEqual(factsOf(local));
    expect(found).toMatchObject({
      name: "org/model",
      source: "hub",
      path: undefined,
      format: "safetensors",
      repo: "org/model",
      revision: "main",
      commit: repo.head(),
      quant: undefined,
      choices: [],
      architecture: "llama",
      supported: true,
      problem: undefined,
      licence: "apache-2.0",
      summary: "Small is a language model of few words, made for tests & talk.",
      gated: false,
      private: false,
      task: "text-generation",
      library: "transformers",
      downloads: 12,
      likes: 3,
      files: [{ path: "model.safetensors", size: sizes(local)[0] }],
      memory: { contextSize: 100 },
    });
    expect(found.tags).toEqual(expect.arrayContaining(["small", "safetensors"]));
    expect(found.totalBytes).toBe(sizes(local)[0]! + Buffer.byteLength(files["config.json"] as string) + 2);
    expect(answered()).toBe(6);
    expect(bytes()).toBeLessThan(100_000);
    expect(found.traffic).toEqual({ requests: answered(), bytes: bytes() });
    expect(local).toMatchObject({ source: "local", repo: undefined, licence: "apache-2.0", summary: found.summary });
    expect(local).toMatchObject({ traffic: undefined, tags: [], gated: undefined, downloads: undefined });
  });

  it("with a long header: what is missing of it is asked for once", async () => {
    publish(single(200));
    const found = await inspect("org/model");
    expect(found.config?.layers).toBe(200);
    expect(answered()).toBe(7);
    expect(bytes()).toBeLessThan(400_000);
  });

  it("in twenty files: all headers, a few KB of each", async () => {
    const files = sharded(80, 20);
    publish(files);
    const found = await inspect("org/model");
    const local = await inspectModel(tempFolder(files as Record<string, string | Uint8Array>));
    expect(factsOf(found)).toEqual(factsOf(local));
    expect(sizes(found)).toEqual(sizes(local));
    const info = 1;
    const texts = 2 * 2 + 1;
    expect(answered()).toBe(info + texts + 2 * 20);
    expect(bytes()).toBeLessThan(350_000);
    const open = hub.requests.filter(({ host }) => host === "cdn");
    expect(open.every(({ closedEarly }) => !closedEarly)).toBe(true);
  });

  it.each<[string, (files: Files) => void, string, RegExp]>([
    [
      "names a file that is not there",
      (files) => {
        delete files["model-00002-of-00003.safetensors"];
      },
      "EntryNotFound",
      /org\/model lacks 1 of the 3 files/,
    ],
    [
      "places a tensor elsewhere",
      (files) => {
        const index = JSON.parse(files["model.safetensors.index.json"] as string);
        index.weight_map["model.norm.weight"] = "model-00001-of-00003.safetensors";
        files["model.safetensors.index.json"] = JSON.stringify(index);
      },
      "MissingTensor",
      /org\/model\/model-00001-of-00003\.safetensors lacks tensor "model\.norm\.weight"/,
    ],
    [
      "is no index",
      (files) => {
        files["model.safetensors.index.json"] = "[]";
      },
      "InvalidSafetensors",
      /an object of file names/,
    ],
  ])("an index that %s", async (_, damage, code, message) => {
    const files = sharded(2, 3);
    damage(files);
    publish(files);
    await expect(inspect("org/model")).rejects.toThrow(refusal(code, message));
  });

  it("without config.json, or of an architecture that is not known, is counted all the same", async () => {
    const { "config.json": _, ...files } = single(1);
    publish(files, {}, "org/bare");
    const bare = await inspect("org/bare");
    expect(bare).toMatchObject({
      architecture: "unknown",
      supported: false,
      config: undefined,
      contextLength: undefined,
    });
    expect(bare.problem).toMatch(/config\.json beside org\/bare\/model\.safetensors/);
    const config = { model_type: "xlstm", max_position_embeddings: 512 };
    publish({ ...files, "config.json": JSON.stringify(config) }, {}, "org/other");
    const other = await inspect("org/other");
    expect(other).toMatchObject({ architecture: "xlstm", supported: false, contextLength: 512, program: undefined });
    expect(other.problem).toMatch(/cannot run model_type "xlstm".*llama/);
    const weights = Object.values(other.dtypes)[0]! * 4;
    const { available } = other.memory;
    const plan = {
      contextSize: 512,
      weights,
      kvPerToken: 0,
      kvCache: 0,
      states: 0,
      scratch: 0,
      total: weights,
      available,
    };
    expect(other.memory).toEqual(plan);
    expect(other.fits).toBe(weights <= available);
    expect(other.parameters).toBe(bare.parameters);
  });
});

describe("GGUF", () => {
  const fixture = (name: string) => readFileSync(new URL(`fixtures/models/${name}`, import.meta.url));
  const quants = { "m-Q8_0.gguf": fixture("llama-q8_0.gguf"), "m-Q4_0.gguf": fixture("llama-q4_0.gguf") };

  it("of a quant: the facts of that file", async () => {
    publish({ ...quants, "README.md": card, "mmproj-f16.gguf": "x" }, { cardData: { license: "mit" } });
    const found = await inspect("org/model:Q8_0");
    const local = await inspectModel(new URL("fixtures/models/llama-q8_0.gguf", import.meta.url).pathname);
    expect(factsOf(found)).toEqual(factsOf(local));
    expect(found).toMatchObject({ format: "gguf", quant: "Q8_0", choices: [], licence: "mit" });
    expect(found.files).toEqual([{ path: "m-Q8_0.gguf", size: quants["m-Q8_0.gguf"].length }]);
    expect(answered()).toBe(4);
    expect((await inspect("org/model", { quant: "q8_0" })).files).toEqual(found.files);
    expect((await inspect("hf://org/model/m-Q4_0.gguf")).quant).toBe("Q4_0");
    const none = inspect("org/model:Q5_K_M");
    await expect(none).rejects.toThrow(refusal("QuantNotFound", /Q4_0 .*Q8_0 .*name one as "org\/model:Q4_0"/));
  });

  it("of several quants, none named: the facts of a popular one, and all of them", async () => {
    publish({ ...quants, "m-UD-IQ1_S.gguf": fixture("llama-f32.gguf") });
    const found = await inspect("org/model");
    expect(found.quant).toBe("Q4_0");
    expect(found.choices.map(({ quant, file }) => [quant, file])).toEqual([
      ["Q4_0", "m-Q4_0.gguf"],
      ["Q8_0", "m-Q8_0.gguf"],
      ["UD-IQ1_S", "m-UD-IQ1_S.gguf"],
    ]);
    expect(found.choices[1]!.size).toBe(quants["m-Q8_0.gguf"].length);
  });

  it("in parts: the headers of all", async () => {
    const metadata = { "general.architecture": str("llama"), "llama.context_length": u32(32), "split.count": u32(2) };
    const part = (no: number, name: string): GgufFile => ({
      metadata: { ...(no === 0 ? metadata : { "split.count": u32(2) }), "split.no": u32(no) },
      tensors: [{ name, shape: [4, 256], type: 12, data: new Uint8Array(576) }],
    });
    publish({
      "Q4_K_M/m-Q4_K_M-00001-of-00002.gguf": ggufFile(part(0, "token_embd.weight")),
      "Q4_K_M/m-Q4_K_M-00002-of-00002.gguf": ggufFile(part(1, "output.weight")),
    });
    const found = await inspect("org/model");
    expect(found).toMatchObject({ quant: "Q4_K_M", dtypes: { Q4_K: 2048 }, contextLength: 32, supported: false });
    expect(found.memory.weights).toBe(2 * 576);
    expect(found.files.length).toBe(2);
  });

  it("with 262 thousand tokens: the header alone, in pieces", async () => {
    const file = longGguf();
    // Weights behind the header, which nobody needs to see.
    publish({ "long.gguf": Buffer.concat([file, Buffer.alloc(20 * 2 ** 20)]) });
    const found = await inspect("org/model");
    expect(found).toMatchObject({ architecture: "llama", contextLength: 131_072, parameters: 64 * 32 + 7 * 1024 + 96 });
    expect(found.config?.vocab).toBe(64);
    expect(longTokens).toBeGreaterThan(262_000);
    expect(answered()).toBeLessThanOrEqual(10);
    expect(bytes()).toBeLessThan(file.length + 8 * 2 ** 20);
    expect(found.traffic).toEqual({ requests: answered(), bytes: bytes() });
  });
});

describe("what keeps a model from running is said, and the rest shown", () => {
  it("a type of numbers that nothing can run", async () => {
    const { config, shapes } = llama(1);
    const header: Record<string, object> = {};
    let end = 0;
    for (const [name, shape] of Object.entries(shapes)) {
      const start = end;
      end += 8 * shape.reduce((product, size) => product * size, 1);
      header[name] = { dtype: "C64", shape, data_offsets: [start, end] };
    }
    publish({ "config.json": JSON.stringify(config), "model.safetensors": safetensorsFile(header, Buffer.alloc(end)) });
    const found = await inspect("org/model", { contextSize: 10 });
    expect(found).toMatchObject({ supported: false, dtypes: { C64: end / 8 }, config: { layers: 1 } });
    expect(found.problem).toMatch(/has type C64, which cannot be run/);
    expect(found.memory).toMatchObject({ weights: end, kvPerToken: 2 * 8 * 2, kvCache: 320 });
  });

  it("packed weights count as what they hold", async () => {
    const config = { ...llama(1).config, quantization_config: { quant_method: "gptq", bits: 4 } };
    const tensors: [string, string, number[], number][] = [
      ["model.layers.0.mlp.down_proj.qweight", "I32", [4, 16], 4],
      ["model.layers.0.mlp.down_proj.qzeros", "I32", [1, 2], 4],
      ["model.layers.0.mlp.down_proj.scales", "F16", [1, 16], 2],
      ["model.layers.0.mlp.down_proj.g_idx", "I32", [32], 4],
      ["model.norm.weight", "F16", [16], 2],
    ];
    let end = 0;
    const entries = tensors.map(([name, dtype, shape, size]) => {
      const start = end;
      end += size * shape.reduce((product, each) => product * each, 1);
      return [name, { dtype, shape, data_offsets: [start, end] }];
    });
    const weights = safetensorsFile(Object.fromEntries(entries), Buffer.alloc(end));
    publish({ "config.json": JSON.stringify(config), "model.safetensors": weights });
    const found = await inspect("org/model");
    expect(found.dtypes).toEqual({ I32: 32 * 16, F16: 16 });
    expect(found).toMatchObject({ parameters: 528, supported: false });
  });

  it("a dtype newer than this release: what the Hub has read", async () => {
    const header = { "model.norm.weight": { dtype: "F3_NEW", shape: [16], data_offsets: [0, 6] } };
    const files = { "config.json": "{}", "model.safetensors": safetensorsFile(header, Buffer.alloc(6)) };
    publish(files, { config: { model_type: "llama" }, safetensors: { parameters: { F3_NEW: 16 }, total: 16 } });
    const found = await inspect("org/model");
    expect(found).toMatchObject({ architecture: "llama", parameters: 16, dtypes: { F3_NEW: 16 }, supported: false });
    expect(found.problem).toMatch(/dtype "F3_NEW"/);
    expect(found.memory.weights).toBe(found.files[0]!.size);
  });
});

describe("access", () => {
  const told: RepoOptions = { config: { model_type: "llama" }, gated: "manual", granted: ["hf_good"] };

  it("to gated files, without it: what the Hub tells, and where the terms are", async () => {
    publish(single(), { ...told, cardData: { license: "other", license_name: "my-terms" } });
    const found = await inspect("org/model");
    expect(found).toMatchObject({
      gated: "manual",
      architecture: "llama",
      supported: false,
      licence: "my-terms",
      config: undefined,
      summary: undefined,
    });
    expect(found.problem).toMatch(new RegExp(`accept its terms at ${hub.endpoint}/org/model.*what the Hub tells`));
    expect(found.parameters).toBe(Object.values(found.dtypes)[0]);
    expect(found.parameters).toBe((await inspect("org/model", { token: "hf_good" })).parameters);
    expect(found.memory.total).toBe(found.files[0]!.size);
  });

  it("to gated files in several parts, whose index is gated as well", async () => {
    publish(sharded(4, 3), told);
    const found = await inspect("org/model");
    expect(found.files.map(({ path }) => path)).toEqual([1, 2, 3].map((n) => `model-0000${n}-of-00003.safetensors`));
    expect(found.problem).toMatch(/accept its terms/);
    const let_in = await inspect("org/model", { token: "hf_good" });
    expect(let_in).toMatchObject({ gated: "manual", supported: true, problem: undefined });
    expect(let_in.files).toEqual(found.files);
  });

  it("to gated GGUF", async () => {
    const gguf = { architecture: "qwen3", context_length: 4096, total: 1234 };
    publish({ "m-Q8_0.gguf": Buffer.alloc(5000) }, { ...told, gguf });
    const found = await inspect("org/model");
    expect(found).toMatchObject({ architecture: "qwen3", contextLength: 4096, parameters: 1234, dtypes: {} });
    expect(found.memory).toMatchObject({ contextSize: 4096, weights: 5000, total: 5000 });
  });

  it("to private repositories: by the token, which no other host sees", async () => {
    publish(single(1), { private: true });
    await expect(inspect("org/model")).rejects.toThrow(refusal("RepoNotFound", /org\/model/));
    expect(await inspect("org/model", { token: "hf_good" })).toMatchObject({ private: true, supported: true });
    const shown = hub.requests.filter(({ headers }) => headers.authorization !== undefined);
    expect(new Set(shown.map(({ host }) => host))).toEqual(new Set(["hub"]));
  });
});

describe("names and revisions", () => {
  it("a renamed repository is found, and told by its new name", async () => {
    publish(single(1), {}, "org/old").renameTo("org/new");
    const found = await inspect("org/old");
    expect(found).toMatchObject({ name: "org/old", repo: "org/new", supported: true });
    expect(hub.requests.filter(({ url }) => url.includes("org/old")).length).toBe(1);
  });

  it("a branch, a tag, a commit", async () => {
    const repo = publish(single(1));
    const first = repo.head();
    repo.tag("v1");
    repo.commit({ "config.json": JSON.stringify(llama(2).config), "model.safetensors": floatsFile(llama(2).shapes) });
    const layers = async (name: string, options?: InspectOptions) => (await inspect(name, options)).config?.layers;
    expect(await layers("org/model")).toBe(2);
    expect(await layers("org/model@v1")).toBe(1);
    expect(await layers("org/model", { revision: first })).toBe(1);
    expect(await layers("org/model@v1", { revision: "v1" })).toBe(1);
    await expect(layers("org/model@nope")).rejects.toThrow(refusal("RevisionNotFound", /nope/));
    await expect(layers("org/model@v1", { revision: "main" })).rejects.toThrow(
      refusal("InvalidArgument", /one revision/),
    );
  });

  it("what is no model says so", async () => {
    publish({ "pytorch_model.bin": "x", "config.json": "{}" });
    await expect(inspect("org/model")).rejects.toThrow(refusal("NotAModel", /PyTorch/));
    await expect(inspect("org/nothing")).rejects.toThrow(refusal("RepoNotFound", /org\/nothing/));
    await expect(inspect("./no/such/folder")).rejects.toThrow(refusal("FileNotFound", /no\/such/));
  });

  it("options that do not exist, or make no sense", async () => {
    const local = tempFolder(single(1) as Record<string, string | Uint8Array>);
    const wrong: [string, object, string][] = [
      ["org/model", { context: 5 }, "UnknownOption"],
      ["org/model", { contextSize: 0 }, "InvalidArgument"],
      ["org/model", { quant: 4 }, "InvalidArgument"],
      ["org/model:Q4_0", { quant: "Q8_0" }, "InvalidArgument"],
      ["", {}, "InvalidArgument"],
      [local, { quant: "Q8_0" }, "InvalidArgument"],
      [local, { revision: "main" }, "InvalidArgument"],
    ];
    for (const [name, options, code] of wrong) {
      await expect(inspectModel(name, options)).rejects.toThrow(refusal(code, /./));
    }
    await expect(inspect("org/model", { signal: AbortSignal.abort() })).rejects.toThrow(refusal("Aborted", /abort/));
    expect(hub.requests).toEqual([]);
  });
});

describe("the cache", () => {
  const download = (patterns: RegExp) =>
    fetchSnapshot({
      repo: "org/model",
      revision: "main",
      choose: (files) => files.map(({ path }) => path).filter((path) => patterns.test(path)),
      settings: hubSettings({ endpoint: hub.endpoint, cacheDir, token: false, offline: false }, {}),
    });

  it("is read when it has the model: one request more tells what the Hub says", async () => {
    publish(single(), { likes: 5 });
    const remote = await inspect("org/model");
    const { path } = await download(/./);
    hub.requests.length = 0;
    const found = await inspect("org/model");
    expect(found).toEqual({ ...remote, source: "cache", path, traffic: found.traffic, memory: found.memory });
    expect(factsOf(found)).toEqual(factsOf(remote));
    expect(answered()).toBe(1);
    expect(found.traffic).toEqual({ requests: 1, bytes: bytes() });
  });

  it("gives the texts it has, when the weights are not there", async () => {
    publish(single(4));
    await download(/config\.json|README/);
    hub.requests.length = 0;
    expect(await inspect("org/model")).toMatchObject({ source: "hub", supported: true });
    expect(hub.requests.map(({ host }) => host)).toEqual(["hub", "hub", "cdn"]);
  });

  it("is enough offline, without a single request", async () => {
    publish(sharded(4, 3), { cardData: { license: "apache-2.0" } });
    const remote = await inspect("org/model");
    const { path, commit } = await download(/./);
    hub.requests.length = 0;
    const found = await inspect("org/model", { offline: true });
    expect(factsOf(found)).toEqual(factsOf(remote));
    expect(found).toMatchObject({ source: "cache", path, commit, revision: "main", repo: "org/model" });
    expect(found).toMatchObject({ licence: "apache-2.0", gated: undefined, likes: undefined });
    expect(found).toMatchObject({ summary: remote.summary, files: remote.files, totalBytes: remote.totalBytes });
    expect(found.traffic).toEqual({ requests: 0, bytes: 0 });
    expect(hub.requests).toEqual([]);
  });

  it("offline, names what is missing", async () => {
    publish(sharded(4, 3));
    await expect(inspect("org/model", { offline: true })).rejects.toThrow(refusal("Offline", /org\/model/));
    await download(/config|index|00001/);
    const missing = /lacks model-00002-of-00003\.safetensors, model-00003/;
    await expect(inspect("org/model", { offline: true })).rejects.toThrow(refusal("IncompleteSnapshot", missing));
  });

  it("offline, of several quants, shows the one it has", async () => {
    const gguf = readFileSync(new URL("fixtures/models/llama-q8_0.gguf", import.meta.url));
    publish({ "m-Q4_K_M.gguf": Buffer.alloc(9000), "m-Q8_0.gguf": gguf });
    await download(/Q8_0/);
    const found = await inspect("org/model", { offline: true });
    expect(found).toMatchObject({ quant: "Q8_0", source: "cache", architecture: "llama" });
    expect(found.choices.map(({ quant }) => quant)).toEqual(["Q4_K_M", "Q8_0"]);
  });

  it("stands in for a Hub that is gone", async () => {
    publish(single(2));
    await download(/./);
    hub.when({ host: "hub" }, { reset: true });
    expect(await inspect("org/model")).toMatchObject({ source: "cache", supported: true, likes: undefined });
    hub.requests.length = 0;
  });
});

describe("a Hub that lies", () => {
  const single1 = single(1) as Record<string, string | Buffer>;
  const weights = single1["model.safetensors"] as Buffer;
  const withLength = (length: bigint) => {
    const copy = Buffer.from(weights);
    copy.writeBigUInt64LE(length, 0);
    return copy;
  };

  it.each<[string, Buffer, string, RegExp]>([
    ["a header as long as 2^60", withLength(2n ** 60n), "LimitExceeded", /header of org\/model\/model\.safetensors/],
    ["a header longer than the file", withLength(90_000_000n), "Truncated", /has \d+ bytes, expected 90000008/],
    ["a header that ends early", withLength(100n), "InvalidSafetensors", /not JSON/],
    ["no header at all", Buffer.from("<html>"), "Truncated", /has 6 bytes/],
    ["a page instead of weights", Buffer.from(`<!DOCTYPE html>${" ".repeat(500)}`), "LimitExceeded", /not safetensors/],
    ["tensors beyond the end", weights.subarray(0, weights.length - 4), "Truncated", /for its tensors/],
  ])("about %s", async (_, content, code, message) => {
    publish({ ...single1, "model.safetensors": content });
    await expect(inspect("org/model")).rejects.toThrow(refusal(code, message));
    expect(bytes()).toBeLessThan(100_000);
  });

  it("about a header of 90 MB in a file that has them: not over the network", async () => {
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(90_000_000n);
    const folder = tempFolder({ "weights.safetensors": Buffer.concat([start, Buffer.alloc(90_000_000, " ")]) });
    publish({ ...single1, "model.safetensors": { file: join(folder, "weights.safetensors") } });
    await expect(inspect("org/model")).rejects.toThrow(refusal("LimitExceeded", /at most 67108864 bytes/));
    expect(bytes()).toBeLessThan(100_000);
  });

  it("about thousands of files: they are not all asked for", async () => {
    const names = Array.from({ length: 1001 }, (_, i) => `s${i}.safetensors`);
    const index = JSON.stringify({ weight_map: Object.fromEntries(names.map((name) => [name, name])) });
    const files = Object.fromEntries(names.map((name) => [name, weights]));
    publish({ ...files, "config.json": single1["config.json"]!, "model.safetensors.index.json": index });
    await expect(inspect("org/model")).rejects.toThrow(refusal("LimitExceeded", /at most 1000 weight files/));
    expect(hub.requests.filter(({ host }) => host === "cdn")).toEqual([]);
  });

  it("with another file's part", async () => {
    publish(single1);
    hub.when({ host: "cdn" }, { wrongRange: true });
    await expect(inspect("org/model")).rejects.toThrow(refusal("HubFailed", /model\.safetensors of org\/model/));
  });

  it("with a card that cannot be had: there is no summary", async () => {
    publish(single1);
    hub.when({ path: "README" }, { status: 404 });
    expect(await inspect("org/model")).toMatchObject({ summary: undefined, supported: true });
  });
});
