// quantizeModel(): the files that llama.cpp's library writes, to the byte where nothing is searched for; what it refuses,
// and that nothing stays behind.

import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { encodable } from "../src/convert/encoder.js";
import { importanceOf, readImportance } from "../src/convert/importance.js";
import { parseGguf } from "../src/formats/gguf.js";
import type { TensorInfo } from "../src/formats/sizes.js";
import {
  DeadliftError,
  embeddedModel,
  type QuantizeOptions,
  type QuantizeProgress,
  quantizeModel,
} from "../src/index.js";
import { native } from "../src/native.js";
import { fileTypeNames, fileTypeOf } from "../src/quants/file_types.js";
import { codecOf, type QuantName } from "../src/quants/index.js";
import { readJson } from "./reference/runner.js";
import { tempFolder } from "./reference/temp.js";
import { array, type GgufTensor, ggufFile, str, u32 } from "./reference/write_gguf.js";
import { floatsFile } from "./reference/write_safetensors.js";

const models = resolve(import.meta.dirname, "fixtures/models");
const fixture = (name: string) => join(models, name);

interface Golden {
  model: string;
  type: string;
  tensorTypes: Record<string, string>;
  again: boolean;
  types: QuantName[];
  bytes: number;
  /** So many bytes from the start are hashed: all, or those before the data of tensors. */
  hashed: number;
  sha256: string;
  /** Sums of the squared errors of types whose encoders search. */
  errors?: Record<string, number>;
}

const golden = readJson<Golden[]>(resolve(import.meta.dirname, "fixtures/convert/quantized.json"));
const sha256 = (path: string, bytes = Number.POSITIVE_INFINITY) =>
  createHash("sha256").update(readFileSync(path).subarray(0, bytes)).digest("hex");
const header = (path: string) => parseGguf(readFileSync(path), statSync(path).size, path);

afterEach(() => expect(native().filesMapped()).toBe(0));

async function failure(promise: Promise<unknown>): Promise<DeadliftError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (error) => error,
  );
  expect(error).toBeInstanceOf(DeadliftError);
  expect(error.message).toMatch(/^[^\n]{10,600}$/);
  return error;
}

/** Of all tensors of a type in a file, compared with those of its source. */
function squaredError(quant: string, path: string, source: string): number {
  const [ours, theirs] = [readFileSync(path), readFileSync(source)];
  const originals = new Map(header(source).tensors.map((tensor) => [tensor.name, tensor]));
  let error = 0;
  for (const tensor of header(path).tensors.filter((tensor) => tensor.quant === quant)) {
    const [values, wanted] = [decoded(tensor, ours), decoded(originals.get(tensor.name)!, theirs)];
    values.forEach((value, i) => {
      error += (value - wanted[i]!) ** 2;
    });
  }
  return error;
}

function decoded({ name, quant, shape, offset, byteLength }: TensorInfo, file: Buffer): Float32Array {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  codecOf(quant, name).decode(file.subarray(offset, offset + byteLength), values);
  return values;
}

