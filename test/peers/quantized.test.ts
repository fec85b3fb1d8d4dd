// GGUF files that quantizeModel writes, in llama.cpp: they open, say the same, and foretell as well as they do here.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { embeddedModel, loadModel, type Model, quantizeModel } from "../../src/index.js";
import { tempFolder } from "../reference/temp.js";
import { describeLlama, Llama } from "./llama.js";

const fixtures = join(import.meta.dirname, "../fixtures/tiny");
const heldout = readFileSync(join(fixtures, "heldout.txt"), "utf8");
/** With answers on whose way the best two tokens are never closer than 0.03 nats: llama.cpp rounds activations. */
const prompts = [
  "Once upon a time there lived a proud ghost named Wanda. Wanda",
  "Once upon a time there was a curious tiger called Bella. Bella",
  "There was once a proud gloon",
  "There was once a bat named Daisy who lived near the attic.",
  "Far away, beyond the forest, there lived a big crab called Marie.",
];

/** The other types that need no importance matrix. */
const others = [
  ...["f32", "q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q3_k_s", "q3_k_m", "q3_k_l", "q4_k_s", "q5_k_s", "q5_k_m"],
  ...["iq4_nl", "mxfp4", "nvfp4", "tq1_0", "tq2_0", "q1_0", "q2_0"],
];

async function inBoth(type: string, work: (ours: Model, theirs: Llama) => Promise<void>): Promise<void> {
  const file = join(tempFolder(), `tiny-${type}.gguf`);
  await quantizeModel(embeddedModel, file, { type });
  await using ours = await loadModel(file);
  await using theirs = new Llama(file);
  await work(ours, theirs);
}

describeLlama("files that are written here", () => {
  it.each(["f16", "q8_0"])("as %s give the same 64 tokens there", async (type) => {
    await inBoth(type, async (ours, theirs) => {
      for (const prompt of prompts) {
        const ids = await ours.tokenizer.encode(prompt);
        const { tokens } = await ours.generate(ids, { maxTokens: 64, temperature: 0, stopTokens: [] });
        expect(await theirs.greedy(ids, 64), prompt).toEqual([...tokens]);
      }
    });
  });

  it.each(["bf16", "q8_0", "q6_k", "q4_k_m", "iq4_xs"])(
    "as %s have the same perplexity there, within 0.2 %",
    async (type) => {
      await inBoth(type, async (ours, theirs) => {
        const { nll, tokens } = await ours.perplexity(heldout);
        const there = await theirs.perplexity(await ours.tokenizer.encode(heldout), 512);
        expect(there.tokens).toBe(tokens);
        expect(
          Math.abs(Math.exp(nll - there.nll) - 1),
          `${Math.exp(nll)} here, ${Math.exp(there.nll)} there`,
        ).toBeLessThan(0.002);
      });
    },
  );

  it.each(others)("as %s open there and foretell a text as they do here", async (type) => {
    await inBoth(type, async (ours, theirs) => {
      const text = (await ours.tokenizer.encode(heldout)).slice(0, 1024);
      const { nll } = await ours.perplexity(text);
      expect(Math.abs((await theirs.perplexity(text, 512)).nll - nll)).toBeLessThan(0.01);
    });
  });
});
