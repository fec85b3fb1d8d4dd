// openModel: what it finds in folders and files, and that nothing stays mapped when it fails.

import { existsSync, readdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { record } from "../src/architectures/index.js";
import { unpackable } from "../src/formats/checkpoints/index.js";
import { countValues, openModel } from "../src/formats/open.js";
import { bindWeights } from "../src/formats/weights.js";
import { native } from "../src/native.js";
import { tempFolder } from "./reference/temp.js";
import { array, f32, type GgufFile, ggufFile, str, u32 } from "./reference/write_gguf.js";
import { floatsFile, safetensorsFile } from "./reference/write_safetensors.js";

afterEach(() => expect(native().filesMapped()).toBe(0));

const config = {
  model_type: "llama",
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 16,
  num_key_value_heads: 1,
  max_position_embeddings: 32,
  tie_word_embeddings: true,
};

const layer = {
  "model.layers.0.input_layernorm.weight": [8],
  "model.layers.0.self_attn.q_proj.weight": [8, 8],
  "model.layers.0.self_attn.k_proj.weight": [4, 8],
  "model.layers.0.self_attn.v_proj.weight": [4, 8],
  "model.layers.0.self_attn.o_proj.weight": [8, 8],
  "model.layers.0.post_attention_layernorm.weight": [8],
  "model.layers.0.mlp.gate_proj.weight": [12, 8],
  "model.layers.0.mlp.up_proj.weight": [12, 8],
  "model.layers.0.mlp.down_proj.weight": [8, 12],
};
const shapes = { "model.embed_tokens.weight": [16, 8], ...layer, "model.norm.weight": [8] };
const hub = { "config.json": config, "model.safetensors": floatsFile(shapes) };

const gguf: GgufFile = {
  metadata: {
    "general.architecture": str("llama"),
    "general.license": str("mit"),
    "llama.embedding_length": u32(8),
    "llama.feed_forward_length": u32(12),
    "llama.block_count": u32(1),
    "llama.attention.head_count": u32(2),
    "llama.attention.head_count_kv": u32(1),
    "llama.context_length": u32(32),
    "llama.attention.layer_norm_rms_epsilon": f32(1e-5),
    "tokenizer.ggml.tokens": array(
      "string",
      Array.from({ length: 16 }, (_, i) => `t${i}`),
    ),
    "tokenizer.ggml.eos_token_id": u32(2),
    "tokenizer.chat_template": str("plain"),
    "tokenizer.chat_template.tool_use": str("tools"),
  },
  tensors: Object.entries({
    "token_embd.weight": [16, 8],
    "blk.0.attn_norm.weight": [8],
    "blk.0.attn_q.weight": [8, 8],
    "blk.0.attn_k.weight": [4, 8],
    "blk.0.attn_v.weight": [4, 8],
    "blk.0.attn_output.weight": [8, 8],
    "blk.0.ffn_norm.weight": [8],
    "blk.0.ffn_gate.weight": [12, 8],
    "blk.0.ffn_up.weight": [12, 8],
    "blk.0.ffn_down.weight": [8, 12],
    "output_norm.weight": [8],
  }).map(([name, shape]) => ({ name, shape, type: 0, data: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)) })),
};

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: "DeadliftError", code, message: expect.stringMatching(message) });

async function refuses(path: string, code: string, message: RegExp): Promise<void> {
  await expect(openModel(path)).rejects.toThrow(refusal(code, message));
  expect(native().filesMapped()).toBe(0);
}

const floatsOf = (bytes: Uint8Array) => new Float32Array(bytes.slice().buffer);

