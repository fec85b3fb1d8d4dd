// What a model's tokens cost, counted by hand; and that the machine's limits are measured on every instruction set.

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CpuBackend } from "../src/backends/cpu.js";
import { embeddedModel, loadModel } from "../src/index.js";
import { native } from "../src/native.js";

const fixtures = join(import.meta.dirname, "fixtures/models");

describe("the work of a model", () => {
  it("is its matrices, once for all streams, and keys and values for each", async () => {
    await using model = await loadModel(embeddedModel);
    const { dim, ffn, layers, heads, kvHeads, headDim, vocab, tiedOutput } = model.config;
    expect(tiedOutput).toBe(true);
    const layer = 2 * dim * heads * headDim + 2 * dim * kvHeads * headDim + 3 * dim * ffn;
    expect(model.work.promptFlops).toBe(2 * layers * layer);
    const matrices = 2 * (layers * layer + vocab * dim);
    const cached = 2 * layers * 2 * kvHeads * headDim * 100;
    expect(model.work.stepBytes(1, 0)).toBe(matrices);
    expect(model.work.stepBytes(8, 100)).toBe(matrices + 8 * cached);
  });

  it("is that of the experts that are used, and of windows", async () => {
    await using model = await loadModel(join(fixtures, "gpt-oss-mxfp4.gguf"));
    const { dim, layers, heads, kvHeads, headDim, experts, windows } = model.config;
    const attention = 2 * dim * heads * headDim + 2 * dim * kvHeads * headDim;
    const mixture = dim * experts.count + experts.used * 3 * dim * experts.ffn;
    expect(model.work.promptFlops).toBe(2 * layers * (attention + mixture));
    const read = (context: number) =>
      windows.reduce<number>((sum, window) => sum + Math.min(window ?? context, context), 0);
    const cached = model.work.stepBytes(1, 1000)! - model.work.stepBytes(1, 0)!;
    expect(cached).toBe(2 * 2 * kvHeads * headDim * read(1000));
    expect(model.work.stepBytes(2, 0)).toBeUndefined();
  });
});

describe("the machine's limits", () => {
  it.each(native().cpuInfo().isas)("on %s", async (isa) => {
    const backend = new CpuBackend({ isa, threads: 2 });
    expect(await backend.bandwidth(1 << 24)).toBeGreaterThan(0);
    // Between a processor that does one operation every other cycle and one that does thousands.
    const peak = await backend.peak();
    expect(peak).toBeGreaterThan(0.0005);
    expect(peak).toBeLessThan(100);
    await backend.dispose();
  });
});
