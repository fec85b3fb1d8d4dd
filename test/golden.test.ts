// Every architecture, format and type against Python's transformers: logits and greedy ids (fixtures and their scripts
// are in test/fixtures), on every instruction set of this machine; and trained models made elsewhere where present.

import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openModel } from "../src/formats/open.js";
import { codecOf } from "../src/quants/index.js";
import { noteModel } from "./reference/model_result.js";
import { floats, largestDifference, type Runner, readJson, withRunner } from "./reference/runner.js";
import { expectSame, isas, onGpu } from "./reference/targets.js";
import { safetensorsFile } from "./reference/write_safetensors.js";

const fixtures = resolve(import.meta.dirname, "fixtures");
const models = join(fixtures, "models");
const tiny = resolve(import.meta.dirname, "../models/tiny");
const weights = resolve(import.meta.dirname, "../../shared/weights");

interface Golden {
  prompt: number[];
  shape: [number, number];
  logits: string;
  greedy: number[];
}

const folders = readdirSync(models, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const ggufs = readdirSync(models).filter((name) => name.endsWith(".gguf"));
const cases = [
  ...folders.map(({ name }) => [name, join(models, name), join(models, name, "golden.json")] as const),
  ...ggufs.map((name) => [name, join(models, name), join(models, name.replace(/gguf$/, "json"))] as const),
];

let wide: string | undefined;
afterAll(() => wide && rmSync(wide, { recursive: true }));

/** The embedded model with F32 weights: every BF16 number is one in F32, too. */
async function widened(): Promise<string> {
  if (wide) return wide;
  wide = mkdtempSync(join(tmpdir(), "deadlift-wide-"));
  cpSync(tiny, wide, { recursive: true });
  const opened = await openModel(tiny);
  const header: Record<string, object> = {};
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const { name, shape, quant, file, offset, byteLength } of new Set(opened.tensors.values())) {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    codecOf(quant, name).decode(file.bytes(offset, byteLength), values);
    parts.push(new Uint8Array(values.buffer));
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
  }
  opened.close();
  writeFileSync(join(wide, "model.safetensors"), safetensorsFile(header, Buffer.concat(parts)));
  return wide;
}

/**
 * Matrix products of AMX take activations as bf16 (those of F32 weights as sums of two), as transformers does in bfloat16;
 * the goldens are of F32. Random models have logits of 3 that stand close together: there another id may be the largest.
 */
const rounds = (isa: string, run: Runner) =>
  isa === "amx" && [...run.opened.tensors.values()].some(({ quant }) => quant !== "F32");

/** How far logits may be from those of transformers. */
function tolerance(isa: string, path: string, run: Runner): number {
  if (onGpu) return /q[48]_0|mxfp4/.test(path) ? 4e-3 : 1e-3;
  if (rounds(isa, run)) return 0.3;
  // Whole-number weights meet activations rounded to 16 bits; transformers rounds none.
  return /q[48]_0|mxfp4/.test(path) ? 4e-3 : isa === "amx" ? 4e-4 : 2e-4;
}

/** Greedy ids are those expected or, where the set rounds, hardly worse ones by the logits of a set that does not. */
async function expectGreedy(
  run: Runner,
  isa: string,
  path: string,
  prompt: number[],
  expected: number[],
  options = {},
) {
  const ids = await run.greedy(prompt, expected.length);
  if (!rounds(isa, run)) return expect(ids).toEqual(expected);
  await withRunner(path, { ...options, isa: "scalar" }, async (plain) => {
    const rows = (await plain.logits([...prompt, ...ids])).slice(prompt.length - 1, -1);
    const lost = rows.map((row, i) => row.reduce((most, x) => Math.max(most, x)) - row[ids[i]!]!);
    expect(Math.max(...lost)).toBeLessThan(0.3);
  });
}

