// Models in one to three bits: mixes of types whose values are points of a grid, for which an importance matrix is needed.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { embeddedModel, loadModel, quantizeModel } from "../src/index.js";
import { tempFolder } from "./reference/temp.js";
import { array, type GgufTensor, ggufFile, str, u32 } from "./reference/write_gguf.js";

const text = readFileSync(new URL("fixtures/tiny/heldout.txt", import.meta.url), "utf8").slice(0, 6000);

/** Tensors to which llama.cpp gives K-quants; their mixes have tests of their own. */
const others = { token_embd: "q8_0", attn_v: "q8_0" };

/** With the types of what is left, and the most that the loss may grow by: random tokens would be 17 times the model's. */
const mixes = [
  ["IQ1_S", ["IQ1_S", "IQ2_XXS"], 5.5],
  ["IQ1_M", ["IQ1_M", "IQ2_XXS"], 4.2],
  ["IQ2_XXS", ["IQ2_XXS"], 1.9],
  ["IQ2_XS", ["IQ2_XS"], 1.5],
  ["IQ2_S", ["IQ2_XS", "IQ3_S"], 1.4],
  ["IQ2_M", ["IQ2_S", "IQ3_S"], 1.25],
  ["IQ3_XXS", ["IQ2_S", "IQ3_S", "IQ3_XXS"], 1.12],
  ["IQ3_XS", ["IQ3_S", "IQ3_XXS"], 1.08],
  ["IQ3_S", ["IQ3_S"], 1.08],
  ["IQ3_M", ["IQ3_S"], 1.08],
] as const;

/** As llama-imatrix writes them, for all matrices of the model; every column is as important as the others. */
function imatrix(): Buffer {
  const sizes = { attn_q: 256, attn_k: 256, attn_v: 256, attn_output: 256, ffn_gate: 256, ffn_up: 256, ffn_down: 768 };
  const ones = (name: string, shape: number[]): GgufTensor => {
    return { name, shape, type: 0, data: new Uint8Array(new Float32Array(shape[0]!).fill(1).buffer) };
  };
  const tensors = [0, 1, 2, 3].flatMap((layer) =>
    Object.entries(sizes).flatMap(([part, columns]) => [
      ones(`blk.${layer}.${part}.weight.in_sum2`, [columns]),
      ones(`blk.${layer}.${part}.weight.counts`, [1, 1]),
    ]),
  );
  const metadata = {
    "general.type": str("imatrix"),
    "imatrix.datasets": array("string", ["text.txt"]),
    "imatrix.chunk_count": u32(1),
    "imatrix.chunk_size": u32(512),
  };
  return ggufFile({ metadata, tensors });
}

async function loss(path: string): Promise<number> {
  await using model = await loadModel(path);
  return (await model.perplexity(text)).nll;
}

describe("with an importance matrix", () => {
  let own: number;
  beforeAll(async () => {
    own = await loss(embeddedModel);
  });

  it.each(mixes)("%s is written and means the model", async (type, types, times) => {
    const folder = tempFolder({ imatrix: imatrix() });
    const out = join(folder, "out.gguf");
    const tensorTypes = { ...others, ...(type === "IQ3_M" && { attn_output: "q8_0" }) };
    const result = await quantizeModel(embeddedModel, out, { type, imatrix: join(folder, "imatrix"), tensorTypes });
    expect(Object.keys(result.types).sort()).toEqual(["F32", ...types, "Q8_0"]);
    expect((await loss(out)) / own).toBeLessThan(times);
  });
});

describe("without one", () => {
  it.each(["IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "IQ3_XS"])(
    "%s says so",
    async (type) => {
      const tensorTypes = { ...others, ffn_down: "q8_0" };
      const wish = quantizeModel(embeddedModel, join(tempFolder(), "out.gguf"), { type, tensorTypes });
      const message = expect.stringMatching(
        new RegExp(`^${type} needs an importance matrix \\(imatrix\\) for tensor "blk`),
      );
      await expect(wish).rejects.toMatchObject({ code: "InvalidArgument", message });
    },
  );

  it("IQ3_S is written", async () => {
    const out = join(tempFolder(), "out.gguf");
    const { types } = await quantizeModel(embeddedModel, out, { type: "IQ3_S", tensorTypes: others });
    expect(Object.keys(types).sort()).toEqual(["F32", "IQ3_S", "Q8_0"]);
  });
});
