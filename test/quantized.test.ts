// loadModel(name, { quantize }): made once, mapped afterwards, all but the weights from the original; lists and removal.

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { lock } from "../src/hub/cache/lock.js";
import {
  embeddedModel,
  type LoadOptions,
  type LoadProgress,
  listQuantized,
  loadModel,
  pruneQuantized,
  quantizeModel,
  removeQuantized,
} from "../src/index.js";
import { native } from "../src/native.js";
import { startHub, type TestHub } from "./hub/server.js";
import { largestDifference } from "./reference/runner.js";
import { tempFolder } from "./reference/temp.js";
import { safetensorsFile } from "./reference/write_safetensors.js";

const models = resolve(import.meta.dirname, "fixtures/models");
const greedy = { temperature: 0, maxTokens: 12, stopTokens: [] };

let folder: string;
let cacheDir: string;
let store: string;
beforeEach(() => {
  folder = tempFolder();
  cacheDir = join(folder, "hub");
  store = join(folder, "deadlift", "quantized");
});
afterEach(() => expect(native().filesMapped()).toBe(0));

const copies = () => (existsSync(store) ? readdirSync(store).filter((name) => !name.startsWith(".")) : []);

/** What a load says of itself, and the ids it gives. */
async function load(name: string, options: LoadOptions) {
  const events: LoadProgress[] = [];
  await using model = await loadModel(name, { cacheDir, ...options, onProgress: (event) => events.push(event) });
  const { tokens, text } = await model.generate("Once upon a time", greedy);
  const converted = events.filter(({ stage }) => stage === "quantize");
  return { tokens, text, converted, events, dtypes: model.dtypes, path: model.path, canChat: model.canChat };
}

function copyOfTiny(): string {
  const path = join(folder, "tiny");
  cpSync(embeddedModel, path, { recursive: true });
  return path;
}

/** A safetensors file of some of the tensors of another. */
function part(bytes: Buffer, names: readonly string[]): Buffer {
  const start = 8 + Number(bytes.readBigUInt64LE());
  const stored = JSON.parse(bytes.toString("utf8", 8, start));
  let end = 0;
  const header: Record<string, object> = {};
  const data = names.map((name) => {
    const [from, to] = stored[name].data_offsets as [number, number];
    header[name] = { ...stored[name], data_offsets: [end, end + to - from] };
    end += to - from;
    return bytes.subarray(start + from, start + to);
  });
  return safetensorsFile(header, Buffer.concat(data));
}

