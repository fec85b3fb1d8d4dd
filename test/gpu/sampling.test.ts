// What the device leaves of a row gives the ids that the whole row gives.

import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import type { Batch, Executable, Output } from "../../src/backends/backend.js";
import { type NativeSamplerOptions, native, type Sampled, type Sampler } from "../../src/native.js";
import { batchOf, Folder, options, Random, TestProgram } from "../kernel_programs.js";
import { Chance, off } from "../reference/sample_cases.js";
import { closeGpu, compileOnGpu, openGpu, whySkipped } from "./device.js";

const gpu = await openGpu().catch(whySkipped);
const folder = new Folder();

afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  await closeGpu();
  folder.close();
});

/** Tokens whose logits are these rows, token for row. */
async function compile(rows: readonly Float32Array[]): Promise<Executable> {
  const vocab = rows[0]!.length;
  const test = new TestProgram(new Random(1));
  const all = new Float32Array(rows.length * vocab);
  rows.forEach((row, i) => {
    all.set(row, i * vocab);
  });
  const program = test.finish(test.input(rows.length, vocab, all));
  return compileOnGpu(program, test.tensors(folder), options());
}

/** A sequence of its own for each token, which wants this output. */
function batch(wanted: readonly (Omit<Output, "token"> & { row: number })[]): Batch {
  const spans = wanted.map(({ row }) => ({ sequence: 0, position: 0, ids: [row] }));
  return { ...batchOf(spans), outputs: wanted.map(({ row: _, ...output }, token) => ({ ...output, token })) };
}

const samplerOf = (options: Partial<NativeSamplerOptions>) => native().samplerCreate({ ...off, ...options });

function rowsOf(vocab: number): Float32Array[] {
  const chance = new Chance(vocab);
  const bell = () => (chance.next() + chance.next() + chance.next() - 1.5) * 6;
  const row = (value: (id: number) => number) => Float32Array.from({ length: vocab }, (_, id) => value(id));
  return [
    row(bell),
    row((id) => bell() + (id < vocab / 100 ? 5 : 0)), // the most probable ids side by side, as in vocabularies
    row(() => Math.round(bell() * 8) / 8),
    row(() => chance.of([-0, 0, -1])),
    row(() => 0.25),
    row(() => (chance.below(20) ? -Infinity : bell())),
    row((id) => (id === vocab - 2 ? 1e30 : -3e38)),
    row(() => chance.of([Number.NaN, Infinity, -Infinity, bell(), bell(), bell()])),
    row(() => Number.NaN),
  ];
}

function casesOf(vocab: number): [name: string, Partial<NativeSamplerOptions>][] {
  const history = new Chance(3).ids(60, vocab);
  const bias = (value: number) => ({ biasIds: Int32Array.of(1, vocab - 1), biasValues: Float32Array.of(value, value) });
  return [
    ["greedy", { temperature: 0 }],
    ["topK 2", { topK: 2 }],
    ["topK 40", { topK: 40, temperature: 1.5 }],
    ["topK 256", { topK: 256 }],
    ["topK 1000", { topK: 1000 }],
    ["topP", { topK: 40, topP: 0.8 }],
    ["minP", { topK: 40, minP: 0.2 }],
    ["typicalP", { topK: 50, typicalP: 0.6 }],
    ["repetitionPenalty", { topK: 20, repetitionPenalty: 1.3, history }],
    ["all penalties", { temperature: 0, repetitionPenalty: 1.1, frequencyPenalty: 0.4, presencePenalty: 0.2, history }],
    ["penalties that raise", { topK: 20, frequencyPenalty: -0.5 }],
    ["forbidden ids", { topK: 20, ...bias(-Infinity) }],
    ["favoured ids", { topK: 20, ...bias(3) }],
    ["no topK", { topP: 0.5 }],
    ["logprobs", { topK: 20, logprobs: 3 }],
  ];
}