describe("GGUF files", () => {
  it.for(golden)("$model as $type $tensorTypes", async (row, { skip }) => {
    const { model, type, tensorTypes, again, types, bytes, hashed, sha256: wanted } = row;
    const missing = types.filter((name) => !encodable().includes(name));
    skip(missing.length > 0, `${missing} cannot be written yet`);
    const folder = tempFolder();
    const [source, out] = [join(folder, "tiny.gguf"), join(folder, "out.gguf")];
    if (model === "tiny") await quantizeModel(embeddedModel, source, { type: "bf16" });
    const path = model === "tiny" ? source : fixture(`${model}.gguf`);
    const result = await quantizeModel(path, out, { type, tensorTypes, allowRequantize: again });
    expect(result.bytes).toBe(bytes);
    expect(Object.keys(result.types).sort()).toEqual(types);
    expect(sha256(out, hashed)).toBe(wanted);
    for (const [quant, error] of Object.entries(row.errors ?? {})) {
      expect(squaredError(quant, out, path), quant).toBeLessThanOrEqual(1.01 * error);
    }
  });

  it("in parts become one file, as if they had never been parts", async () => {
    const folder = tempFolder();
    const { metadata, tensors } = sample();
    const whole = join(folder, "whole.gguf");
    writeFileSync(whole, ggufFile({ metadata, tensors }));
    const parts = [tensors.slice(0, 2), tensors.slice(2)];
    for (const [i, part] of parts.entries()) {
      const split = { "split.no": u32(i), "split.count": u32(2), "split.tensors.count": u32(tensors.length) };
      const file = ggufFile({ metadata: { ...(i === 0 && metadata), ...split }, tensors: part });
      writeFileSync(join(folder, `parts-0000${i + 1}-of-00002.gguf`), file);
    }
    await quantizeModel(whole, join(folder, "a.gguf"), { type: "q8_0" });
    await quantizeModel(join(folder, "parts-00001-of-00002.gguf"), join(folder, "b.gguf"), { type: "q8_0" });
    expect(sha256(join(folder, "b.gguf"))).toBe(sha256(join(folder, "a.gguf")));
  });

  it("of models that cannot run here can be quantised", async () => {
    const folder = tempFolder();
    const { tensors } = sample();
    const metadata = { "general.architecture": str("newer"), "newer.block_count": u32(1), any: array("string", ["x"]) };
    writeFileSync(join(folder, "in.gguf"), ggufFile({ metadata, tensors }));
    const out = join(folder, "out.gguf");
    const { types } = await quantizeModel(join(folder, "in.gguf"), out, { type: "bf16" });
    expect(types).toEqual({ BF16: 64 * 32 + 2 * 32 * 32, F32: 32 });
    expect([...header(out).metadata.keys()]).toEqual([
      "general.architecture",
      "newer.block_count",
      "any",
      "general.quantization_version",
      "general.file_type",
    ]);
  });

  it("keep an alignment of their own", async () => {
    const folder = tempFolder();
    const { metadata, tensors } = sample();
    const aligned = { ...metadata, "general.alignment": u32(256) };
    writeFileSync(join(folder, "in.gguf"), ggufFile({ metadata: aligned, tensors, alignment: 256 }));
    const out = join(folder, "out.gguf");
    await quantizeModel(join(folder, "in.gguf"), out, { type: "f16" });
    const { tensors: written, metadata: after } = header(out);
    expect(after.get("general.alignment")).toBe(256);
    expect(written.map(({ offset }) => offset % 256)).toEqual(written.map(() => 0));
  });
});

/** A model of one layer, as far as a quantisation cares. */
function sample() {
  const floats = (name: string, ...shape: number[]): GgufTensor => {
    const count = shape.reduce((a, b) => a * b, 1);
    return {
      name,
      shape,
      type: 0,
      data: new Uint8Array(Float32Array.from({ length: count }, (_, i) => Math.sin(i)).buffer),
    };
  };
  const metadata = {
    "general.architecture": str("llama"),
    "llama.block_count": u32(1),
    "llama.attention.head_count": u32(1),
  };
  const tensors = [
    floats("token_embd.weight", 64, 32),
    floats("blk.0.attn_norm.weight", 32),
    floats("blk.0.attn_v.weight", 32, 32),
    floats("blk.0.ffn_down.weight", 32, 32),
  ];
  return { metadata, tensors };
}