describe("a folder of safetensors", () => {
  it("opens as named tensors over mapped files", async () => {
    const folder = tempFolder(hub);
    const opened = await openModel(folder);
    expect(native().filesMapped()).toBe(1);
    expect(opened).toMatchObject({
      path: folder,
      format: "safetensors",
      unused: [],
      metadata: undefined,
      tokenizerJson: undefined,
      chatTemplates: [],
      licence: undefined,
    });
    expect(opened.files).toEqual([{ path: join(folder, "model.safetensors"), size: hub["model.safetensors"].length }]);
    expect(bindWeights(record(opened.config), opened.tensors).length).toBe(12);
    expect(opened.tensors.get("output")).toBe(opened.tensors.get("embed"));
    const norm = opened.tensors.get("layers.0.attention.norm")!;
    expect([...floatsOf(norm.file.bytes(norm.offset, norm.byteLength))]).toEqual([
      128, 129, 130, 131, 132, 133, 134, 135,
    ]);
    expect(countValues(opened)).toEqual(new Map([["F32", 16 * 8 + 3 * 8 + 2 * 64 + 2 * 32 + 3 * 96]]));
    opened.close();
    opened.close();
    expect(() => norm.file.bytes(0, 1)).toThrow(refusal("Disposed", /closed/));
  });

  it("opens through links, as in the Hub's cache", async () => {
    const blobs = tempFolder({ b: hub["model.safetensors"], c: JSON.stringify(config) });
    const folder = tempFolder();
    symlinkSync(join(blobs, "b"), join(folder, "model.safetensors"));
    symlinkSync(join(blobs, "c"), join(folder, "config.json"));
    const opened = await openModel(folder);
    expect(opened.files[0]!.path).toBe(join(folder, "model.safetensors"));
    opened.close();
  });

  it("opens by the name of its file, of any name", async () => {
    const folder = tempFolder({
      "config.json": config,
      "other.safetensors": hub["model.safetensors"],
      "adapter_model.safetensors": "",
    });
    for (const path of [folder, join(folder, "other.safetensors")]) (await openModel(path)).close();
  });

  it("takes the embedding from the output, tied by __metadata__ or by configuration", async () => {
    const { "model.embed_tokens.weight": table, ...rest } = shapes;
    const stored = { "lm_head.weight": table, ...rest };
    const tie = { "model.embed_tokens.weight": "lm_head.weight" };
    for (const [metadata, tied] of [
      [tie, false],
      [tie, true],
      [undefined, true],
    ] as const) {
      const opened = await openModel(
        tempFolder({
          "config.json": { ...config, tie_word_embeddings: tied },
          "model.safetensors": floatsFile(stored, metadata),
        }),
      );
      expect(opened.tensors.get("embed")).toBe(opened.tensors.get("output"));
      opened.close();
    }
  });

  it("understands names with other prefixes, and keeps what it does not understand", async () => {
    const renamed = (prefix: string) =>
      Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name.replace("model.", prefix), shape]));
    for (const prefix of ["", "language_model.model.", "model.language_model."]) {
      const more = {
        "model.layers.0.self_attn.rotary_emb.inv_freq": [2],
        "vision_tower.layers.0.self_attn.q_proj.weight": [1],
      };
      const opened = await openModel(
        tempFolder({ ...hub, "model.safetensors": floatsFile({ ...renamed(prefix), ...more }) }),
      );
      expect(opened.tensors.size).toBe(12);
      expect(opened.unused.map(({ name }) => name)).toEqual(Object.keys(more));
      opened.close();
    }
  });

  it("opens beside tensors that are no weights", async () => {
    const header = { "model.position_ids": { dtype: "I64", shape: [2], data_offsets: [0, 16] } };
    const opened = await openModel(
      tempFolder({ ...hub, "model.safetensors": safetensorsFile(header, Buffer.alloc(16)) }),
    );
    expect(countValues(opened)).toEqual(new Map([["I64", 2]]));
    opened.close();
  });

  it("opens with numbers that cannot be run, and names them when a program needs them", async () => {
    const name = "model.embed_tokens.weight";
    const header = { [name]: { dtype: "C64", shape: [2, 4], data_offsets: [0, 64] } };
    const opened = await openModel(
      tempFolder({ ...hub, "model.safetensors": safetensorsFile(header, Buffer.alloc(64)) }),
    );
    expect(countValues(opened).get("C64")).toBe(8);
    const needed = { ...record(opened.config), weights: [{ name: "embed", shape: [2, 4] }] };
    expect(() => bindWeights(needed, opened.tensors)).toThrow(
      refusal("UnsupportedQuant", /"model.embed_tokens.weight" has type C64/),
    );
    opened.close();
  });

  it("refuses rows that are no whole bytes, when a program needs them", async () => {
    const header = { "model.embed_tokens.weight": { dtype: "F4", shape: [2, 3], data_offsets: [0, 3] } };
    const opened = await openModel(
      tempFolder({ ...hub, "model.safetensors": safetensorsFile(header, Buffer.alloc(3)) }),
    );
    const needed = { ...record(opened.config), weights: [{ name: "embed", shape: [2, 3] }] };
    expect(() => bindWeights(needed, opened.tensors)).toThrow(
      refusal(
        "WrongShape",
        /rows of whole blocks of 2 \(F4\) for tensor "model.embed_tokens.weight", received \[2, 3\]/,
      ),
    );
    opened.close();
  });

  it("gives texts, templates, generation defaults and licence", async () => {
    const opened = await openModel(
      tempFolder({
        ...hub,
        "tokenizer.json": '{"model":{}}',
        "tokenizer_config.json": {
          chat_template: [
            { name: "default", template: "old" },
            { name: "rag", template: "rag" },
          ],
        },
        "chat_template.jinja": "new",
        "additional_chat_templates/tool_use.jinja": "tools",
        "generation_config.json": { do_sample: true, temperature: 0.6, eos_token_id: [2, 3] },
        "README.md": "---\nlanguage:\n- en\nlicense: apache-2.0\n---\n# Model",
      }),
    );
    expect(opened).toMatchObject({ tokenizerJson: '{"model":{}}', licence: "apache-2.0" });
    expect(opened.chatTemplates).toEqual([
      { name: "default", template: "new" },
      { name: "tool_use", template: "tools" },
      { name: "rag", template: "rag" },
    ]);
    expect(opened.generation).toEqual({ doSample: true, temperature: 0.6, eos: [2, 3] });
    opened.close();
  });

  it.each([
    ["---\nlicense: other\nlicense_name: my-licence\n---", "my-licence"],
    ["---\r\nlicense:\r\n- mit\r\n---\r\n", "mit"],
    ['---\nlicense: "llama3.1"\n---\n', "llama3.1"],
    ["# No front matter\nlicense: mit\n---", undefined],
    ["---\ntags: []\n---", undefined],
  ])("reads the licence of %j", async (readme, licence) => {
    const opened = await openModel(tempFolder({ ...hub, "README.md": readme }));
    expect(opened.licence).toBe(licence);
    opened.close();
  });
});