describe.each(isas)("on %s", (isa) => {
  it.for(cases)("%s: logits and greedy ids are those of transformers", async ([, path, goldenPath], context) => {
    const golden = readJson<Golden>(goldenPath);
    const expected = floats(golden.logits);
    await withRunner(path, { isa, kvType: "f32" }, async (run) => {
      const rows = await run.logits(golden.prompt);
      const all = Float32Array.from(rows.flatMap((row) => [...row]));
      const difference = largestDifference(all, expected);
      expect(difference).toBeLessThan(tolerance(isa, path, run));
      // Quantised twins are held to what quantising leaves of them.
      const folder = path.replace(/(-f32|-f16|-bf16)?\.gguf$/, "");
      if (existsSync(join(folder, "config.json"))) noteModel(context, { folder, file: path, isa, difference });
      await expectGreedy(run, isa, path, golden.prompt, golden.greedy, { kvType: "f32" });
    });
  });

  it.each(readJson<{ kind: string; ids: number[]; greedy: number[] }[]>(join(fixtures, "tiny/greedy.json")))(
    "the embedded model: 200 greedy ids, $kind",
    async ({ ids, greedy }) => {
      expect(greedy).toHaveLength(200);
      await withRunner(tiny, { isa }, (run) => expectGreedy(run, isa, tiny, ids, greedy));
    },
  );

  it("the embedded model: logits within 2e-2 as published, 1e-3 with its weights widened to F32", async () => {
    const golden = readJson<{ ids: number[]; positions: number[]; f32: string }>(join(fixtures, "tiny/logits.json"));
    const expected = floats(golden.f32);
    const difference = (path: string) =>
      withRunner(path, { isa }, async (run) => {
        const rows = await run.logits(golden.ids);
        return largestDifference(
          golden.positions.flatMap((position) => [...rows[position]!]),
          expected,
        );
      });
    expect(await difference(tiny)).toBeLessThan(isa === "amx" ? 6e-2 : 2e-2);
    expect(await difference(await widened())).toBeLessThan(1e-3);
  });
});

describe("keys and values in q8_0", () => {
  const golden = readJson<{ ids: number[]; positions: number[]; f32: string }>(join(fixtures, "tiny/logits.json"));
  const run = (isa: string, threads: number, step?: number) =>
    withRunner(tiny, { isa, threads, kvType: "q8_0" }, (runner) => runner.logits(golden.ids, step));

  it.each(isas)(
    "the embedded model: logits within 0.1, the same bits on 1 to 4 threads, in any steps (%s)",
    async (isa) => {
      const rows = await run(isa, 1);
      const values = golden.positions.flatMap((position) => [...rows[position]!]);
      expect(largestDifference(values, floats(golden.f32))).toBeLessThan(0.1);
      for (const threads of onGpu ? [] : [2, 3, 4]) expect(await run(isa, threads)).toEqual(rows);
      // A sum in another order may round a key to the next byte.
      for (const step of [1, 5]) expectSame(await run(isa, 2, step), rows, 0.1);
    },
  );
});

/** What keys and values in f16 leave of the sums of a GPU. */
const published = 2e-2;

describe("thread counts, batches and steps", () => {
  const prompt = readJson<{ ids: number[] }>(join(fixtures, "tiny/logits.json")).ids;

  it.each(isas)("the same input gives the same bits on 1, 2, 3 and 4 threads (%s)", async (isa) => {
    const results: Float32Array[][] = [];
    for (const threads of [1, 2, 3, 4]) {
      results.push(await withRunner(tiny, { isa, threads }, (run) => run.logits(prompt)));
    }
    // A GPU, too: four times the same step.
    for (const result of results.slice(1)) expect(result).toEqual(results[0]);
  });

  it.each(isas)("a sequence has the same bits in one step, in steps of 5, and token by token (%s)", async (isa) => {
    await withRunner(tiny, { isa }, async (run) => {
      const whole = await run.logits(prompt);
      expectSame(await run.logits(prompt, 5), whole, published);
      expectSame(await run.logits(prompt, 1), whole, published);
    });
  });

  it.each(isas)(
    "three interleaved sequences of different lengths give the same ids and bits as alone (%s)",
    async (isa) => {
      const prompts = [prompt.slice(0, 3), prompt, [...prompt, ...prompt, ...prompt].slice(0, 70)];
      await withRunner(tiny, { isa }, async (run) => {
        const alone: Float32Array[] = [];
        for (const one of prompts) alone.push(...(await run.logits(one)));
        const together = await Promise.all(prompts.map((one) => run.logits(one)));
        expectSame(together.flat(), alone, published);
      });
      const greedyAlone: number[][] = [];
      for (const one of prompts) {
        greedyAlone.push(await withRunner(tiny, { isa }, (run) => run.greedy(one, 40)));
      }
      await withRunner(tiny, { isa }, async (run) => {
        expect(await Promise.all(prompts.map((one) => run.greedy(one, 40)))).toEqual(greedyAlone);
      });
    },
  );
});