describe("progress and abort", () => {
  it("counts the bytes of the file up to its size", async () => {
    const events: QuantizeProgress[] = [];
    const onProgress = (event: QuantizeProgress) => events.push(event);
    const { bytes } = await quantizeModel(embeddedModel, join(tempFolder(), "a.gguf"), { type: "f16", onProgress });
    const done = events.map((event) => ("totalBytes" in event ? event.bytes : Number.NaN));
    expect(done[0]).toBe(0);
    expect(done.at(-1)).toBe(bytes);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(events.every((event) => event.stage === "quantize" && event.totalBytes === bytes)).toBe(true);
  });

  it.each([0, 1, 5])("ends after %i pieces and leaves nothing", async (count) => {
    const folder = tempFolder();
    const controller = new AbortController();
    let pieces = 0;
    const onProgress = () => {
      if (pieces++ === count) controller.abort();
    };
    const options = { type: "q8_0", signal: controller.signal, onProgress };
    expect(await failure(quantizeModel(embeddedModel, join(folder, "a.gguf"), options))).toMatchObject({
      code: "Aborted",
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("does not begin when it was aborted before", async () => {
    const options = { type: "q8_0", signal: AbortSignal.abort() };
    const error = await failure(quantizeModel(embeddedModel, join(tempFolder(), "a.gguf"), options));
    expect(error.code).toBe("Aborted");
  });

  it("gives the same file on any number of threads", async () => {
    const hashes = [];
    for (const threads of [1, 2, 5]) {
      const out = join(tempFolder(), "a.gguf");
      await quantizeModel(embeddedModel, out, { type: "q8_0", threads });
      hashes.push(sha256(out));
    }
    expect(new Set(hashes).size).toBe(1);
  });
});

describe("memory", () => {
  it("does not grow with the file, of which a few pieces are there at a time", async () => {
    // Half a gigabyte of zeros that takes no room on the disk.
    const [rows, columns] = [2 ** 14, 2 ** 13];
    const path = join(tempFolder(), "in.gguf");
    const tensors = [{ name: "a.weight", shape: [rows, columns], type: 0 }];
    writeFileSync(path, ggufFile({ metadata: { "general.architecture": str("any") }, tensors }));
    truncateSync(path, statSync(path).size + 4 * rows * columns);
    const before = process.memoryUsage.rss();
    let most = 0;
    const onProgress = () => {
      most = Math.max(most, process.memoryUsage.rss());
    };
    await quantizeModel(path, join(tempFolder(), "out.gguf"), { type: "q8_0", onProgress });
    expect(most - before).toBeLessThan(160 * 2 ** 20);
  });
});

describe("refusals", () => {
  const quantize = (options: Partial<QuantizeOptions> & Record<string, unknown>, model = embeddedModel, out?: string) =>
    failure(quantizeModel(model, out ?? join(tempFolder(), "a.gguf"), { type: "q8_0", ...options } as QuantizeOptions));

  it("of options that are unknown or impossible", async () => {
    const says = async (options: Record<string, unknown>, code: string, message: RegExp) => {
      expect(await quantize(options)).toMatchObject({ code, message: expect.stringMatching(message) });
    };
    await says({ typ: "q8_0" }, "UnknownOption", /did you mean "type"/);
    await says({ type: "q3" }, "InvalidArgument", /Q3_K_M.*"q3"/);
    await says({ type: undefined }, "InvalidArgument", /type, received undefined/);
    await says({ threads: 0 }, "InvalidArgument", /threads/);
    await says({ tensorTypes: { "(": "f16" } }, "InvalidArgument", /regular expression.*"\("/);
    await says({ tensorTypes: { a: "Q4_K_M" } }, "InvalidArgument", /tensor type of GGUF.*Q4_K_M/);
    await says({ tensorTypes: { a: "F8_E4M3" } }, "InvalidArgument", /tensor type of GGUF/);
    await says({ tensorTypes: ["a"] }, "InvalidArgument", /an object of patterns/);
    await says({ imatrix: 7 }, "InvalidArgument", /imatrix, received 7/);
    await says({ imatrix: join(models, "nowhere") }, "FileNotFound", /nowhere/);
  });

  it("of places that a file cannot have", async () => {
    const out = (path: string) => quantize({}, embeddedModel, path);
    expect(await out("model")).toMatchObject({ code: "InvalidArgument", message: expect.stringMatching(/\.gguf/) });
    expect(await out("")).toMatchObject({ code: "InvalidArgument" });
    const folder = tempFolder();
    expect((await out(join(folder, "no/where.gguf"))).code).toBe("FileUnwritable");
    cpSync(fixture("llama-f32.gguf"), join(folder, "in.gguf"));
    const same = await quantize({}, join(folder, "in.gguf"), join(folder, "in.gguf"));
    expect(same).toMatchObject({ code: "InvalidArgument", message: expect.stringMatching(/made from/) });
    expect(sha256(join(folder, "in.gguf"))).toBe(sha256(fixture("llama-f32.gguf")));
  });

  it("of what is not there, or no model", async () => {
    expect((await quantize({}, "./nowhere")).code).toBe("FileNotFound");
    expect((await quantize({}, tempFolder())).code).toBe("NotAModel");
  });

  it("of types that cannot be written yet, with those that can", async () => {
    const known = encodable();
    const missing = fileTypeNames.find((name) => !known.includes(fileTypeOf(name).quant));
    if (missing === undefined) return;
    const folder = tempFolder();
    const error = await quantize({ type: missing }, embeddedModel, join(folder, "a.gguf"));
    expect(error).toMatchObject({
      code: "UnsupportedQuant",
      message: expect.stringMatching(/cannot be written.*F32.*Q8_0/),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("of a second quantisation that nobody asked for", async () => {
    const error = await quantize({ type: "q4_0" }, fixture("llama-q8_0.gguf"));
    expect(error).toMatchObject({
      code: "UnsupportedQuant",
      message: expect.stringMatching(/Q8_0 already.*allowRequantize/),
    });
  });

  it("of tensors that GGUF has no name for, but not of those that nobody needs", async () => {
    const folder = (extra: string) => {
      const path = tempFolder();
      cpSync(fixture("llama"), path, { recursive: true });
      cpSync(join(embeddedModel, "tokenizer.json"), join(path, "tokenizer.json"));
      const shapes = { [extra]: [4], "model.norm.weight": [32], "model.embed_tokens.weight": [128, 32] };
      for (const [name, shape] of Object.entries(layerShapes)) {
        for (const i of [0, 1]) Object.assign(shapes, { [`model.layers.${i}.${name}.weight`]: shape });
      }
      writeFileSync(join(path, "model.safetensors"), floatsFile(shapes));
      return path;
    };
    const error = await quantize({}, folder("model.layers.0.extra.weight"));
    expect(error).toMatchObject({
      code: "UnsupportedArchitecture",
      message: expect.stringMatching(/layers\.0\.extra/),
    });
    // Its tokenizer has more tokens than rows: what comes next in order.
    const needless = await quantize({}, folder("model.layers.0.self_attn.rotary_emb.inv_freq"));
    expect(needless.code).toBe("InvalidTokenizer");
  });

  it("of folders without a tokenizer", async () => {
    expect((await quantize({}, fixture("llama"))).code).toBe("InvalidTokenizer");
  });
});

const layerShapes = {
  input_layernorm: [32],
  post_attention_layernorm: [32],
  "self_attn.q_proj": [64, 32],
  "self_attn.k_proj": [32, 32],
  "self_attn.v_proj": [32, 32],
  "self_attn.o_proj": [32, 64],
  "mlp.gate_proj": [64, 32],
  "mlp.up_proj": [64, 32],
  "mlp.down_proj": [32, 64],
};

describe("importance matrices", () => {
  const sums = { "blk.0.attn_v.weight": [1, 2, 3, 4], "blk.0.ffn_up_exps.weight": [2, 4, 6, 8, 10, 12] };
  const counts = { "blk.0.attn_v.weight": [2], "blk.0.ffn_up_exps.weight": [2, 0] };
  const means = { "blk.0.attn_v.weight": [0.5, 1, 1.5, 2], "blk.0.ffn_up_exps.weight": [1, 2, 3, 1, 1, 1] };

  const floats = (name: string, shape: number[], values: number[]): GgufTensor => ({
    name,
    shape,
    type: 0,
    data: new Uint8Array(Float32Array.from(values).buffer),
  });

  /** As llama-imatrix writes them. */
  function imatrixGguf(damage: { type?: string; drop?: string; values?: Record<string, number[]> } = {}): Buffer {
    const tensors = Object.entries({ ...sums, ...damage.values }).flatMap(([name, values]) => {
      const matrices = counts[name as keyof typeof counts] ?? [1];
      return [
        floats(`${name}.in_sum2`, [values.length], values),
        floats(`${name}.counts`, [matrices.length, 1], matrices),
      ];
    });
    return ggufFile({
      metadata: {
        "general.type": str(damage.type ?? "imatrix"),
        "imatrix.datasets": array("string", ["text.txt"]),
        "imatrix.chunk_count": u32(7),
        "imatrix.chunk_size": u32(512),
      },
      tensors: tensors.filter(({ name }) => name !== damage.drop),
    });
  }

  /** The older format: sums of means over the calls. */
  function imatrixDat(entries: Record<string, number[]> = means, calls = 3): Buffer {
    const i32 = (value: number) => {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(value);
      return bytes;
    };
    const parts = [i32(Object.keys(entries).length)];
    for (const [name, values] of Object.entries(entries)) {
      const scaled = Float32Array.from(values, (value) => value * Math.max(1, calls));
      parts.push(i32(name.length), Buffer.from(name), i32(calls), i32(values.length), Buffer.from(scaled.buffer));
    }
    return Buffer.concat([...parts, i32(7), i32(8), Buffer.from("text.txt")]);
  }

  it.each([
    ["GGUF", imatrixGguf()],
    [".dat", imatrixDat()],
    [".dat without counts of calls", imatrixDat(means, 0)],
  ])("are read from %s", async (_, bytes) => {
    const path = join(tempFolder({ imatrix: bytes }), "imatrix");
    const { weights, dataset, chunks } = await readImportance(path);
    expect({ dataset, chunks }).toEqual({ dataset: "text.txt", chunks: 7 });
    expect(Object.fromEntries([...weights].map(([name, values]) => [name, [...values]]))).toEqual(means);
  });

  it("end anywhere after the entries of a .dat, and nowhere else", async () => {
    const whole = imatrixDat();
    const end = whole.length - 16;
    for (let length = 1; length < whole.length; length++) {
      const path = join(tempFolder({ imatrix: whole.subarray(0, length) }), "imatrix");
      if (length >= end && (length < end + 4 || length === end + 4)) {
        expect((await readImportance(path)).weights.size).toBe(2);
      } else if (length < end) {
        expect(await failure(readImportance(path)), String(length)).toMatchObject({ code: "InvalidArgument" });
      }
    }
  });

  it.each([
    ["a GGUF file of another type", imatrixGguf({ type: "model" }), /of type "model"/],
    ["sums without counts", imatrixGguf({ drop: "blk.0.attn_v.weight.counts" }), /sums without counts/],
    [
      "counts that do not divide",
      imatrixGguf({ values: { "blk.0.ffn_up_exps.weight": [1, 2, 3] } }),
      /3 sums for 2 counts/,
    ],
    ["what is not finite", imatrixGguf({ values: { "blk.0.attn_v.weight": [1, Number.NaN, 1, 1] } }), /not all finite/],
    ["no entries", Buffer.alloc(8), /has 0 entries/],
    ["too many entries", Buffer.from([255, 255, 255, 127, 0, 0]), /2147483647 entries/],
    ["a name of any length", Buffer.from([1, 0, 0, 0, 255, 255, 255, 127]), /length of 2147483647/],
  ])("are refused when there are %s", async (_, bytes, message) => {
    const path = join(tempFolder({ imatrix: bytes }), "imatrix");
    const error = await failure(readImportance(path));
    expect(["InvalidArgument", "InvalidGguf"]).toContain(error.code);
    expect(error.message).toMatch(message);
  });

  it("must be of the same model", () => {
    const importance = {
      path: "x",
      weights: new Map([
        ["blk.0.attn_v.weight", new Float32Array(4)],
        ["token_embd.weight", new Float32Array(4)],
      ]),
      dataset: undefined,
      chunks: 0,
    };
    const tensor = (name: string, ...shape: number[]) =>
      ({ name, shape, source: new Float32Array(), quant: "F32" }) as const;
    expect(importanceOf(importance, tensor("blk.0.attn_v.weight", 8, 4))).toHaveLength(4);
    expect(importanceOf(importance, tensor("blk.0.attn_k.weight", 8, 4))).toBeUndefined();
    expect(importanceOf(importance, tensor("token_embd.weight", 8, 32))).toBeUndefined();
    const refusal = expect.objectContaining({
      code: "WrongShape",
      message: expect.stringMatching(/expected 64 weights.*received 4/),
    });
    expect(() => importanceOf(importance, tensor("blk.0.attn_v.weight", 2, 8, 32))).toThrow(refusal);
  });

  it("are named in the file that is made with them", async () => {
    const folder = tempFolder({ imatrix: imatrixDat({ "blk.0.attn_v.weight": new Array(32).fill(1) }) });
    const out = join(folder, "out.gguf");
    await quantizeModel(fixture("llama-f32.gguf"), out, { type: "q8_0", imatrix: join(folder, "imatrix") });
    const { metadata } = header(out);
    expect(metadata.get("quantize.imatrix.file")).toBe(join(folder, "imatrix"));
    expect(metadata.get("quantize.imatrix.dataset")).toBe("text.txt");
    expect(metadata.get("quantize.imatrix.entries_count")).toBe(1);
    expect(metadata.get("quantize.imatrix.chunks_count")).toBe(7);
  });
});
