// Inspection of files that are here: what cannot run is told, what is damaged is an error.

import { afterEach, describe, expect, it } from "vitest";
import { embeddedModel, inspectModel } from "../src/index.js";
import { countParameters } from "../src/inspect/count.js";
import { native } from "../src/native.js";
import type { QuantName } from "../src/quants/index.js";
import { tempFolder } from "./reference/temp.js";
import { floatsFile } from "./reference/write_safetensors.js";

afterEach(() => expect(native().filesMapped()).toBe(0));

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: "DeadliftError", code, message: expect.stringMatching(message) });

const config = {
  model_type: "llama",
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 16,
};
const weights = floatsFile({ "model.embed_tokens.weight": [16, 8], "model.norm.weight": [8] });
const inspect = (changes: object, file = weights) =>
  inspectModel(tempFolder({ "config.json": { ...config, ...changes }, "model.safetensors": file }));

describe("a local model", () => {
  it("that runs is told with its card", async () => {
    const found = await inspectModel(embeddedModel);
    expect(found).toMatchObject({ source: "local", path: embeddedModel, supported: true, problem: undefined });
    expect(found).toMatchObject({ repo: undefined, quant: undefined, choices: [], licence: "apache-2.0" });
    expect(found.summary).toMatch(/^The model that comes with deadlift: 3\.67 M parameters/);
    const smaller = await inspectModel(embeddedModel, { kvType: "q8_0" });
    expect(smaller.memory.kvCache / found.memory.kvCache).toBe(34 / 64);
    await expect(inspectModel(embeddedModel, { kvType: "q4_0" } as object)).rejects.toMatchObject({
      code: "InvalidArgument",
      message: expect.stringContaining("one of f32, f16, bf16, q8_0"),
    });
    expect(found.memory.total).toBe(found.memory.weights + found.memory.kvCache + found.memory.scratch);
  });

  it("that reads whole texts needs room for one layer's keys and values, of the longest text", async () => {
    const { config, memory } = await inspectModel(new URL("fixtures/encoders/bert", import.meta.url).pathname);
    const { heads, headDim, layers } = config!;
    expect(layers).toBeGreaterThan(1);
    expect(memory.kvPerToken).toBe(2 * 4 * heads * headDim);
  });

  it.each<[string, object, string | RegExp, RegExp]>([
    ["of another architecture", { model_type: "rwkv7" }, "rwkv7", /cannot run model_type "rwkv7"/],
    ["with settings that are not known", { hidden_act: "gelu" }, "llama", /expected "silu" for hidden_act/],
    ["with settings that contradict each other", { num_attention_heads: 3 }, "llama", /head/],
    ["without some of its weights", {}, "llama", /hold no tensor for "layers\.0\.attention\.norm"/],
  ])("%s cannot run, and says why", async (_, changes, architecture, problem) => {
    const found = await inspect(changes);
    expect(found).toMatchObject({ architecture, supported: false, parameters: 136, dtypes: { F32: 136 } });
    expect(found.problem).toMatch(problem);
    expect(found.memory.weights).toBe(4 * 136);
  });

  it("that is damaged is an error", async () => {
    await expect(inspect({}, weights.subarray(0, -1) as Buffer)).rejects.toThrow(refusal("Truncated", /tensors/));
    const folder = tempFolder({ "config.json": "{", "model.safetensors": weights });
    await expect(inspectModel(folder)).rejects.toThrow(refusal("InvalidConfig", /not JSON/));
    await expect(inspectModel(tempFolder({ "a.txt": "" }))).rejects.toThrow(refusal("NotAModel", /a\.txt/));
  });
});

describe("parameters of packed checkpoints", () => {
  type Stored = readonly [name: string, quant: QuantName, ...shape: number[]];
  const count = (quantisation: object | undefined, ...stored: Stored[]) =>
    countParameters({
      tensors: new Map(),
      unused: stored.map(([name, quant, ...shape]) => ({ name, quant, shape, offset: 0, byteLength: 0 })),
      json: quantisation && { quantization_config: quantisation },
    });
  const norm: Stored = ["norm.weight", "BF16", 64];

  it.each<[string, object | undefined, Stored[], object]>([
    ["plain integers", undefined, [["a.weight", "I32", 4, 4]], { I32: 16 }],
    [
      "AWQ",
      { quant_method: "awq", bits: 4 },
      [
        ["a.qweight", "I32", 64, 8],
        ["a.qzeros", "I32", 1, 8],
        ["a.scales", "F16", 1, 64],
      ],
      { I32: 4096 },
    ],
    [
      "GPTQ of 3 bits",
      { quant_method: "gptq", bits: 3 },
      [
        ["a.qweight", "I32", 6, 64],
        ["a.scales", "F16", 1, 64],
        ["a.g_idx", "I32", 64],
      ],
      { I32: 4096 },
    ],
    [
      "compressed-tensors",
      { quant_method: "compressed-tensors", config_groups: { group_0: { weights: { num_bits: 4 } } } },
      [
        ["a.weight_packed", "I32", 64, 8],
        ["a.weight_scale", "BF16", 64, 1],
        ["a.weight_shape", "I64", 2],
      ],
      { I32: 4096 },
    ],
    [
      "MXFP4",
      { quant_method: "mxfp4" },
      [
        ["up_proj_blocks", "U8", 2, 64, 16],
        ["up_proj_scales", "U8", 2, 64],
        ["up_proj_bias", "BF16", 2, 64],
      ],
      { U8: 4096, BF16: 128 },
    ],
    [
      "bitsandbytes in 4 bits",
      { quant_method: "bitsandbytes", load_in_4bit: true },
      [
        ["a.weight", "U8", 2048, 1],
        ["a.weight.absmax", "F32", 64],
        ["a.weight.quant_map", "F32", 16],
      ],
      { U8: 4096 },
    ],
    [
      "NVFP4",
      { quant_method: "modelopt", quant_algo: "NVFP4" },
      [
        ["a.weight", "U8", 64, 32],
        ["a.weight_scale", "F8_E4M3", 64, 4],
        ["a.weight_scale_2", "F32"],
      ],
      { U8: 4096 },
    ],
    [
      "FP8",
      { quant_method: "fp8" },
      [
        ["a.weight", "F8_E4M3", 64, 64],
        ["a.weight_scale_inv", "F32", 1, 1],
      ],
      { F8_E4M3: 4096 },
    ],
  ])("%s", (_, quantisation, stored, counts) => {
    expect(count(quantisation, ...stored)).toEqual(counts);
    expect(count(quantisation, ...stored, norm)).toMatchObject({
      BF16: 64 + ((counts as { BF16?: number }).BF16 ?? 0),
    });
  });
});
