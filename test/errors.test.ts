// Bad input: each gives one clear error with a code, the process lives, and nothing stays mapped.

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { record } from "../src/architectures/index.js";
import { CpuBackend } from "../src/backends/cpu.js";
import { openModel } from "../src/formats/open.js";
import { bindWeights } from "../src/formats/weights.js";
import { DeadliftError, embeddedModel, inspectModel, loadModel, loadTokenizer, type Model } from "../src/index.js";
import { native } from "../src/native.js";

const malformed = resolve(import.meta.dirname, "../../shared/weights/malformed");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "deadlift-errors-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => expect(native().filesMapped()).toBe(0));

/** A copy of the embedded model with something changed. */
function damaged(name: string, damage: (folder: string) => void): string {
  const copy = join(folder, name);
  cpSync(embeddedModel, copy, { recursive: true });
  damage(copy);
  return copy;
}

function editJson(path: string, edit: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(readFileSync(path, "utf8"));
  edit(json);
  writeFileSync(path, JSON.stringify(json));
}

/** Rewrites the header of a safetensors file, keeping its length by padding. */
function editHeader(path: string, edit: (header: Record<string, { shape: number[] }>) => void): void {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length));
  edit(header);
  bytes.write(JSON.stringify(header).padEnd(length), 8);
  writeFileSync(path, bytes);
}

async function failure(promise: Promise<unknown>): Promise<DeadliftError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (error) => error,
  );
  expect(error).toBeInstanceOf(DeadliftError);
  expect(error.message).toMatch(/^[^\n]{10,600}$/);
  return error;
}

const files: [what: string, make: () => string, code: string, says: RegExp][] = [
  ["a missing file", () => join(folder, "nowhere.gguf"), "FileNotFound", /nowhere\.gguf/],
  ["a missing folder", () => "./org/model", "FileNotFound", /org\/model/],
  ["a folder without a model", () => folder, "NotAModel", /model\.safetensors/],
  [
    "a file of another kind",
    () => {
      writeFileSync(join(folder, "notes.txt"), "hello");
      return join(folder, "notes.txt");
    },
    "NotAModel",
    /\.gguf/,
  ],
  [
    "an unsupported architecture",
    () =>
      damaged("architecture", (at) =>
        editJson(join(at, "config.json"), (c) => Object.assign(c, { model_type: "xlstm", architectures: ["xLSTM"] })),
      ),
    "UnsupportedArchitecture",
    /xlstm.*llama.*qwen2.*qwen3/i,
  ],
  [
    "a truncated file",
    () => damaged("truncated", (at) => truncateSync(join(at, "model.safetensors"), 1_000_000)),
    "Truncated",
    /1000000|1,000,000/,
  ],
  [
    "an LFS pointer",
    () =>
      damaged("lfs", (at) =>
        writeFileSync(
          join(at, "model.safetensors"),
          `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 123456\n`,
        ),
      ),
    "LfsPointer",
    /lfs/i,
  ],
  [
    "a missing tensor",
    () =>
      damaged("missing", (at) =>
        editHeader(join(at, "model.safetensors"), (header) => {
          header["model.layers.1.mlp.up_proj.weighX"] = header["model.layers.1.mlp.up_proj.weight"]!;
          delete header["model.layers.1.mlp.up_proj.weight"];
        }),
      ),
    "MissingTensor",
    /layers\.1\.ffn\.up/,
  ],
  [
    "a wrong shape",
    () =>
      damaged("shape", (at) =>
        editHeader(join(at, "model.safetensors"), (header) => {
          header["model.layers.0.mlp.up_proj.weight"]!.shape.reverse();
        }),
      ),
    "WrongShape",
    /\[768, 256\].*\[256, 768\]/,
  ],
  [
    "a configuration that contradicts itself",
    () =>
      damaged("config", (at) => editJson(join(at, "config.json"), (c) => Object.assign(c, { num_attention_heads: 3 }))),
    "InvalidConfig",
    /head/,
  ],
  [
    "a config.json that is no JSON",
    () => damaged("json", (at) => writeFileSync(join(at, "config.json"), "{")),
    "InvalidConfig",
    /JSON/,
  ],
  [
    "a missing tokenizer",
    () => damaged("tokenizer", (at) => rmSync(join(at, "tokenizer.json"))),
    "InvalidTokenizer",
    /tokenizer\.json/,
  ],
  [
    "a broken template",
    () => damaged("template", (at) => writeFileSync(join(at, "chat_template.jinja"), "{% for %}")),
    "InvalidTemplate",
    /line/,
  ],
];

