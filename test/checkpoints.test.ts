// Quantised Hugging Face checkpoints run as published: logits and greedy ids of what the libraries themselves unpack
// (fixtures and their script are in test/fixtures/checkpoints), on every instruction set of this machine.

import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { inspectModel, loadModel } from "../src/index.js";
import { native } from "../src/native.js";
import { floats, largestDifference, readJson, withRunner } from "./reference/runner.js";

const { isas } = native().cpuInfo();
const fixtures = resolve(import.meta.dirname, "fixtures/checkpoints");
const names = readdirSync(fixtures, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

interface Golden {
  readonly prompt: number[];
  readonly logits: string;
  readonly greedy: number[];
}

describe.each(isas)("on %s", (isa) => {
  it.each(names)("%s: logits and greedy ids are those of the library", async (name) => {
    const golden = readJson<Golden>(join(fixtures, name, "golden.json"));
    await withRunner(join(fixtures, name), { isa, kvType: "f32" }, async (run) => {
      const rows = await run.logits(golden.prompt);
      const all = Float32Array.from(rows.flatMap((row) => [...row]));
      expect(largestDifference(all, floats(golden.logits))).toBeLessThan(2e-4);
      expect(await run.greedy(golden.prompt, golden.greedy.length)).toEqual(golden.greedy);
    });
  });
});

/** What the weights of the seven matrices become. */
const becomes: Record<string, string> = {
  "fp8-blocks": "F8_SCALED",
  "fp8-ue8m0": "F8_SCALED",
  "ct-fp8-channel": "F8_SCALED",
  "ct-fp8-tensor": "F8_SCALED",
  "ct-int4": "U4_SCALED",
  "ct-int4-asym": "U4_SCALED",
  "ct-int4-actorder": "BF16",
  "ct-int8-channel": "U8_SCALED",
  "ct-w8": "U8_SCALED",
  "gptq-4": "Q4_0",
  "gptq-4-asym": "U4_SCALED",
  "gptq-4-desc": "F16",
  "gptq-8": "Q8_0",
  "gptq-3-v2": "U4_SCALED",
  awq: "U4_SCALED",
  nf4: "NF4",
  fp4: "FP4",
  int8: "U8_SCALED",
};
