// Quantised checkpoints as sources of GGUF files: the numbers that run are written, those of llama.cpp's converter, and what
// would lose twice must be asked for.

import { createHash } from "node:crypto";
import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { convert } from "../src/convert/convert.js";
import { parseGguf } from "../src/formats/gguf.js";
import { embeddedModel, type LoadProgress, loadModel, type QuantizeProgress, quantizeModel } from "../src/index.js";
import { native } from "../src/native.js";
import { openSource } from "../src/quantize.js";
import { fileTypeOf } from "../src/quants/file_types.js";
import { codecOf, type QuantName } from "../src/quants/index.js";
import { largestDifference, type Runner, readJson, withRunner } from "./reference/runner.js";
import { tempFolder } from "./reference/temp.js";
import { safetensorsFile } from "./reference/write_safetensors.js";

const fixtures = resolve(import.meta.dirname, "fixtures");
const checkpoint = (name: string) => join(fixtures, "checkpoints", name);
/** Of families that we do not write as GGUF. */
const unwritten = ["deepseek-fp8", "qwen3-moe-int4"];
const names = readdirSync(checkpoint("."), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !unwritten.includes(entry.name))
  .map(({ name }) => name);

afterEach(() => expect(native().filesMapped()).toBe(0));

interface Options {
  readonly type: string;
  readonly overrides?: [RegExp, QuantName][];
  readonly allowRequantise?: boolean;
}

/** A GGUF file of a checkpoint, without the tokenizer that these fixtures lack. */
async function converted(name: string, { type, overrides, allowRequantise = true }: Options): Promise<string> {
  const out = join(tempFolder(), "out.gguf");
  const source = await openSource(checkpoint(name), undefined, undefined);
  try {
    await convert(source, out, { fileType: fileTypeOf(type), texts: false, overrides, allowRequantise });
  } finally {
    source.close();
  }
  return out;
}

interface Golden {
  readonly prompt: number[];
  readonly greedy: number[];
}

/** Logits of prompt and answer, one row after another, and the answer. */
async function answerOf(run: Runner, { prompt, greedy }: Golden) {
  const rows = await run.logits([...prompt, ...greedy]);
  return { rows, ids: await run.greedy(prompt, greedy.length) };
}

const answer = (path: string, golden: Golden) => withRunner(path, { kvType: "f32" }, (run) => answerOf(run, golden));

/** How far the best id is before the next one. */
function margin(row: Float32Array): number {
  const [best, next] = row.toSorted((a, b) => b - a);
  return best! - next!;
}

it.each(unwritten)("%s: what cannot be written says so, and names what can", async (name) => {
  await expect(converted(name, { type: "F16" })).rejects.toThrow(
    expect.objectContaining({
      code: "UnsupportedArchitecture",
      message: expect.stringMatching(/cannot write .* as GGUF; those that can be: llama, qwen2/),
    }),
  );
});

describe.each(names)("%s", (name) => {
  const golden = readJson<Golden>(join(checkpoint(name), "golden.json"));

  // Llama's halves of a head are neighbours in GGUF, so that scores are sums in another order. Where whole numbers are not
  // unpacked, activations are rounded to 16 bits.
  it.each<[string, number]>([
    ["F32", /awq|int[48]|mxfp4|w8|gptq-.(?!-desc)/.test(name) ? 4e-3 : 2e-5],
    ["F16", 0.02],
    // Rounded further, a router that hesitates chooses other experts.
    ...(name === "gpt-oss" ? [] : ([["Q8_0", 0.7]] as [string, number][])),
  ])("as %s gives the logits of the packed model within %d", async (type, tolerance) => {
    const wanted = await answer(checkpoint(name), golden);
    const received = await answer(await converted(name, { type }), golden);
    const difference = Math.max(...wanted.rows.map((row, i) => largestDifference(received.rows[i]!, row)));
    expect(difference).toBeLessThan(tolerance);
    // Row i foretells token i + 1. An id that two of them fight for may change, and all that follow.
    const from = golden.prompt.length - 1;
    const sure = golden.greedy.findIndex((_, i) => margin(wanted.rows[from + i]!) < 2 * difference);
    const count = sure < 0 ? golden.greedy.length : sure;
    expect(received.ids.slice(0, count)).toEqual(wanted.ids.slice(0, count));
    if (type === "F32") expect(count).toBeGreaterThan(golden.greedy.length / 2);
  });

  it("as Q8_0 is what the file as F32 gives", async () => {
    const wanted = join(tempFolder(), "out.gguf");
    // gpt-oss's experts stay MXFP4 in a file of F32.
    await quantizeModel(await converted(name, { type: "f32" }), wanted, { type: "q8_0", allowRequantize: true });
    const received = tensorsOf(await converted(name, { type: "q8_0" }));
    // Of symmetric GPTQ of 8 bits, codes and scales are taken as they are.
    if (name === "gptq-8") expect(received).not.toEqual(tensorsOf(wanted));
    else expect(received).toEqual(tensorsOf(wanted));
  });
});

