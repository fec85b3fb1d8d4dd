// The type of each tensor of a mix is the one llama.cpp chooses (fixtures/convert/make_mixes.py asks it).

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { fileTypeNames, fileTypeOf } from "../src/quants/file_types.js";
import type { QuantName } from "../src/quants/index.js";
import {
  canQuantise,
  chooseTypes,
  inLayerOrder,
  type MixModel,
  type MixTensor,
  needsImportance,
} from "../src/quants/mixes.js";

interface Facts extends MixModel {
  dim: number;
  ffn: number;
  vocab: number;
  tied: boolean;
  headDim: number;
  fused?: boolean;
  shared?: boolean;
}

type Packed = [most: string, others: Record<string, number[]>];

interface Case {
  model: Facts;
  tensors?: [string, number[]][];
  types: Record<string, Packed>;
}

const path = new URL("fixtures/convert/mixes.json.gz", import.meta.url);
const { models, imatrix }: { models: Record<string, Case>; imatrix: Case } = JSON.parse(
  gunzipSync(readFileSync(path)).toString(),
);

/** The tensors that make_mixes.py asks about. */
function tensorsOf({
  layers,
  heads,
  kvHeads,
  experts,
  dim,
  ffn,
  vocab,
  tied,
  headDim,
  fused,
  shared,
}: Facts): MixTensor[] {
  const tensors: MixTensor[] = [];
  const add = (name: string, ...shape: number[]) => tensors.push({ name, shape });
  add("token_embd.weight", vocab, dim);
  add("output_norm.weight", dim);
  if (!tied) add("output.weight", vocab, dim);
  for (let i = 0; i < layers; i++) {
    const inLayer = (name: string, ...shape: number[]) => add(`blk.${i}.${name}`, ...shape);
    inLayer("attn_norm.weight", dim);
    inLayer("ffn_norm.weight", dim);
    if (fused) inLayer("attn_qkv.weight", (heads + 2 * kvHeads) * headDim, dim);
    else {
      inLayer("attn_q.weight", heads * headDim, dim);
      inLayer("attn_k.weight", kvHeads * headDim, dim);
      inLayer("attn_v.weight", kvHeads * headDim, dim);
      inLayer("attn_q.bias", heads * headDim);
    }
    inLayer("attn_output.weight", dim, heads * headDim);
    if (experts) inLayer("ffn_gate_inp.weight", experts, dim);
    const [suffix, ...stack] = experts ? (["_exps", experts] as const) : ([""] as const);
    inLayer(`ffn_gate${suffix}.weight`, ...stack, ffn, dim);
    inLayer(`ffn_up${suffix}.weight`, ...stack, ffn, dim);
    inLayer(`ffn_down${suffix}.weight`, ...stack, dim, ffn);
    if (!shared) continue;
    inLayer("ffn_gate_shexp.weight", ffn, dim);
    inLayer("ffn_up_shexp.weight", ffn, dim);
    inLayer("ffn_down_shexp.weight", dim, ffn);
  }
  return tensors;
}

function unpacked([most, others]: Packed, count: number): string[] {
  const types = new Array<string>(count).fill(most);
  for (const [type, indices] of Object.entries(others)) for (const index of indices) types[index] = type;
  return types;
}

const expectSame = ({ model, types }: Case, name: string, hasImatrix: boolean) => {
  const tensors = inLayerOrder(tensorsOf(model));
  const chosen = chooseTypes(fileTypeOf(name), model, tensors, { imatrix: hasImatrix });
  const received = tensors.map((tensor) => `${tensor.name} ${chosen.get(tensor.name) ?? "None"}`);
  const wanted = unpacked(types[name]!, tensors.length);
  expect(received).toEqual(tensors.map((tensor, i) => `${tensor.name} ${wanted[i]}`));
};

describe.each(Object.entries(models))("a model %s", (_, one) => {
  it.each(Object.keys(one.types))("as %s", (name) => expectSame(one, name, false));
});

describe("with an importance matrix", () => {
  it.each(Object.keys(imatrix.types))("as %s", (name) => expectSame(imatrix, name, true));
});

