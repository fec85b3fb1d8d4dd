// Weights come into memory before the first step, and nobody waits for that.

import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { embeddedModel, loadModel } from "../src/index.js";
import { native } from "../src/native.js";

/** Bytes of the mapped weights that are in the tables of this process, as Linux shows them. */
function resident(): number {
  const [, mapping = ""] = readFileSync("/proc/self/smaps", "utf8").split(/^\S+ r--s .*model\.safetensors$/m);
  return 1024 * Number(/^Rss: +(\d+) kB$/m.exec(mapping)?.[1] ?? 0);
}

const threads = () => readdirSync("/proc/self/task").length;

describe.runIf(process.platform === "linux")("read ahead (as /proc shows it)", () => {
  beforeAll(async () => {
    // What Node makes at its first work, it keeps.
    await using model = await loadModel(embeddedModel);
    await model.generate("Once", { maxTokens: 2 });
  });

  it("all weights are in memory though no step has run", async () => {
    const before = threads();
    await using model = await loadModel(embeddedModel, { threads: availableParallelism() });
    await vi.waitFor(() => expect(resident()).toBeGreaterThan(0.95 * model.mappedBytes), { timeout: 10_000 });
    await vi.waitFor(() => expect(threads()).toBeLessThanOrEqual(before + availableParallelism()));
  });

  it("ends with its model, wherever it is", async () => {
    const before = threads();
    for (let i = 0; i < 20; i++) {
      const model = await loadModel(embeddedModel, { threads: 1 });
      await model.dispose();
      expect(native().filesMapped()).toBe(0);
    }
    await vi.waitFor(() => expect(threads()).toBeLessThanOrEqual(before));
  });
});
