// Folders become the GGUF files that llama.cpp's converter makes of them, to the byte, but for what is listed here.

import { createHash } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readCard } from "../src/convert/card.js";
import { generalEntries } from "../src/convert/general_keys.js";
import { readModelId, sizeLabelOf, titleOf } from "../src/convert/model_id.js";
import { parseGguf } from "../src/formats/gguf.js";
import { rawEntries } from "../src/formats/gguf_raw.js";
import { openModel } from "../src/formats/open.js";
import { quantizeModel } from "../src/quantize.js";
import { codecOf } from "../src/quants/index.js";
import { type ToGgufFiles, tokenizerToGguf } from "../src/tokenizer/to_gguf/index.js";
import { floats, largestDifference, readJson, withRunner } from "./reference/runner.js";
import { tempFolder } from "./reference/temp.js";

type Row = [key: string, types: string, value: unknown];
type TensorRow = [name: string, type: string, shape: number[], sha256: string];

interface ModelCase {
  folder: string;
  called: string;
  files: Record<string, string>;
  out: Record<string, { metadata: Row[]; tensors: TensorRow[] }>;
}

interface Golden {
  models: Record<string, ModelCase>;
  tokenizers: Record<string, { files: Record<string, string>; metadata: Row[] }>;
  general: {
    id: string;
    parameters: number;
    readme: string;
    config: Record<string, unknown>;
    generation: Record<string, unknown>;
    entries: Row[];
  }[];
  ids: [string, number, ...(string | null)[]][];
  sizes: [number, string][];
}

const fixtures = resolve(import.meta.dirname, "fixtures");
const tiny = resolve(import.meta.dirname, "../models/tiny");
const golden: Golden = JSON.parse(gunzipSync(readFileSync(join(fixtures, "convert/converted.json.gz"))).toString());