describe("safetensors in several files", () => {
  const [first, second] = [Object.entries(shapes).slice(0, 5), Object.entries(shapes).slice(5)].map((part) =>
    Object.fromEntries(part),
  );
  const map = (one: object, file: string) => Object.fromEntries(Object.keys(one).map((name) => [name, file]));
  const weight_map = {
    ...map(first!, "model-00001-of-00002.safetensors"),
    ...map(second!, "model-00002-of-00002.safetensors"),
  };
  const sharded = {
    "config.json": config,
    "model.safetensors.index.json": { metadata: { total_size: 1 }, weight_map },
    "model-00001-of-00002.safetensors": floatsFile(first!),
    "model-00002-of-00002.safetensors": floatsFile(second!),
  };

  it("opens all of them", async () => {
    const folder = tempFolder(sharded);
    for (const path of [folder, join(folder, "model.safetensors.index.json")]) {
      const opened = await openModel(path);
      expect(native().filesMapped()).toBe(2);
      expect(bindWeights(record(opened.config), opened.tensors).length).toBe(12);
      opened.close();
    }
  });

  it("names missing files", async () => {
    const { "model-00002-of-00002.safetensors": _, ...rest } = sharded;
    await refuses(
      tempFolder(rest),
      "FileNotFound",
      /1 of the 2 files .* are missing: model-00002-of-00002.safetensors/,
    );
  });

  it("names a tensor that is not where the index says", async () => {
    const index = { weight_map: { ...weight_map, "model.extra.weight": "model-00001-of-00002.safetensors" } };
    await refuses(
      tempFolder({ ...sharded, "model.safetensors.index.json": index }),
      "MissingTensor",
      /00001-of-00002.safetensors lacks tensor "model.extra.weight"/,
    );
  });

  it("closes the first file when the second is bad", async () => {
    const cut = sharded["model-00002-of-00002.safetensors"].subarray(0, -1);
    await refuses(tempFolder({ ...sharded, "model-00002-of-00002.safetensors": cut }), "Truncated", /00002-of-00002/);
  });

  it.each([
    "../model.safetensors",
    "/etc/passwd",
    "sub/model.safetensors",
    "C:model.safetensors",
    "..\\m.safetensors",
    "config.json",
    "",
    7,
    null,
    "x\0.safetensors",
  ])("refuses an index with file name %j", async (name) => {
    const index = { weight_map: { ...weight_map, "model.norm.weight": name } };
    await refuses(
      tempFolder({ ...sharded, "model.safetensors.index.json": index }),
      "InvalidSafetensors",
      /file name that ends with ".safetensors", without a path/,
    );
  });

  it("refuses an index without a map", async () => {
    for (const index of [{}, { weight_map: {} }, { weight_map: [] }]) {
      await refuses(
        tempFolder({ ...sharded, "model.safetensors.index.json": index }),
        "InvalidSafetensors",
        /weight_map in/,
      );
    }
    await refuses(tempFolder({ ...sharded, "model.safetensors.index.json": "[" }), "InvalidConfig", /not JSON/);
  });

  it("lets the index decide between tensors of one name, and refuses when it does not", async () => {
    const both = floatsFile({ ...second!, "model.norm.weight": [8], "model.layers.0.input_layernorm.weight": [8] });
    const opened = await openModel(tempFolder({ ...sharded, "model-00002-of-00002.safetensors": both }));
    expect(opened.tensors.size).toBe(12);
    opened.close();
    const extra = { "model.extra.weight": [1] };
    await refuses(
      tempFolder({
        ...sharded,
        "model-00001-of-00002.safetensors": floatsFile({ ...first!, ...extra }),
        "model-00002-of-00002.safetensors": floatsFile({ ...second!, ...extra }),
      }),
      "InvalidSafetensors",
      /"model.extra.weight" is in two files/,
    );
  });
});

