// Every family of encoders and each of its heads against Python's transformers, from safetensors and from llama.cpp's GGUF,
// on every instruction set. fixtures/encoders/make.py made them.

import { existsSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Pooling } from "../src/program/ops.js";
import { type Text, withEncoder } from "./reference/encoder.js";
import { noteModel } from "./reference/model_result.js";
import { pooled } from "./reference/row_ops.js";
import { floats, largestDifference, readJson } from "./reference/runner.js";
import { expectSame, isas } from "./reference/targets.js";

const encoders = resolve(import.meta.dirname, "fixtures/encoders");

interface Golden {
  readonly texts: Text[];
  readonly rows: string[];
}

const files = readdirSync(encoders);
/** A folder and its golden, and the same model as GGUF, which may say how it pools: name, file, golden. */
const cases = files
  .filter((name) => existsSync(join(encoders, name, "golden.json")))
  .flatMap((name) => {
    const twins = ["", "-mean", "-cls", "-last"]
      .map((pooling) => `${name}${pooling}.gguf`)
      .filter((file) => files.includes(file));
    return [name, ...twins].map((file) => [file, join(encoders, file), join(encoders, name, "golden.json")] as const);
  });

/** bf16 products round activations. */
const exact = isas.filter((isa) => isa !== "amx");

describe.each(exact)("on %s", (isa) => {
  it.for(cases)("%s: rows are those of transformers, alone and together", async ([, file, goldenPath], context) => {
    const { texts, rows } = readJson<Golden>(goldenPath);
    const differences: number[] = [];
    await withEncoder(file, { isa, threads: 2 }, async ({ opened, run }) => {
      const { kind, pooling } = opened.config.head;
      const together = await run(texts);
      for (const [i, text] of texts.entries()) {
        const wanted = floats(rows[i]!);
        expect(together[i]!.length).toBeGreaterThan(0);
        const same = kind === "embedding" ? pool(wanted, text, pooling!) : wanted;
        differences.push(largestDifference(together[i]!, same));
        expect(differences.at(-1)).toBeLessThan(1e-3);
        expectSame(await run([text]), [together[i]!]);
      }
    });
    noteModel(context, { folder: dirname(goldenPath), file, isa, difference: Math.max(...differences) });
  });
});

function pool(states: Float32Array, { ids }: Text, pooling: Pooling): Float32Array {
  const width = states.length / ids.length;
  const rows = ids.map((_, t) => Float64Array.from(states.subarray(t * width, (t + 1) * width)));
  return Float32Array.from(pooled(rows, pooling));
}