describe("gpt-oss", () => {
  const plain = join(fixtures, "models/gpt-oss");

  it.each(["F16", "MXFP4_MOE"])("keeps its experts in MXFP4 as %s, and loses nothing of them", async (type) => {
    const tensors = tensorsOf(await converted("gpt-oss", { type, allowRequantise: false }));
    const experts = tensors.filter(([name]) => /_exps\.weight$/.test(name));
    expect(experts).toHaveLength(6);
    const wanted = tensorsOf(join(fixtures, "models/gpt-oss-mxfp4.gguf"));
    expect(experts).toEqual(wanted.filter(([name]) => /_exps\.weight$/.test(name)));
  });

  it("of plain, transposed experts is what runs, too", async () => {
    const golden = readJson<Golden>(join(plain, "golden.json"));
    const out = join(tempFolder(), "out.gguf");
    const source = await openSource(plain, undefined, undefined);
    await convert(source, out, { fileType: fileTypeOf("F32"), texts: false }).finally(() => source.close());
    const wanted = await answer(plain, golden);
    const received = await answer(out, golden);
    for (const [i, row] of wanted.rows.entries()) expect(largestDifference(received.rows[i]!, row)).toBeLessThan(2e-5);
    expect(received.ids).toEqual(wanted.ids);
  });
});

type TensorRow = [name: string, type: string, shape: number[], sha256: string];