describe("GGUF", () => {
  it("opens a file, or the folder it is alone in", async () => {
    const folder = tempFolder({ "m.gguf": ggufFile(gguf), "mmproj-m.gguf": "not looked at" });
    for (const path of [folder, join(folder, "m.gguf")]) {
      const opened = await openModel(path);
      expect(opened).toMatchObject({
        format: "gguf",
        licence: "mit",
        generation: { eos: [2] },
        config: { vocab: 16, rope: { layout: "pairs" } },
      });
      expect(opened.chatTemplates).toEqual([
        { name: "default", template: "plain" },
        { name: "tool_use", template: "tools" },
      ]);
      expect(opened.metadata?.get("general.architecture")).toBe("llama");
      expect(bindWeights(record(opened.config), opened.tensors).length).toBe(12);
      expect(opened.tensors.get("output")).toBe(opened.tensors.get("embed"));
      opened.close();
    }
  });

  it("lists several models in a folder", async () => {
    await refuses(
      tempFolder({ "a.gguf": "", "b.gguf": "" }),
      "NotAModel",
      /holds 2 GGUF models, name one of them: a.gguf, b.gguf/,
    );
  });

  const split = (no: number, count: number, tensors: number): GgufFile["metadata"] => ({
    "split.no": { type: "u16", value: no },
    "split.count": { type: "u16", value: count },
    "split.tensors.count": { type: "i32", value: tensors },
  });
  const parts = (count = 2, tensors = 11) => ({
    "m-00001-of-00002.gguf": ggufFile({
      metadata: { ...(gguf.metadata as object), ...split(0, count, tensors) },
      tensors: gguf.tensors!.slice(0, 4),
    }),
    "m-00002-of-00002.gguf": ggufFile({ metadata: split(1, count, tensors)!, tensors: gguf.tensors!.slice(4) }),
  });

  it("opens all parts of a split model, whichever is named", async () => {
    const folder = tempFolder(parts());
    for (const path of [folder, join(folder, "m-00001-of-00002.gguf"), join(folder, "m-00002-of-00002.gguf")]) {
      const opened = await openModel(path);
      expect(opened.files.map((file) => file.path)).toEqual([
        join(folder, "m-00001-of-00002.gguf"),
        join(folder, "m-00002-of-00002.gguf"),
      ]);
      expect(opened.tensors.size).toBe(12);
      opened.close();
    }
  });

  it("refuses parts that are missing, renamed, mixed up or repeated", async () => {
    const { "m-00001-of-00002.gguf": one, "m-00002-of-00002.gguf": two } = parts();
    await refuses(
      tempFolder({ "m-00001-of-00002.gguf": one }),
      "FileNotFound",
      /1 of the 2 files .*missing: m-00002-of-00002.gguf/,
    );
    await refuses(tempFolder({ "m.gguf": one }), "InvalidGguf", /split.count 2, its name says 1/);
    await refuses(
      tempFolder({ "m-00001-of-00002.gguf": two, "m-00002-of-00002.gguf": one }),
      "InvalidGguf",
      /expected 0 as its name says for split.no, received 1/,
    );
    await refuses(tempFolder(parts(3)), "InvalidGguf", /split.count 3, its name says 2/);
    await refuses(
      tempFolder(parts(2, 12)),
      "InvalidGguf",
      /11, the tensors of its parts, for split.tensors.count, received 12/,
    );
    const again = ggufFile({ metadata: split(1, 2, 11)!, tensors: gguf.tensors!.slice(3) });
    await refuses(
      tempFolder({ "m-00001-of-00002.gguf": one, "m-00002-of-00002.gguf": again }),
      "InvalidGguf",
      /is in another part too/,
    );
  });

  it("binds weights of any quant that has whole blocks in a row", async () => {
    const tensors = gguf.tensors!.map((tensor) =>
      tensor.name === "token_embd.weight"
        ? { ...tensor, shape: [16, 256], type: 12, data: new Uint8Array(16 * 144) }
        : tensor,
    );
    const opened = await openModel(join(tempFolder({ "m.gguf": ggufFile({ ...gguf, tensors }) }), "m.gguf"));
    expect(countValues(opened).get("Q4_K")).toBe(4096);
    const needed = { ...record(opened.config), weights: [{ name: "embed", shape: [16, 256] }] };
    expect(
      bindWeights(needed, opened.tensors)
        .flat()
        .map(({ quant }) => quant),
    ).toEqual(["Q4_K"]);
    opened.close();
  });
});