describe.skipIf(typeof gpu === "string")(`sampling (${typeof gpu === "string" ? gpu : gpu.device.facts.name})`, () => {
  it.each([
    [7, 20],
    [1000, 20],
    [32_003, 4],
    [151_936, 2],
  ])("vocabulary of %i: %i tokens of each row and sampler", async (vocab, steps) => {
    const rows = rowsOf(vocab);
    const executable = await compile(rows);
    const back = await executable.run(batch(rows.map((_, row) => ({ row, logits: true }))));
    const wanted = casesOf(vocab).flatMap(([name, given], i) =>
      rows.map((_, row) => {
        const sampler = () => samplerOf({ vocab, seed: BigInt(i), ...given });
        return { name, row, here: sampler(), there: sampler() };
      }),
    );
    for (let step = 0; step < steps; step++) {
      const results = await executable.run(batch(wanted.map(({ row, there }) => ({ row, sampler: there }))));
      wanted.forEach(({ name, row, here }, i) => {
        const same = native().samplerSample(here, back[row]!.logits!);
        expect(results[i]!.sampled, `${name}, row ${row}, step ${step}`).toEqual(same);
      });
    }
    await executable.dispose();
  });

  it("reads no whole row of ordinary logits where a part is enough, in a first step of many rows", async () => {
    const vocab = 151_936;
    const executable = await compile(rowsOf(vocab).slice(0, 2));
    const whole = vi.spyOn(native(), "samplerSample");
    const cases = casesOf(vocab).filter(
      ([, options]) => native().samplerNeeds(samplerOf({ vocab, ...options }), 0) > 0,
    );
    const samplers = cases.flatMap(([, options]) => [0, 1].map((row) => ({ row, options: { vocab, ...options } })));
    const wanted = [...samplers, ...samplers].map(({ row, options }) => ({ row, sampler: samplerOf(options) }));
    expect(wanted.length).toBeGreaterThan(32);
    const results = await executable.run(batch(wanted));
    expect(whole).not.toHaveBeenCalled();
    const rows = await executable.run(batch([0, 1].map((row) => ({ row, logits: true }))));
    const again = [...samplers, ...samplers].map(({ row, options }) =>
      native().samplerSample(samplerOf(options), rows[row]!.logits!),
    );
    expect(results.map(({ sampled }) => sampled)).toEqual(again);
    await executable.dispose();
  });

  it("gives logits, scores and samples of the same step, each output what it asks for", async () => {
    const rows = rowsOf(1000);
    const executable = await compile(rows);
    const sampler = () => samplerOf({ vocab: 1000, topK: 30 });
    const results = await executable.run(
      batch([
        { row: 0, sampler: sampler() },
        { row: 1, sampler: sampler(), logits: true },
        { row: 2 },
        { row: 2, target: 7, sampler: sampler() },
        { row: 1, logits: true },
        { row: 2, target: -1 },
        { row: 5, sampler: sampler() },
      ]),
    );
    expect(results[1]!.logits).toEqual(rows[1]);
    expect(results[4]!.logits).toEqual(rows[1]);
    expect(results[3]!.score).toEqual(native().scoreRow(rows[2]!, 7, null));
    expect(results[5]!.score).toBeUndefined();
    expect(results.map(({ sampled }) => sampled)).toEqual(
      [0, 1, undefined, 2, undefined, undefined, 5].map((row) =>
        row === undefined ? undefined : native().samplerSample(sampler(), rows[row]!),
      ),
    );
    await executable.dispose();
  });
});

describe.skipIf(typeof gpu === "string")("guesses", () => {
  const vocab = 1000;
  // The most probable id after token i is i + 1, by far.
  const rows = Array.from({ length: 10 }, (_, i) =>
    new Random(i).values(vocab).map((value, id) => value + (id === i + 1 ? 50 : 0)),
  );
  /** What one sampler gives for tokens that are guessed. */
  const outputs = (tokens: readonly number[], sampler: Sampler) =>
    batch(tokens.map((row, i) => ({ row, sampler, guess: i > 0 })));

  it.each([
    ["greedy", { temperature: 0 }],
    ["topK", { topK: 20, seed: 5n }],
    ["penalties", { topK: 20, presencePenalty: 0.5, repetitionPenalty: 1.05 }],
  ] as const)("%s: sampled as long as they come true", async (_, given) => {
    const executable = await compile(rows);
    const here = samplerOf({ vocab, ...given });
    const there = samplerOf({ vocab, ...given });
    const whole = vi.spyOn(native(), "samplerSample");
    const run = async (tokens: number[]) =>
      (await executable.run(outputs(tokens, there))).map(({ sampled }) => sampled?.id);
    expect(await run([0, 1, 2, 7, 8])).toEqual([1, 2, 3, undefined, undefined]);
    expect(await run([4, 5, 6])).toEqual([5, 6, 7]);
    expect(whole).not.toHaveBeenCalled();
    for (const row of [0, 1, 2, 4, 5, 6]) native().samplerSample(here, rows[row]!);
    // A wrong guess has left the sampler as it was.
    const next: (Sampled | undefined)[] = (await executable.run(outputs([9], there))).map(({ sampled }) => sampled);
    expect(next).toEqual([native().samplerSample(here, rows[9]!)]);
    await executable.dispose();
  });

  it("several outputs of one sampler that are no guesses are sampled in order", async () => {
    const executable = await compile(rows);
    const given = { vocab, temperature: 0, presencePenalty: 60 };
    const there = samplerOf(given);
    const results = await executable.run(batch([3, 3, 3, 3].map((row) => ({ row, sampler: there }))));
    const here = samplerOf(given);
    expect(results.map(({ sampled }) => sampled)).toEqual(
      [3, 3, 3, 3].map((row) => native().samplerSample(here, rows[row]!)),
    );
    await executable.dispose();
  });
});
