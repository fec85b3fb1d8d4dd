// Every family of decoders against Python's transformers, from safetensors and from llama.cpp's GGUF, on every instruction
// set: logits of three prompts and greedy ids. fixtures/families/make.py made them.

import { existsSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { noteModel } from "./reference/model_result.js";
import { floats, largestDifference, readJson, withRunner } from "./reference/runner.js";
import { expectSame, isas, onGpu } from "./reference/targets.js";

const families = resolve(import.meta.dirname, "fixtures/families");

interface Golden {
  readonly prompts: number[][];
  readonly logits: string[];
  readonly greedy: number[][];
  readonly contextSize?: number;
}

const names = readdirSync(families).filter((name) => existsSync(join(families, name, "golden.json")));
const cases = names.flatMap((name) => {
  const gguf = `${name}.gguf`;
  const golden = join(families, name, "golden.json");
  const folder = [name, join(families, name), golden] as const;
  return existsSync(join(families, gguf)) ? [folder, [gguf, join(families, gguf), golden] as const] : [folder];
});

/** bf16 products round activations; there another id may be the largest. */
const exact = isas.filter((isa) => isa !== "amx");

describe.each(exact)("on %s", (isa) => {
  it.for(cases)("%s: logits and greedy ids are those of transformers", async ([, file, goldenPath], context) => {
    const golden = readJson<Golden>(goldenPath);
    const differences: number[] = [];
    await withRunner(file, { isa, kvType: "f32", contextSize: golden.contextSize }, async (run) => {
      for (const [i, prompt] of golden.prompts.entries()) {
        const rows = await run.logits(prompt);
        const all = Float32Array.from(rows.flatMap((row) => [...row]));
        differences.push(largestDifference(all, floats(golden.logits[i]!)));
        expect(differences.at(-1)).toBeLessThan(1e-3);
        expect(await run.greedy(prompt, golden.greedy[i]!.length)).toEqual(golden.greedy[i]);
      }
    });
    noteModel(context, { folder: dirname(goldenPath), file, isa, difference: Math.max(...differences) });
  });

  it.each(cases)("%s: the same bits in one step and in steps of 5", async (_, path, goldenPath) => {
    const [prompt] = readJson<Golden>(goldenPath).prompts;
    // Sums in another order may round a key of f16 to its neighbour.
    const kvType = onGpu ? "f32" : undefined;
    await withRunner(path, { isa, kvType, threads: 2 }, async (run) => {
      expectSame(await run.logits(prompt!, 5), await run.logits(prompt!));
    });
  });
});
