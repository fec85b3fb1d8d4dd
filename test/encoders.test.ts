// Every family of encoders and each of its heads against Python's transformers, from safetensors and from llama.cpp's GGUF,
// on every instruction set. fixtures/encoders/make.py made them.

import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { native } from "../src/native.js";
import { type Text, withEncoder } from "./reference/encoder.js";
import { floats, largestDifference, readJson } from "./reference/runner.js";

const { isas } = native().cpuInfo();
const encoders = resolve(import.meta.dirname, "fixtures/encoders");

interface Golden {
  readonly texts: Text[];
  readonly rows: string[];
}

const cases = readdirSync(encoders).filter((name) => existsSync(join(encoders, name, "golden.json")));

/** bf16 products round activations. */
const exact = isas.filter((isa) => isa !== "amx");

describe.each(exact)("on %s", (isa) => {
  it.each(cases)("%s: rows are those of transformers, alone and together", async (name) => {
    const { texts, rows } = readJson<Golden>(join(encoders, name, "golden.json"));
    await withEncoder(join(encoders, name), { isa, threads: 2 }, async ({ run }) => {
      const together = await run(texts);
      for (const [i, text] of texts.entries()) {
        expect(largestDifference(together[i]!, floats(rows[i]!))).toBeLessThan(1e-3);
        expect(await run([text])).toEqual([together[i]]);
      }
    });
  });
});
