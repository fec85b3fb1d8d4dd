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
});