describe("the first load converts, the second maps", () => {
  it("and both say what a converted file says", async () => {
    const file = join(folder, "tiny-Q8_0.gguf");
    await quantizeModel(embeddedModel, file, { type: "q8_0" });
    const wanted = await load(file, {});
    const first = await load(embeddedModel, { quantize: "q8_0" });
    const second = await load(embeddedModel, { quantize: "Q8_0" });
    expect(first.tokens).toEqual(wanted.tokens);
    expect(second.tokens).toEqual(wanted.tokens);
    expect(first.dtypes).toEqual(wanted.dtypes);
    expect(first.converted.at(-1)).toMatchObject({ stage: "quantize" });
    expect(second.converted).toEqual([]);
    expect(copies()).toEqual([expect.stringMatching(/^tiny-Q8_0-[0-9a-f]{16}\.gguf$/)]);
  });

  it("with all that the original says besides weights", async () => {
    await using plain = await loadModel(embeddedModel);
    await using model = await loadModel(embeddedModel, { cacheDir, quantize: "q8_0" });
    expect(model.tokenizer.eos).toEqual(plain.tokenizer.eos);
    expect(model.config.tokens).toEqual(plain.config.tokens);
    expect(model.config.contextLength).toBe(plain.config.contextLength);
    expect(model.canChat).toBe(true);
    expect(model.licence).toBe(plain.licence);
    expect(model.path).toBe(embeddedModel);
    expect(model.parameters).toBe(plain.parameters);
    const messages = [{ role: "user", content: "Hello!" }] as const;
    const { usage } = await model.chat(messages, greedy);
    expect(usage.promptTokens).toBe((await plain.chat(messages, greedy)).usage.promptTokens);
  });

  it.each(["llama", "qwen2", "qwen3", "llama3-rope", "llama-yarn", "mistral"])(
    "with the same logits in F32: %s",
    async (name) => {
      const path = join(folder, name);
      cpSync(join(models, name), path, { recursive: true });
      // Without a tokenizer no model loads; this one has too many tokens for these, which the copy need not know.
      for (const file of ["tokenizer.json", "tokenizer_config.json"])
        cpSync(join(embeddedModel, file), join(path, file));
      await using plain = await loadModel(path, { kvType: "f32" });
      await using model = await loadModel(path, { cacheDir, kvType: "f32", quantize: "f32" });
      expect(Object.keys(model.dtypes)).toEqual(["F32"]);
      const prompt = Array.from({ length: 20 }, (_, i) => 3 + ((i * 37) % 120));
      const [wanted, received] = [await plain.logits(prompt), await model.logits(prompt)];
      for (const [i, row] of wanted.entries()) expect(largestDifference(received[i]!, row)).toBeLessThan(1e-4);
    },
  );

  it("also for GGUF", async () => {
    await using model = await loadModel(join(models, "qwen2-f32.gguf"), { cacheDir, quantize: "q8_0" });
    expect(Object.keys(model.dtypes).sort()).toEqual(["F32", "Q8_0"]);
  });

  it("once, when several ask at the same time", async () => {
    const results = await Promise.all([1, 2, 3].map(() => load(embeddedModel, { quantize: "q8_0" })));
    expect(results.filter(({ converted }) => converted.length > 0)).toHaveLength(1);
    expect(copies()).toHaveLength(1);
    for (const { tokens } of results) expect(tokens).toEqual(results[0]!.tokens);
  });

  it("into a copy for each type", async () => {
    await load(embeddedModel, { quantize: "q8_0" });
    await load(embeddedModel, { quantize: "f16" });
    expect(copies().sort()).toEqual([expect.stringMatching(/^tiny-F16-/), expect.stringMatching(/^tiny-Q8_0-/)]);
  });

  it("but not for weights that are of that type already", async () => {
    const { converted, dtypes } = await load(embeddedModel, { quantize: "bf16" });
    expect(converted).toEqual([]);
    expect(Object.keys(dtypes)).toEqual(["BF16"]);
    await load(join(models, "llama-q8_0.gguf"), { quantize: "q8_0" });
    expect(copies()).toEqual([]);
  });

  it("again when the model has changed", async () => {
    const path = copyOfTiny();
    await load(path, { quantize: "q8_0" });
    expect((await load(path, { quantize: "q8_0" })).converted).toEqual([]);
    utimesSync(join(path, "model.safetensors"), new Date(), new Date(0));
    expect((await load(path, { quantize: "q8_0" })).converted).not.toEqual([]);
    const config = join(path, "config.json");
    writeFileSync(config, readFileSync(config, "utf8").replace('"rope_theta": 10000.0', '"rope_theta": 10001.0'));
    expect((await load(path, { quantize: "q8_0" })).converted).not.toEqual([]);
    expect(copies()).toHaveLength(3);
  });

  it("again when any of its files has, or the index of them", async () => {
    const path = copyOfTiny();
    const bytes = readFileSync(join(path, "model.safetensors"));
    const { __metadata__: _, ...header } = JSON.parse(bytes.toString("utf8", 8, 8 + Number(bytes.readBigUInt64LE())));
    const names = Object.keys(header);
    // The second file has tensors of its own and, for the index to choose from, one of the first.
    const files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    writeFileSync(join(path, files[0]!), part(bytes, names.slice(0, 10)));
    writeFileSync(join(path, files[1]!), part(bytes, names.slice(9)));
    rmSync(join(path, "model.safetensors"));
    const index = (first: number) => {
      const places = names.map((name, i) => [name, files[i < first ? 0 : 1]!]);
      writeFileSync(
        join(path, "model.safetensors.index.json"),
        JSON.stringify({ weight_map: Object.fromEntries(places) }),
      );
    };
    index(10);
    const { tokens } = await load(path, { quantize: "q8_0" });
    expect((await load(path, { quantize: "q8_0" })).converted).toEqual([]);
    const changes = [
      ...files.map((file) => () => utimesSync(join(path, file), new Date(), new Date(0))),
      () => index(9),
    ];
    for (const change of changes) {
      change();
      const again = await load(path, { quantize: "q8_0" });
      expect(again.converted).not.toEqual([]);
      expect(again.tokens).toEqual(tokens);
    }
    expect(copies()).toHaveLength(4);
  });

  it.each([
    ["cut off", (path: string) => truncateSync(path, 100_000)],
    ["overwritten", (path: string) => writeFileSync(path, "something else")],
  ])("again when the copy was %s", async (_, damage) => {
    const { tokens } = await load(embeddedModel, { quantize: "q8_0" });
    damage(join(store, copies()[0]!));
    const again = await load(embeddedModel, { quantize: "q8_0" });
    expect(again.converted).not.toEqual([]);
    expect(again.tokens).toEqual(tokens);
  });
});