describe("a mixture of experts", () => {
  const path = join(fixtures, "checkpoints/gpt-oss");
  const { prompt, greedy } = readJson<Golden>(join(path, "golden.json"));
  const sequences = [prompt.slice(0, 1), prompt, [...prompt, ...greedy, ...greedy].slice(0, 110)];

  it.each(isas)("gives the same bits on 1 to 4 threads, in steps of any size, and beside others (%s)", async (isa) => {
    const results: Float32Array[][][] = [];
    for (const threads of onGpu ? [1] : [1, 2, 3, 4]) {
      await withRunner(path, { isa, threads }, async (run) => {
        const alone: Float32Array[][] = [];
        for (const one of sequences) alone.push(await run.logits(one));
        results.push(alone);
        results.push(await Promise.all(sequences.map((one) => run.logits(one))));
        results.push(await Promise.all(sequences.map((one, i) => run.logits(one, 1 + 4 * i))));
      });
    }
    for (const result of results.slice(1)) expectSame(result.flat(), results[0]!.flat(), published);
  });
});

interface Reference {
  greedy_ids: number[];
  logits_first_pos_first8: number[];
  logits_pos15_first8: number[];
  logits_16pos_sum: number;
  logits_16pos_l2: number;
}

// Skipped without the folder: these files are of other authors and not part of the project.
describe.skipIf(!existsSync(weights))("trained models of other authors (../shared/weights)", () => {
  const trained = [
    ["stories260K", join(weights, "stories260K/stories260K.gguf")],
    ["tinystories-656k", join(weights, "tinystories-656k")],
  ] as const;

  describe.each(trained)("%s", (name, path) => {
    const read = () => readJson<Reference>(join(weights, name, "REFERENCE.json"));

    it.each(isas.flatMap((isa) => [1, 2, 3, 4].map((threads) => [isa, threads] as const)))(
      "greedy ids equal the reference to the last (%s, %i threads)",
      async (isa, threads) => {
        const [bos, ...rest] = read().greedy_ids;
        await withRunner(path, { isa, threads }, async (run) =>
          expect(await run.greedy([bos!], rest.length)).toEqual(rest),
        );
      },
    );

    it.each(isas)("logits within 1e-4 of a float64 implementation (%s)", async (isa) => {
      const reference = read();
      await withRunner(path, { isa }, async (run) => {
        const rows = await run.logits(reference.greedy_ids.slice(0, 16));
        expect(largestDifference(rows[0]!.subarray(0, 8), reference.logits_first_pos_first8)).toBeLessThan(1e-4);
        expect(largestDifference(rows[15]!.subarray(0, 8), reference.logits_pos15_first8)).toBeLessThan(1e-4);
        const values = rows.flatMap((row) => [...row]);
        const sum = values.reduce((a, b) => a + b, 0);
        expect(Math.abs(sum - reference.logits_16pos_sum) / values.length).toBeLessThan(1e-4);
        expect(Math.abs(Math.hypot(...values) - reference.logits_16pos_l2)).toBeLessThan(1e-2);
      });
    });
  });
});