describe("what is no model", () => {
  it("says what was looked for and what is there", async () => {
    await refuses(join(tempFolder(), "none"), "FileNotFound", /no file or folder .*none/);
    await refuses(join(tempFolder({ a: "" }), "a", "b"), "FileNotFound", /no file or folder/);
    await refuses(tempFolder(), "NotAModel", /expected model.safetensors.* or a .gguf file in .*, found nothing/);
    await refuses(
      tempFolder({ "pytorch_model.bin": "" }),
      "NotAModel",
      /found pytorch_model.bin; PyTorch files must be converted/,
    );
    await refuses(
      tempFolder({ "a.safetensors": "", "b.safetensors": "" }),
      "NotAModel",
      /several safetensors files need model.safetensors.index.json/,
    );
    await refuses(tempFolder({ "adapter_config.json": "", "adapter_model.safetensors": "" }), "NotAModel", /adapter/);
    await refuses(
      join(tempFolder({ "m.txt": "" }), "m.txt"),
      "NotAModel",
      /a .gguf or a .safetensors file, received .*m.txt/,
    );
    await refuses(
      tempFolder({ "model.safetensors": hub["model.safetensors"] }),
      "NotAModel",
      /expected config.json beside .*model.safetensors/,
    );
  });

  it("closes what it opened when the configuration is bad", async () => {
    await refuses(tempFolder({ ...hub, "config.json": { ...config, hidden_size: 0 } }), "InvalidConfig", /hidden_size/);
    await refuses(
      tempFolder({ ...hub, "tokenizer_config.json": "{" }),
      "InvalidConfig",
      /tokenizer_config.json is not JSON/,
    );
    await refuses(tempFolder({ ...hub, "generation_config.json": { top_p: 7 } }), "InvalidConfig", /top_p/);
  });

  it("refuses empty files, pointers and texts beyond their limit", async () => {
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 390660192\n";
    await refuses(tempFolder({ ...hub, "model.safetensors": "" }), "Truncated", /model.safetensors is empty/);
    await refuses(
      tempFolder({ ...hub, "model.safetensors": pointer }),
      "LfsPointer",
      /Git LFS pointer.*390660192 bytes.*`git lfs pull`.*download/,
    );
    await refuses(
      tempFolder({ ...hub, "tokenizer.json": pointer }),
      "LfsPointer",
      /tokenizer.json is a Git LFS pointer/,
    );
    await refuses(tempFolder({ "m.gguf": pointer }), "LfsPointer", /m.gguf is/);
    await refuses(
      tempFolder({ ...hub, "config.json": " ".repeat(2 ** 24 + 1) }),
      "LimitExceeded",
      /at most 16777216 bytes for .*config.json/,
    );
    await refuses(
      tempFolder({ "model.safetensors": hub["model.safetensors"], "config.json/x": "" }),
      "FileUnreadable",
      /expected a file at .*config.json/,
    );
  });

  it("refuses two tensors of one meaning", async () => {
    const both = { ...shapes, "norm.weight": [8] };
    await refuses(
      tempFolder({ ...hub, "model.safetensors": floatsFile(both) }),
      "InvalidSafetensors",
      /one tensor for "norm", received "model.norm.weight" and "norm.weight"/,
    );
  });

  it("stops when it is aborted", async () => {
    await expect(openModel(tempFolder(hub), { signal: AbortSignal.abort() })).rejects.toThrow(
      refusal("Aborted", /aborted/),
    );
  });
});