describe("file types", () => {
  it("are found in any case, also by llama.cpp's short names", () => {
    for (const name of fileTypeNames) expect(fileTypeOf(name.toLowerCase()).name).toBe(name);
    expect(fileTypeOf("q4_k").name).toBe("Q4_K_M");
  });

  it.each(["Q9_K", "", "Q4", 4, undefined, "constructor", "__proto__"])("%j is none", (name) => {
    const refusal = expect.objectContaining({ code: "InvalidArgument", message: expect.stringMatching(/Q4_K_M/) });
    expect(() => fileTypeOf(name)).toThrow(refusal);
  });

  it("of every model of the fixture were asked for but MXFP4 and NVFP4, which llama.cpp has not", () => {
    const asked = new Set(Object.values(models).flatMap(({ types }) => Object.keys(types)));
    expect(fileTypeNames.filter((name) => !asked.has(name))).toEqual(["MXFP4", "NVFP4"]);
  });
});

describe("choices", () => {
  const { model } = models["8B-like"]!;
  const tensors = tensorsOf(model);
  const choose = (overrides: [RegExp, QuantName][]) => chooseTypes(fileTypeOf("Q4_K_S"), model, tensors, { overrides });

  it("give way to overrides, the first that matches, which rules then do not count", () => {
    const chosen = choose([
      [/blk\.0\.attn_v/, "F16"],
      [/attn_v/, "Q8_0"],
      [/ffn_down/, "Q2_K"],
    ]);
    expect(chosen.get("blk.0.attn_v.weight")).toBe("F16");
    expect(chosen.get("blk.31.attn_v.weight")).toBe("Q8_0");
    expect(chosen.get("blk.0.ffn_down.weight")).toBe("Q2_K");
    expect(chosen.get("blk.0.ffn_up.weight")).toBe("Q4_K");
    const first = choose([[/blk\.0\.ffn_down/, "Q8_0"]]);
    // Four of 32 layers get more bits: with the first taken out, numbers 1 to 4.
    expect([1, 4, 5].map((i) => first.get(`blk.${i}.ffn_down.weight`))).toEqual(["Q5_K", "Q5_K", "Q4_K"]);
  });

  it("leave vectors, norms and small matrices as they are", () => {
    const kept = [
      "blk.0.ffn_gate_inp.weight",
      "blk.0.attn_q_norm.weight",
      "blk.0.ssm_conv1d.weight",
      "blk.0.attn_q.bias",
    ];
    expect(kept.filter((name) => canQuantise({ name, shape: [8, 256] }))).toEqual([]);
    expect(canQuantise({ name: "blk.0.attn_q.weight", shape: [256] })).toBe(false);
    expect(canQuantise({ name: "blk.0.attn_q.weight", shape: [1, 256] })).toBe(false);
    expect(canQuantise({ name: "blk.0.attn_q.weight", shape: [2, 256] })).toBe(true);
  });

  it.each(["MXFP4", "NVFP4"] as const)("of %s are all matrices but the output", (name) => {
    const chosen = chooseTypes(fileTypeOf(name), model, tensors);
    expect(new Set(chosen.values())).toEqual(new Set([name, "Q6_K"]));
    expect([...chosen].filter(([, quant]) => quant === "Q6_K").map(([tensor]) => tensor)).toEqual(["output.weight"]);
    const odd = [{ name: "blk.0.attn_q.weight", shape: [64, 96] }];
    const fitting = name === "MXFP4" ? "MXFP4" : "IQ4_NL";
    expect(chooseTypes(fileTypeOf(name), model, odd).get("blk.0.attn_q.weight")).toBe(fitting);
  });

  it("refuse rows that nothing of the kind fits", () => {
    const odd = [{ name: "blk.0.attn_q.weight", shape: [64, 64] }];
    const refusal = expect.objectContaining({
      code: "UnsupportedQuant",
      message: expect.stringMatching(/128.*attn_q.*64/),
    });
    expect(() => chooseTypes(fileTypeOf("Q1_0"), model, odd)).toThrow(refusal);
  });

  it("know which types need weights to go by", () => {
    const name = "blk.0.attn_q.weight";
    expect(needsImportance(name, "IQ2_XS", fileTypeOf("IQ2_XS"))).toBe(true);
    expect(needsImportance("output.weight", "IQ2_XS", fileTypeOf("IQ2_XS"))).toBe(false);
    expect(needsImportance(name, "Q2_K", fileTypeOf("Q2_K"))).toBe(false);
    expect(needsImportance(name, "Q2_K", fileTypeOf("Q2_K_S"))).toBe(true);
    expect(needsImportance(name, "Q4_K", fileTypeOf("Q4_K_M"))).toBe(false);
  });
});