const sha = (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex").slice(0, 16);

/** Long arrays as make.py writes them. */
function plain(value: unknown): unknown {
  const list = ArrayBuffer.isView(value) ? [...(value as Float32Array)] : value;
  if (!Array.isArray(list) || list.length <= 64) return list;
  const written = (one: unknown) => (typeof one === "number" && Number.isInteger(one) ? `${one}.0` : String(one));
  return { length: list.length, sha256: sha(list.map(written).join("\0")) };
}

const typeNames = "UINT8 INT8 UINT16 INT16 UINT32 INT32 FLOAT32 BOOL STRING ARRAY UINT64 INT64 FLOAT64".split(" ");

/** A file as make.py reads it. */
async function readFile(path: string): Promise<{ metadata: Row[]; tensors: TensorRow[] }> {
  const bytes = readFileSync(path);
  const { metadata, tensors } = parseGguf(bytes, bytes.length, path);
  const read = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const raw = await rawEntries({ path, size: bytes.length, piece: bytes.length, read });
  return {
    metadata: raw.map(({ key, value }) => {
      const view = Buffer.from(value as Uint8Array);
      const type = typeNames[view.readUInt32LE(0)]!;
      return [key, type === "ARRAY" ? `ARRAY/${typeNames[view.readUInt32LE(4)]}` : type, plain(metadata.get(key))];
    }),
    tensors: tensors.map(({ name, quant, shape, offset, byteLength }) => {
      return [name, quant, [...shape], sha(bytes.subarray(offset, offset + byteLength))];
    }),
  };
}

/** A copy of a model's folder under the name it was converted under. */
function folderOf({ folder, called, files }: ModelCase): string {
  const path = join(tempFolder(), called);
  cpSync(folder === "tiny" ? tiny : join(fixtures, "models", folder), path, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

/** What we write and the converter does not: behaviour that would be lost. */
const additions: Record<string, Row[]> = {
  // Windows that llama.cpp does not know of, but our reader does.
  mistral: [["llama.attention.sliding_window", "UINT32", 8]],
  // Its second end token, which no reader would guess by its spelling.
  tiny: [["tokenizer.ggml.eot_token_id", "UINT32", 2]],
};

describe.each(Object.entries(golden.models))("%s", (name, one) => {
  it.each(Object.keys(one.out))("as %s", async (type) => {
    const out = join(tempFolder(), "out.gguf");
    const { bytes } = await quantizeModel(folderOf(one), out, { type });
    const { metadata, tensors } = await readFile(out);
    const added = additions[name] ?? [];
    expect(metadata.filter(([key]) => added.some(([other]) => other === key))).toEqual(added);
    expect(metadata.filter(([key]) => !added.some(([other]) => other === key))).toEqual(one.out[type]!.metadata);
    expect(tensors).toEqual(one.out[type]!.tensors);
    expect(readFileSync(out).length).toBe(bytes);
  });
});

describe("converted models", () => {
  it.each([
    "llama",
    "qwen2",
    "qwen3",
    "llama3-rope",
    "llama-linear-rope",
    "llama-yarn",
    "mistral",
    "llama-bias",
    "llama-f16",
  ])("%s: the logits of transformers, from F32", async (name) => {
    const out = join(tempFolder(), "out.gguf");
    await quantizeModel(folderOf(golden.models[name]!), out, { type: "f32" });
    const { prompt, logits, greedy } = readJson<{ prompt: number[]; logits: string; greedy: number[] }>(
      join(fixtures, "models", name, "golden.json"),
    );
    await withRunner(out, { kvType: "f32" }, async (run) => {
      const rows = Float32Array.from((await run.logits(prompt)).flatMap((row) => [...row]));
      expect(largestDifference(rows, floats(logits))).toBeLessThan(2e-4);
      expect(await run.greedy(prompt, greedy.length)).toEqual(greedy);
    });
  });

  it("keep yarn's own attention factor, which the converter writes under a key that llama.cpp does not read", async () => {
    const folder = folderOf(golden.models["llama-yarn"]!);
    const config = readJson<{ rope_parameters: object }>(join(folder, "config.json"));
    config.rope_parameters = { ...config.rope_parameters, attention_factor: 1.5 };
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    const out = join(tempFolder(), "out.gguf");
    await quantizeModel(folder, out, { type: "f32" });
    const opened = await openModel(out);
    opened.close();
    expect(opened.config.rope.scaling).toMatchObject({ type: "yarn", attentionFactor: expect.closeTo(1.5, 6) });
  });

  it("keep the bytes of tensors that keep their type, and round others as the codecs do", async () => {
    const folder = folderOf(golden.models["llama-f16"]!);
    const out = join(tempFolder(), "out.gguf");
    await quantizeModel(folder, out, { type: "q4_0", tensorTypes: { ".": "Q4_0" } });
    const [before, after] = [await openModel(folder), await openModel(out)];
    try {
      const name = "layers.1.ffn.down";
      const [from, to] = [before.tensors.get(name)!, after.tensors.get(name)!];
      const values = new Float32Array(from.shape[0]! * from.shape[1]!);
      codecOf(from.quant, name).decode(from.file.bytes(from.offset, from.byteLength), values);
      const encoded = new Uint8Array(to.byteLength);
      codecOf("Q4_0", name).encode!(values, encoded);
      expect(Buffer.from(to.file.bytes(to.offset, to.byteLength))).toEqual(Buffer.from(encoded));
    } finally {
      before.close();
      after.close();
    }
  });
});

describe("tokenizers", () => {
  /** On purpose: scores that keep the order of merges, where the converter gives all tokens the same. */
  const different = ["tokenizer.ggml.scores"];
  const extra: Record<string, Row[]> = {
    // llama-bpe adds bos unless told not to, which these do not.
    "rows without tokens": [["tokenizer.ggml.add_bos_token", "BOOL", false]],
    "added tokens of all kinds": [["tokenizer.ggml.add_bos_token", "BOOL", false]],
    "templates with names": [["tokenizer.ggml.add_bos_token", "BOOL", false]],
  };

  it.each(Object.entries(golden.tokenizers))("%s", async (name, { files, metadata }) => {
    const read = (file: string) => JSON.parse(files[file]!);
    const modelConfig = read("config.json");
    const options: ToGgufFiles = {
      config: read("tokenizer_config.json"),
      modelConfig,
      vocab: modelConfig.vocab_size,
      ends: [],
    };
    const entries = await tokenizerToGguf(files["tokenizer.json"]!, options);
    const kind = (type: string) =>
      ({ u32: "UINT32", bool: "BOOL", string: "STRING", i32: "INT32", f32: "FLOAT32" })[type];
    const written = entries.map((entry): Row => {
      return [entry.key, entry.type === "array" ? `ARRAY/${kind(entry.of)}` : kind(entry.type)!, plain(entry.value)];
    });
    const sorted = (rows: Row[]) =>
      rows.filter(([key]) => !different.includes(key)).sort(([a], [b]) => (a < b ? -1 : 1));
    const wanted = metadata.filter(([key]) => !key.startsWith("tokenizer.chat_template"));
    expect(sorted(written)).toEqual(sorted([...wanted, ...(extra[name] ?? [])]));
    expect(written.map(([key]) => key).includes(different[0]!)).toBe(wanted.some(([key]) => key === different[0]));
  });

  it("write templates under their names", async () => {
    const one = golden.models.llama!;
    const { files, metadata } = golden.tokenizers["templates with names"]!;
    const out = join(tempFolder(), "out.gguf");
    const config = files["tokenizer_config.json"]!;
    await quantizeModel(folderOf({ ...one, files: { ...one.files, "tokenizer_config.json": config } }), out, {
      type: "f32",
    });
    const templates = (rows: Row[]) => rows.filter(([key]) => key.startsWith("tokenizer.chat_template"));
    expect(templates((await readFile(out)).metadata)).toEqual(templates(metadata));
  });
});

describe("names and cards", () => {
  it.each(golden.ids)(
    "%s of %i parameters",
    (id, parameters, name, organization, basename, finetune, version, size, title) => {
      const read = readModelId(id, parameters);
      const wanted = { name, organization, basename, finetune, version, sizeLabel: size };
      expect(Object.fromEntries(Object.entries(read).map(([key, value]) => [key, value ?? null]))).toEqual(wanted);
      expect(titleOf(id)).toBe(title);
    },
  );

  it.each(golden.sizes)("%i parameters are %s", (count, label) => expect(sizeLabelOf(count)).toBe(label));

  it.each(golden.general)("the keys of $id", ({ id, parameters, readme, config, generation, entries }) => {
    const written = generalEntries({ id, card: readCard(readme), config, generation, parameters });
    const kinds: Record<string, string> = {
      string: "STRING",
      u32: "UINT32",
      i32: "INT32",
      f32: "FLOAT32",
      array: "ARRAY",
    };
    expect(written.map(({ key, type, value }) => [key, kinds[type], value])).toEqual(entries);
  });

  it("reads the YAML that cards are written in, and leaves the rest", () => {
    const card = readCard(`\uFEFF---
# a remark
license: mit # another
name: "A: quoted # name"
other: 'it is'
tags:
- one

  # between
- "two: 2"
inline: [a, 'b c' , "d"]
empty:
yes-or-no: true
nested:
  key: value
items:
- name: x
  value: y
text: |
  some
  lines
wrong: {a: b}
dashes:
  - x
---
license: not this
`);
    expect(Object.fromEntries(card)).toEqual({
      license: "mit",
      name: "A: quoted # name",
      other: "it is",
      tags: ["one", "two: 2"],
      inline: ["a", "b c", "d"],
      dashes: ["x"],
    });
    expect(readCard("# no front matter\n---\nlicense: mit\n---\n").size).toBe(0);
    expect(readCard("").size).toBe(0);
  });
});