function tensorsOf(path: string): TensorRow[] {
  const bytes = readFileSync(path);
  return parseGguf(bytes, bytes.length, path)
    .tensors.map(({ name, quant, shape, offset, byteLength }): TensorRow => {
      const hash = createHash("sha256")
        .update(bytes.subarray(offset, offset + byteLength))
        .digest("hex");
      return [name, quant, [...shape], hash.slice(0, 16)];
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

interface Converted {
  readonly model: string;
  readonly type: string;
  readonly metadata: [key: string, type: string, value: unknown][];
  readonly tensors: TensorRow[];
}

describe("llama.cpp's converter", () => {
  const golden = readJson<Converted[]>(join(fixtures, "convert/packed.json"));

  it.each(golden)("unpacks $model as $type to the same bytes", async ({ model, type, metadata, tensors }) => {
    const path = await converted(model, { type, allowRequantise: false });
    const wanted = tensors.sort(([a], [b]) => (a < b ? -1 : 1));
    expect(tensorsOf(path)).toEqual(wanted);
    const bytes = readFileSync(path);
    const written = parseGguf(bytes, bytes.length, path).metadata;
    expect([...written]).toEqual(metadata.map(([key, , value]) => [key, value]));
  });
});

describe("types that repacking gives", () => {
  // Nothing but their embeddings, as exact as they were, is converted.
  const outer = /^(token_embd|output)\.weight$/;

  it.each<[string, string, QuantName, [RegExp, QuantName][]]>([
    ["gptq-4", "q4_0", "Q4_0", [[outer, "F16"]]],
    ["gptq-8", "q8_0", "Q8_0", [[outer, "F16"]]],
    [
      "ct-mxfp4",
      "f32",
      "MXFP4",
      [
        [outer, "BF16"],
        [/./, "MXFP4"],
      ],
    ],
  ])("%s as %s: rows of %s are taken as they are", async (name, type, quant, overrides) => {
    const golden = readJson<Golden>(join(checkpoint(name), "golden.json"));
    const path = await converted(name, { type, overrides, allowRequantise: false });
    expect(tensorsOf(path).filter(([, each]) => each === quant)).toHaveLength(7);
    const wanted = await answer(checkpoint(name), golden);
    const received = await answer(path, golden);
    for (const [i, row] of wanted.rows.entries()) expect(largestDifference(received.rows[i]!, row)).toBeLessThan(4e-3);
    expect(received.ids).toEqual(wanted.ids);
  });
});

describe("a second quantisation", () => {
  const failure = (name: string, type: string) =>
    quantizeModel(checkpoint(name), join(tempFolder(), "out.gguf"), { type }).catch((error) => error);

  it.each([
    ["gptq-4-asym", "q4_0", "integers of 4 bits"],
    ["gptq-4-desc", "q8_0", "integers of 4 bits"],
    ["gptq-3-v2", "q8_0", "integers of 3 bits"],
    ["awq", "q8_0", "integers of 4 bits"],
    ["ct-w8", "q8_0", "integers of 8 bits"],
    ["int8", "q8_0", "integers of 8 bits"],
    ["gptq-8", "q4_0", "integers of 8 bits"],
    ["nf4", "q8_0", "NF4"],
    ["fp4", "q8_0", "FP4"],
    ["ct-mxfp4", "q8_0", "MXFP4"],
  ])("of %s as %s must be asked for", async (name, type, stored) => {
    expect(await failure(name, type)).toMatchObject({
      code: "UnsupportedQuant",
      message: expect.stringMatching(
        new RegExp(`^tensor "blk.0[^ ]+" is ${stored} already, .* as Q\\d_0; .*original model or type F16.*allowReq`),
      ),
    });
  });

  it.each(["fp8-blocks", "fp8-ue8m0", "ct-fp8-channel", "ct-fp8-tensor"])(
    "is none for %s, whose floats are what is published",
    async (name) => {
      const path = await converted(name, { type: "q4_0", allowRequantise: false });
      expect(tensorsOf(path).some(([, type]) => type === "Q4_0")).toBe(true);
    },
  );

  it.each(names)("is not to unpack %s", async (name) => {
    const path = await converted(name, { type: "bf16", allowRequantise: false });
    const types = new Set(tensorsOf(path).map(([, type]) => type));
    expect(types).toEqual(new Set(name === "gpt-oss" ? ["BF16", "F32", "MXFP4"] : ["BF16", "F32"]));
  });
});

/** The small model with its matrices in F8, a scale for each row. */
function tinyInF8(): string {
  const bytes = readFileSync(join(embeddedModel, "model.safetensors"));
  const start = 8 + Number(bytes.readBigUInt64LE());
  const { __metadata__: _, ...stored } = JSON.parse(bytes.toString("utf8", 8, start));
  const header: Record<string, object> = {};
  const parts: Buffer[] = [];
  let end = 0;
  const add = (name: string, dtype: string, shape: number[], data: Buffer) => {
    header[name] = { dtype, shape, data_offsets: [end, end + data.length] };
    parts.push(data);
    end += data.length;
  };
  for (const [name, { dtype, shape, data_offsets }] of Object.entries<Stored>(stored)) {
    const data = bytes.subarray(start + data_offsets[0], start + data_offsets[1]);
    if (!/_proj\.weight$/.test(name)) add(name, dtype, shape, data);
    else {
      const { codes, scales } = rowsInF8(data, shape[1]!);
      add(name, "F8_E4M3", shape, codes);
      add(`${name}_scale`, "F32", [shape[0]!, 1], scales);
    }
  }
  const config = readJson<object>(join(embeddedModel, "config.json"));
  const path = tempFolder({
    "config.json": { ...config, quantization_config: { quant_method: "fbgemm_fp8" } },
    "model.safetensors": safetensorsFile(header, Buffer.concat(parts)),
  });
  for (const file of ["tokenizer.json", "tokenizer_config.json"])
    copyFileSync(join(embeddedModel, file), join(path, file));
  return path;
}

interface Stored {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

/** Rows of BF16, rounded to the next code towards zero. */
function rowsInF8(data: Buffer, columns: number): { codes: Buffer; scales: Buffer } {
  const values = new Float32Array(data.length / 2);
  codecOf("BF16", "it").decode(data, values);
  const levels = new Float32Array(127);
  codecOf("F8_E4M3", "it").decode(Uint8Array.from(levels.keys()), levels);
  const scales = Float32Array.from({ length: values.length / columns }, (_, row) => {
    const largest = values.subarray(row * columns, (row + 1) * columns).reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    return largest / 448;
  });
  const codes = Buffer.from(
    values.map((value, i) => {
      const scaled = Math.abs(value) / scales[Math.floor(i / columns)]!;
      let code = 0;
      for (let step = 64; step > 0; step >>= 1) if (code + step < 127 && levels[code + step]! <= scaled) code += step;
      return code + (value < 0 ? 128 : 0);
    }),
  );
  return { codes, scales: Buffer.from(scales.buffer) };
}

const greedy = { temperature: 0, maxTokens: 24, stopTokens: [] };

async function tokensOf(name: string, options: object = {}) {
  const events: LoadProgress[] = [];
  await using model = await loadModel(name, { ...options, onProgress: (event) => events.push(event) });
  const { tokens } = await model.generate("Once upon a time", greedy);
  return { tokens, dtypes: model.dtypes, stages: new Set(events.map(({ stage }) => stage)) };
}

describe("the small model in F8", () => {
  it("becomes a file that runs by itself, without being asked twice", async () => {
    const folder = tinyInF8();
    const out = join(tempFolder(), "out.gguf");
    const events: QuantizeProgress[] = [];
    const onProgress = (event: QuantizeProgress) => events.push(event);
    const { bytes, types } = await quantizeModel(folder, out, { type: "f16", onProgress });
    expect(Object.keys(types).sort()).toEqual(["F16", "F32"]);
    expect(events.at(-1)).toEqual({ stage: "quantize", bytes, totalBytes: bytes });
    expect((await tokensOf(out)).tokens).toEqual((await tokensOf(folder)).tokens);
    const smaller = await quantizeModel(folder, join(tempFolder(), "out.gguf"), { type: "q8_0" });
    expect(Object.keys(smaller.types).sort()).toEqual(["F32", "Q8_0"]);
  });

  it("loads in another type from a copy, which needs no repacking", async () => {
    const folder = tinyInF8();
    const cacheDir = join(tempFolder(), "hub");
    const packed = await tokensOf(folder);
    const first = await tokensOf(folder, { cacheDir, quantize: "f16" });
    const second = await tokensOf(folder, { cacheDir, quantize: "f16" });
    expect(packed.stages).toContain("repack");
    expect([...first.stages]).toEqual(expect.arrayContaining(["quantize"]));
    expect([...first.stages, ...second.stages]).not.toContain("repack");
    expect([...second.stages]).not.toContain("quantize");
    for (const { tokens, dtypes } of [first, second]) {
      expect(tokens).toEqual(packed.tokens);
      expect(Object.keys(dtypes).sort()).toEqual(["F16", "F32"]);
    }
  });

  it.each([1, 4, 20])("leaves nothing when it is aborted after %i pieces", async (count) => {
    const folder = tempFolder();
    const controller = new AbortController();
    let pieces = 0;
    const onProgress = () => ++pieces === count && controller.abort();
    const options = { type: "q8_0", signal: controller.signal, onProgress };
    const aborted = quantizeModel(tinyInF8(), join(folder, "out.gguf"), options);
    await expect(aborted).rejects.toMatchObject({ code: "Aborted" });
    expect(readdirSync(folder)).toEqual([]);
  });
});