describe("a repository of the Hub", () => {
  let hub: TestHub;
  beforeAll(async () => {
    hub = await startHub();
    const files = readdirSync(embeddedModel).filter((name) => name !== "README.md");
    hub
      .repo("deadlift/tiny")
      .commit(Object.fromEntries(files.map((name) => [name, { file: join(embeddedModel, name) }])));
  });
  afterAll(() => hub.close());

  it("is known by its content, whenever and wherever it was downloaded", async () => {
    const options = { endpoint: hub.endpoint, token: false as const, quantize: "q8_0" };
    const first = await load("deadlift/tiny", options);
    expect(first.converted).not.toEqual([]);
    expect(copies()).toEqual([expect.stringMatching(/^deadlift--tiny-Q8_0-/)]);
    const blobs = join(cacheDir, "models--deadlift--tiny", "blobs");
    for (const name of readdirSync(blobs)) utimesSync(join(blobs, name), new Date(), new Date(0));
    expect((await load("deadlift/tiny", { ...options, offline: true })).converted).toEqual([]);
    const [model] = (await listQuantized({ cacheDir })).models;
    expect(model).toMatchObject({ model: "deadlift/tiny", type: "Q8_0", orphaned: false });
  });

  it("gives quantised files its name", async () => {
    const out = join(folder, "out.gguf");
    const options = { endpoint: hub.endpoint, token: false as const, cacheDir, type: "q8_0" };
    const stages = new Set<string>();
    await quantizeModel("deadlift/tiny", out, { ...options, onProgress: ({ stage }) => stages.add(stage) });
    expect([...stages]).toEqual(expect.arrayContaining(["download", "quantize"]));
    expect(readFileSync(out).includes("Deadlift")).toBe(true);
  });
});

describe("what cannot be", () => {
  const failure = (options: LoadOptions, name = embeddedModel) =>
    loadModel(name, { cacheDir, ...options }).then(
      () => "it did not fail",
      ({ code, message }) => ({ code, message }),
    );

  it("is said before anything is opened", async () => {
    const wrong = { code: "InvalidArgument", message: expect.stringMatching(/expected one of F32.*"q7"/) };
    expect(await failure({ quantize: "q7" })).toMatchObject(wrong);
    expect(await failure({ quantize: "q7" }, "./nowhere")).toMatchObject(wrong);
  });

  it("is a second quantisation", async () => {
    const refusal = { code: "UnsupportedQuant", message: expect.stringMatching(/original model/) };
    expect(await failure({ quantize: "q4_0" }, join(models, "llama-q8_0.gguf"))).toMatchObject(refusal);
    expect(copies()).toEqual([]);
  });

  it("leaves nothing when it is aborted, and no lock", async () => {
    const controller = new AbortController();
    const onProgress = ({ stage }: LoadProgress) => stage === "quantize" && controller.abort();
    expect(await failure({ quantize: "q8_0", signal: controller.signal, onProgress })).toMatchObject({
      code: "Aborted",
    });
    expect(readdirSync(store)).toEqual([".locks"]);
    expect((await load(embeddedModel, { quantize: "q8_0" })).converted).not.toEqual([]);
  });

  it("is a place for copies that is none", async () => {
    mkdirSync(dirname(store), { recursive: true });
    writeFileSync(store, "a file");
    expect(await failure({ quantize: "q8_0" })).toMatchObject({ code: "FileUnwritable" });
  });
});

