// Fast kernels say what slow ones say: the perplexity of the embedded model, per type, on every instruction set of this
// machine is that of the scalar one within 0.1 %; with activations of 8 bits, within 1 %.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { embeddedModel, loadModel, quantizeModel } from "../src/index.js";
import { native } from "../src/native.js";
import { tempFolder } from "./reference/temp.js";

const { isas } = native().cpuInfo();

const types = ["F32", "F16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_0", "Q5_1", "Q4_K_M", "Q4_0", "Q4_1", "IQ4_NL", "IQ4_XS"];
const text = readFileSync(join(import.meta.dirname, "fixtures/tiny/heldout.txt"), "utf8");

it.each(["BF16", ...types, "MXFP4", "Q3_K_M", "Q2_K", "TQ2_0"])(
  "of %s",
  async (type) => {
    const path = type === "BF16" ? embeddedModel : join(tempFolder(), `${type}.gguf`);
    if (type !== "BF16") await quantizeModel(embeddedModel, path, { type });
    const perplexity = async (isa: string, precision: "exact" | "fast") => {
      await using model = await loadModel(path, { isa, precision });
      const tokens = (await model.tokenizer.encode(text)).slice(0, 512);
      return (await model.perplexity(tokens, { contextSize: 256 })).perplexity;
    };
    const wanted = await perplexity("scalar", "exact");
    for (const isa of isas.slice(1)) {
      // Of TQ2_0 the model makes nonsense, perplexity 470, to which the rounding of AMX matters more.
      const most = isa === "amx" && type === "TQ2_0" ? 3e-3 : 1e-3;
      expect(Math.abs((await perplexity(isa, "exact")) / wanted - 1), isa).toBeLessThan(most);
      expect(Math.abs((await perplexity(isa, "fast")) / wanted - 1), `${isa}, fast`).toBeLessThan(1e-2);
    }
  },
  60_000,
);