const models = resolve(import.meta.dirname, "fixtures/models");

describe("fixtures with golden logits", () => {
  const names = readdirSync(models, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() || entry.name.endsWith(".gguf"),
  );

  it.each(names.map(({ name }) => name))("%s binds", async (name) => {
    const opened = await openModel(join(models, name));
    const program = record(opened.config);
    expect(bindWeights(program, unpackable(program, opened)).length).toBe(program.weights.length);
    // gpt-oss's safetensors hold its experts otherwise than they are run.
    expect(opened.unused.filter((tensor) => !tensor.name.includes(".mlp.experts."))).toEqual([]);
    opened.close();
  });
});

const weights = resolve(import.meta.dirname, "../../shared/weights");

describe.skipIf(!existsSync(weights))(
  "real files (skipped where the folder shared/weights is not beside the checkout)",
  () => {
    it.each(["stories260K/stories260K.gguf", "stories260K", "tinystories-656k"])("%s binds", async (name) => {
      const opened = await openModel(join(weights, name));
      const program = record(opened.config);
      expect(bindWeights(program, opened.tensors).length).toBe(program.weights.length);
      opened.close();
    });

    it("a vocabulary without weights opens", async () => {
      const opened = await openModel(join(weights, "ggml-vocab/ggml-vocab-llama-spm.gguf"));
      expect(opened).toMatchObject({ config: { vocab: 32000 }, files: [{ size: 723869 }] });
      opened.close();
    });

    it("broken downloads are named as such", async () => {
      await refuses(join(weights, "malformed/git-lfs-pointer.safetensors"), "LfsPointer", /390660192 bytes/);
      await refuses(
        join(weights, "malformed/truncated-all-MiniLM-L6-v2.safetensors"),
        "Truncated",
        /851968 bytes, expected 90868376/,
      );
    });
  },
);
