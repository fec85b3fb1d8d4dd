// Mixtures of experts and latent attention besides their goldens (families.test.ts): both forms of the latter, and what is
// refused because it would run wrongly.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { record } from "../src/architectures/index.js";
import { kvBytesPerToken } from "../src/capacity.js";
import { compile } from "../src/compile.js";
import { configFromJson } from "../src/formats/config.js";
import { configFromGguf } from "../src/formats/config_gguf.js";
import { WeightFiles } from "../src/formats/file.js";
import { readHeaders } from "../src/formats/headers.js";
import { type OpenedModel, openModel } from "../src/formats/open.js";
import { findModel } from "../src/formats/place.js";
import { viewParts } from "../src/formats/views.js";
import { matricesOf } from "../src/formats/weights.js";
import { print } from "../src/program/print.js";
import { Scheduler } from "../src/scheduler.js";
import type { Tensor } from "../src/tensor.js";
import { floats, largestDifference, readJson } from "./reference/runner.js";
import { tempFolder } from "./reference/temp.js";
import { safetensorsFile } from "./reference/write_safetensors.js";

const families = resolve(import.meta.dirname, "fixtures/families");

type Json = Record<string, unknown>;
type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

const goldenOf = (name: string) =>
  readJson<{ prompts: number[][]; logits: string[] }>(join(families, name, "golden.json"));

/** Of the first prompt of a golden. */
async function logitsOf(opened: OpenedModel, name: string): Promise<Float32Array> {
  const compiled = await compile(opened, { kvType: "f32" });
  const scheduler = new Scheduler(compiled.executable);
  const session = scheduler.acquire([]);
  const results = await scheduler.extend(session, goldenOf(name).prompts[0]!, { logits: true, outputs: "all" });
  scheduler.release(session);
  await scheduler.close();
  await compiled.dispose();
  return Float32Array.from(results.flatMap((result) => [...result.logits!]));
}

const jsonOf = (name: string) => readJson<Json>(join(families, name, "config.json"));

/** A copy of a fixture with these fields, and its header changed. */
function changed(name: string, fields: Json, change: (header: Header) => void = () => undefined): string {
  const bytes = readFileSync(join(families, name, "model.safetensors"));
  const length = Number(bytes.readBigUInt64LE());
  const { __metadata__: _, ...header } = JSON.parse(bytes.toString("utf8", 8, 8 + length));
  change(header);
  const weights = safetensorsFile(header, bytes.subarray(8 + length));
  return tempFolder({ "config.json": { ...jsonOf(name), ...fields }, "model.safetensors": weights });
}

describe("latent attention", () => {
  it.each(["deepseek_v2", "deepseek_v2_groups", "deepseek_v3"])(
    "%s: keys and values of each head mean the same as the latent alone",
    async (name) => {
      const opened = await openModel(join(families, name));
      const { latent } = opened.config;
      expect(latent!.absorbed).toBe(true);
      const logits = await logitsOf(
        { ...opened, config: { ...opened.config, latent: { ...latent!, absorbed: false } } },
        name,
      );
      expect(largestDifference(logits, floats(goldenOf(name).logits[0]!))).toBeLessThan(1e-3);
      opened.close();
    },
  );

  it("runs from GGUF of before its keys and values were split", async () => {
    const [path, folder] = [join(families, "deepseek_v2.gguf"), join(families, "deepseek_v2")];
    const [opened, whole] = [await openModel(path), await openModel(folder)];
    const files = new WeightFiles(undefined);
    const { metadata } = await readHeaders<Tensor>(await findModel(path), files);
    const old = new Map([...metadata!].filter(([key]) => !key.endsWith("_mla")));
    const sizes = { key_length: 12 + 8, value_length: 10, head_count_kv: 4 };
    for (const [key, size] of Object.entries(sizes)) old.set(`deepseek2.attention.${key}`, size);
    const tensors = new Map([...opened.tensors].filter(([name]) => !/\.[kv]_b$/.test(name)));
    for (const [name, tensor] of whole.tensors) if (name.endsWith(".kv_b")) tensors.set(name, tensor);
    const config = configFromGguf(old, tensors, path);
    expect(config.latent).toMatchObject({ absorbed: false, rank: 24, passDim: 12, valueDim: 10 });

    const logits = await logitsOf({ ...opened, tensors, config }, "deepseek_v2");
    expect(largestDifference(logits, floats(goldenOf("deepseek_v2").logits[0]!))).toBeLessThan(1e-3);
    for (const each of [opened, whole, files]) each.close();
  });

  it("keeps only the latent and what turns", () => {
    const config = configFromJson(jsonOf("deepseek_v3"), "config.json");
    const narrow = record(config);
    expect(narrow.layers).toEqual(Array(2).fill({ kvHeads: 1, headDim: 24 + 8, valueDim: 24 }));
    const wide = record({ ...config, latent: { ...config.latent!, absorbed: false } });
    expect(wide.layers).toEqual(Array(2).fill({ kvHeads: 4, headDim: 12 + 8, valueDim: 10 }));
    expect(kvBytesPerToken(narrow, "f16")).toBe(2 * 2 * (32 + 24));
    expect(print(narrow)).toContain("heads=4/1x32, values of 24");
  });

  it("keeps keys and values of heads where their matrix is packed", async () => {
    const opened = await openModel(resolve(import.meta.dirname, "fixtures/checkpoints/deepseek-fp8"));
    expect(opened.config.latent!.absorbed).toBe(false);
    opened.close();
  });

  it("refuses a kv_b_proj of another shape", async () => {
    const path = changed("deepseek_v3", {}, (header) => {
      header["model.layers.0.self_attn.kv_b_proj.weight"]!.shape = [24, 88];
    });
    const opened = await openModel(path);
    const message = expect.stringMatching(/\[88, 24\].*kv_b_proj.*\[24, 88\]/);
    await expect(compile(opened, { threads: 1 })).rejects.toThrow(
      expect.objectContaining({ code: "WrongShape", message }),
    );
    opened.close();
  });
});