describe("loadModel", () => {
  it.each(files)("%s", async (_, make, code, says) => {
    const error = await failure(loadModel(make()));
    expect(error.message).toMatch(says);
    expect(error.code).toBe(code);
  });

  it.skipIf(!existsSync(malformed))("real broken files (../shared/weights/malformed)", async () => {
    expect((await failure(loadModel(join(malformed, "git-lfs-pointer.safetensors")))).code).toBe("LfsPointer");
    expect((await failure(loadModel(join(malformed, "truncated-all-MiniLM-L6-v2.safetensors")))).code).toBe(
      "Truncated",
    );
  });

  it("options that do not exist, or make no sense", async () => {
    const load = (options: object) => failure(loadModel(embeddedModel, options));
    expect(await load({ thread: 2 })).toMatchObject({
      code: "UnknownOption",
      message: expect.stringMatching(/did you mean "threads"/),
    });
    expect(await load({ gpuLayers: 2 })).toMatchObject({
      code: "UnknownOption",
      message: expect.stringMatching(/known: /),
    });
    expect(await load({ threads: 0 })).toMatchObject({
      code: "InvalidArgument",
      message: expect.stringMatching(/threads, received 0/),
    });
    expect(await load({ device: "tpu" })).toMatchObject({
      code: "InvalidArgument",
      message: expect.stringMatching(/auto, cpu/),
    });
    expect(await load({ isa: "mmx" })).toMatchObject({
      code: "InvalidArgument",
      message: expect.stringMatching(/scalar/),
    });
    expect(await load({ contextSize: 1.5 })).toMatchObject({ code: "InvalidArgument" });
    expect(await load({ signal: AbortSignal.abort() })).toMatchObject({ code: "Aborted" });
    expect((await failure(loadModel(undefined as unknown as string))).code).toBe("InvalidArgument");
  });

  it("inspectModel and loadTokenizer fail the same way", async () => {
    expect((await failure(inspectModel("./nowhere"))).code).toBe("FileNotFound");
    expect((await failure(loadTokenizer("./nowhere"))).code).toBe("FileNotFound");
    expect((await failure(inspectModel(embeddedModel, { context: 5 } as object))).code).toBe("UnknownOption");
  });
});

it("memory that cannot be had is an error, and the process lives", async () => {
  const opened = await openModel(embeddedModel);
  const program = record(opened.config);
  const backend = new CpuBackend();
  const options = { pages: 2 ** 31 - 1, pageTokens: 64, maxTokens: 8, maxOutputs: 1, kvType: "f32" } as const;
  const error = await failure(backend.compile(program, bindWeights(program, opened.tensors), options));
  expect(error.code).toBe("OutOfMemory");
  await backend.dispose();
  opened.close();
});

describe("generate and chat", () => {
  let model: Model;
  const using = async (work: () => Promise<void>) => {
    model = await loadModel(embeddedModel, { contextSize: 64 });
    try {
      await work();
    } finally {
      await model.dispose();
    }
  };
  const sync = (work: () => unknown): DeadliftError => {
    try {
      work();
    } catch (error) {
      return error as DeadliftError;
    }
    throw new Error("it did not fail");
  };

  it("unknown and impossible options", () =>
    using(async () => {
      expect(sync(() => model.generate("x", { temprature: 1 } as object))).toMatchObject({
        code: "UnknownOption",
        message: expect.stringMatching(/did you mean "temperature"/),
      });
      expect(sync(() => model.generate("x", { tools: [] } as object)).code).toBe("UnknownOption");
      expect(sync(() => model.generate("x", { maxTokens: 0 })).code).toBe("InvalidArgument");
      expect(sync(() => model.generate("x", { stop: "" })).code).toBe("InvalidArgument");
      expect((await failure(model.generate("x", { topP: 2 }).then())).code).toBe("InvalidArgument");
      expect((await failure(model.generate("x", { seed: -1 }).then())).code).toBe("InvalidArgument");
    }));

  it("a prompt that does not fit names both counts, and one token less fits", () =>
    using(async () => {
      const error = await failure(model.generate(Array(64).fill(100), {}).then());
      expect(error).toMatchObject({ code: "ContextOverflow", message: expect.stringMatching(/64 tokens.*holds 64/) });
      const result = await model.generate(Array(63).fill(100), { stopTokens: [] });
      expect(result).toMatchObject({ finishReason: "length", usage: { completionTokens: 1 } });
      expect((await failure(model.chat([{ role: "user", content: "word ".repeat(200) }]).then())).code).toBe(
        "ContextOverflow",
      );
    }));

  it("token ids outside the vocabulary, an empty prompt, messages that are none", () =>
    using(async () => {
      expect((await failure(model.generate([5, 99_999]).then())).message).toMatch(/0 to 2047.*99999/);
      expect((await failure(model.generate([-1]).then())).code).toBe("InvalidArgument");
      expect((await failure(model.generate([]).then())).code).toBe("InvalidArgument");
      expect((await failure(model.logits([5, 99_999]))).message).toMatch(/0 to 2047.*99999/);
      expect((await failure(model.logits(Array(70).fill(5)))).code).toBe("ContextOverflow");
      expect(await model.logits([5, 6])).toHaveLength(2);
      expect((await failure(model.chat([{ role: "user" }] as never).then())).code).toBe("InvalidArgument");
    }));

  it("a disposed model", async () => {
    await using(async () => {});
    expect(sync(() => model.generate("x")).code).toBe("Disposed");
    await model.dispose();
  });
});