describe("copies", () => {
  const bytes = () => copies().map((name) => readFileSync(join(store, name)).length);

  it("are listed with what they were made of", async () => {
    expect(await listQuantized({ cacheDir })).toEqual({ path: store, models: [], sizeOnDisk: 0, incomplete: [] });
    await load(embeddedModel, { quantize: "q8_0" });
    const { models, sizeOnDisk, path } = await listQuantized({ cacheDir });
    expect(path).toBe(store);
    expect(models).toEqual([
      {
        path: join(store, copies()[0]!),
        model: embeddedModel,
        type: "Q8_0",
        size: bytes()[0],
        lastAccessed: expect.closeTo(Date.now(), -5),
        lastModified: expect.closeTo(Date.now(), -5),
        orphaned: false,
      },
    ]);
    expect(sizeOnDisk).toBe(bytes()[0]);
  });

  it("note that they were used", async () => {
    await load(embeddedModel, { quantize: "q8_0" });
    utimesSync(join(store, copies()[0]!), new Date(0), new Date(1000));
    await load(embeddedModel, { quantize: "q8_0" });
    const [copy] = (await listQuantized({ cacheDir })).models;
    expect(copy!.lastAccessed).toBeGreaterThan(1e12);
    expect(copy!.lastModified).toBe(1000);
  });

  it.each([
    ["model", () => embeddedModel, 2],
    ["model and type", () => `${embeddedModel}:q8_0`, 1],
    ["path", () => join(store, copies().find((name) => name.includes("Q8_0"))!), 1],
    ["file name", () => copies().find((name) => name.includes("F16"))!, 1],
  ])("are removed by %s", async (_, name, count) => {
    await load(embeddedModel, { quantize: "q8_0" });
    await load(embeddedModel, { quantize: "f16" });
    const size = bytes().reduce((a, b) => a + b);
    const plan = await removeQuantized([name()], { cacheDir, dryRun: true });
    expect(plan).toMatchObject({ dryRun: true, kept: [] });
    expect(plan.removed).toHaveLength(count);
    expect(copies()).toHaveLength(2);
    const done = await removeQuantized([name()], { cacheDir });
    expect(done).toEqual({ ...plan, dryRun: false });
    expect(copies()).toHaveLength(2 - count);
    expect(done.freedBytes).toBe(size - bytes().reduce((a, b) => a + b, 0));
  });

  it("of names that none has cannot be removed", async () => {
    await load(embeddedModel, { quantize: "q8_0" });
    for (const name of ["org/other", `${embeddedModel}:f16`, "tiny"]) {
      const refusal = { code: "FileNotFound", message: expect.stringMatching(/no quantised copy/) };
      await expect(removeQuantized([embeddedModel, name], { cacheDir }), name).rejects.toMatchObject(refusal);
    }
    expect(copies()).toHaveLength(1);
  });

  it("without an original go when the cache is pruned, as do leftovers", async () => {
    const path = copyOfTiny();
    await load(path, { quantize: "q8_0" });
    await load(embeddedModel, { quantize: "q8_0" });
    const leftover = join(store, `.${copies()[0]}.0123456789ab.incomplete`);
    writeFileSync(leftover, "half");
    expect((await listQuantized({ cacheDir })).incomplete).toEqual([{ path: leftover, size: 4 }]);
    expect((await pruneQuantized({ cacheDir, dryRun: true })).removed.map(({ path }) => path)).toEqual([leftover]);
    rmSync(path, { recursive: true });
    const { sizeOnDisk } = await listQuantized({ cacheDir });
    const { removed, freedBytes } = await pruneQuantized({ cacheDir });
    expect(removed).toHaveLength(2);
    expect(freedBytes).toBe(sizeOnDisk - bytes()[0]!);
    expect((await listQuantized({ cacheDir })).models.map(({ model }) => model)).toEqual([embeddedModel]);
    expect(existsSync(leftover)).toBe(false);
  });

  it("that cannot be read count as without an original", async () => {
    mkdirSync(store, { recursive: true });
    writeFileSync(join(store, "broken.gguf"), "no");
    expect((await listQuantized({ cacheDir })).models).toMatchObject([{ model: "broken.gguf", orphaned: true }]);
    expect((await pruneQuantized({ cacheDir })).removed).toHaveLength(1);
  });

  it("that are being written stay", async () => {
    await load(embeddedModel, { quantize: "q8_0" });
    const [name] = copies();
    const leftover = `.${name}.0123456789ab.incomplete`;
    writeFileSync(join(store, leftover), "half");
    const held = await lock(join(store, ".locks", `${name}.lock`));
    const busy = { reason: "another process is writing it" };
    expect((await removeQuantized([embeddedModel], { cacheDir })).kept).toMatchObject([busy]);
    expect((await pruneQuantized({ cacheDir })).kept).toMatchObject([busy]);
    expect(copies()).toEqual([name]);
    held?.release();
    expect((await pruneQuantized({ cacheDir })).removed).toHaveLength(1);
  });

  it("take no unknown options", async () => {
    const unknown = { code: "UnknownOption" };
    await expect(listQuantized({ cacheDirs: "x" } as object)).rejects.toMatchObject(unknown);
    await expect(removeQuantized([], { dry: true } as object)).rejects.toMatchObject(unknown);
    await expect(pruneQuantized({ dryRun: 1 } as object)).rejects.toMatchObject({ code: "InvalidArgument" });
  });
});