describe("experts in one tensor", () => {
  const stack = (shape: number[], byteLength: number) =>
    ({ name: "t", quant: "BF16", shape, offset: 100, byteLength }) as const;

  it("are views of it: the first half of each one's rows is its gate", () => {
    const tensors = new Map([["layers.0.ffn.experts.gate_up", stack([2, 6, 4], 96)]]);
    viewParts(tensors);
    expect([...tensors].map(([name, { shape, offset, byteLength }]) => [name, shape, offset, byteLength])).toEqual([
      ["layers.0.ffn.experts.0.gate", [3, 4], 100, 24],
      ["layers.0.ffn.experts.0.up", [3, 4], 124, 24],
      ["layers.0.ffn.experts.1.gate", [3, 4], 148, 24],
      ["layers.0.ffn.experts.1.up", [3, 4], 172, 24],
    ]);
  });

  it.each([[[2, 5, 4]], [[4]], [[1, 2, 6, 4]]])("of shape %j are none", (shape) => {
    const tensors = new Map([["layers.0.ffn.experts.gate_up", stack(shape, 96)]]);
    viewParts(tensors);
    expect(tensors.size).toBe(0);
  });

  it("or apart: looked for up to the first that is not there", () => {
    const names = new Set(["layers.0.ffn.experts.0.up", "layers.0.ffn.experts.1.up"]);
    const matrices = matricesOf({ name: "layers.0.ffn.experts.up", shape: [60000, 3, 4] }, names);
    expect(matrices.map(({ name }) => name)).toEqual([...names, "layers.0.ffn.experts.2.up"]);
    expect(matrices[0]!.shape).toEqual([3, 4]);
  });

  it("and scales beside it are refused", async () => {
    const experts = "model.layers.0.mlp.experts.gate_up_proj";
    const path = changed("qwen3_moe_fused", {}, (header) => {
      header[`${experts}_scale_inv`] = header["model.norm.weight"]!;
      delete header["model.norm.weight"];
    });
    const opened = await openModel(path);
    await expect(compile(opened, { threads: 1 })).rejects.toThrow(/gate_up_proj_scale_inv.*one tensor/);
    opened.close();
  });
});

it.each([
  [{ attention_chunk_size: 8192, floor_scale: 8192 }, 8191],
  [{ attention_chunk_size: 8192, attn_temperature_tuning: false }, 8192],
  [{ attention_chunk_size: null, floor_scale: 4096 }, 4095],
  [{ no_rope_layers: [1, 1, 1, 1] }, 8192],
  [{ no_rope_layers: [0, 0, 0, 0], attn_temperature_tuning: false }, 131072],
])("Llama 4 with %j runs %d tokens", (fields, tokens) => {
  const json = { ...jsonOf("llama4_text"), max_position_embeddings: 131072, ...fields };
  expect(configFromJson(json, "config.json").contextLength).toBe(tokens);
});

it.each([
  ["olmoe", { clip_qkv: 8 }, /none for clip_qkv.*8/],
  ["deepseek_v2", { topk_method: "noaux_tc" }, /"greedy" or "group_limited_greedy" for topk_method/],
  ["deepseek_v3", { scoring_func: "softmax" }, /"sigmoid" for scoring_func/],
  ["deepseek_v3", { n_group: 3 }, /a divisor of the 8 experts for the groups of experts.*3/],
  ["deepseek_v3", { topk_group: 5 }, /at most the 4 there are for the groups/],
  ["deepseek_v3", { topk_group: 1 }, /at most the 2 of its groups for the experts that a token uses.*3/],
  ["qwen3_moe", { num_experts_per_tok: 7 }, /at most the 6 there are/],
  ["qwen3_moe", { mlp_only_layers: 1 }, /a list of layers for mlp_only_layers/],
  ["hunyuan_v1_moe", { moe_topk: [1, 2] }, /the same in all layers for moe_topk/],
  ["exaone_moe", { mlp_layer_types: ["dense", "sparse", "sparse", "none"] }, /a list of 4 of "dense" and "sparse"/],
  ["minimax_m2", { rotary_dim: 9 }, /an even number of at most 16 for rotary_dim.*9/],
  ["llama4_text", { num_experts_per_tok: 2 }, /1 for num_experts_per_tok.*2/],
  ["llama4_text", { moe_layers: 3 }, /a list of layers for moe_layers/],
  ["ernie4_5_moe", { moe_layer_start_index: 0.5 }, /the number of a layer for moe_layer_start_index/],
] as const)("%s refuses %j", (name, fields, message) => {
  expect(() => configFromJson({ ...jsonOf(name), ...fields }, "config.json")).toThrow(message);
});
