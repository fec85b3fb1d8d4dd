// The ops that carry a state, against their plain meaning on every instruction set of this machine: odd shapes; and the
// same bits on any number of threads, in steps of any size, from any slot to any slot, beside other sequences.

import { afterAll, describe, expect, it } from "vitest";
import type { Batch, Executable, StateSlots } from "../src/backends/backend.js";
import { CpuBackend } from "../src/backends/cpu.js";
import type { Program } from "../src/program/ops.js";
import { closeGpu, compileOnGpu } from "./gpu/device.js";
import { batchOf, Folder, options, Random, runRows, TestProgram } from "./kernel_programs.js";
import { ReferenceExecutable } from "./reference/ops.js";
import { gpuTolerance, isas, onGpu } from "./reference/targets.js";

const folder = new Folder();
const backends = new Map<string, CpuBackend>();

function backend(isa: string, threads: number): CpuBackend {
  const key = `${isa} ${threads}`;
  if (!backends.has(key)) backends.set(key, new CpuBackend({ isa, threads }));
  return backends.get(key)!;
}

afterAll(async () => {
  await closeGpu();
  for (const one of backends.values()) await one.dispose();
  folder.close();
});

interface Case {
  readonly test: TestProgram;
  readonly program: Program;
}

const TOKENS = 90;
const STATES = 6;
const given = options({ states: STATES, maxTokens: 2 * TOKENS, maxOutputs: 2 * TOKENS });

/** A step of ids [from, to), which are also its positions. */
function step(from: number, to: number, state: StateSlots, sequence = 0): Batch {
  const ids = Array.from({ length: to - from }, (_, i) => from + i);
  const batch = batchOf([{ sequence, position: from, ids }]);
  return { ...batch, spans: [{ ...batch.spans[0]!, state }] };
}

/** Both steps at once. */
function together(a: Batch, b: Batch): Batch {
  const outputs = b.outputs.map((output) => ({ ...output, token: output.token + a.tokens.length }));
  return {
    tokens: Int32Array.from([...a.tokens, ...b.tokens]),
    spans: [...a.spans, ...b.spans],
    outputs: [...a.outputs, ...outputs],
  };
}

const first = (to: number) => ({ from: undefined, to });

function expectClose(actual: readonly Float32Array[], wanted: readonly Float32Array[], tolerance: number): void {
  wanted.forEach((row, t) => {
    const scale = row.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
    const worst = row.reduce((most, x, i) => Math.max(most, Math.abs(x - actual[t]![i]!)), 0);
    expect(worst / scale).toBeLessThan(tolerance);
    expect(actual[t]!.some(Number.isNaN)).toBe(false);
  });
}

function compileOn(isa: string, threads: number, { test, program }: Case): Promise<Executable> {
  const tensors = test.tensors(folder, 1 + threads);
  return onGpu ? compileOnGpu(program, tensors, given) : backend(isa, threads).compile(program, tensors, given);
}

async function check(isa: string, { test, program }: Case, tolerance: number): Promise<void> {
  const compile = (threads: number) => compileOn(isa, threads, { test, program });
  const plain = new ReferenceExecutable(program, test.plainWeights, given);
  const wanted = await runRows(plain, step(0, TOKENS, first(0)));
  const executable = await compile(1);
  const rows = await runRows(executable, step(0, TOKENS, first(0)));
  expectClose(rows, wanted, onGpu ? gpuTolerance(tolerance) : tolerance);
  for (const threads of onGpu ? [2] : [2, 3, 4]) {
    const other = await compile(threads);
    expect(await runRows(other, step(0, TOKENS, first(3)))).toEqual(rows);
    // What another sequence has left in a slot does not matter at the start of one.
    expect(await runRows(other, step(0, TOKENS, first(3)))).toEqual(rows);
    await other.dispose();
  }
  const { spans, ...rest } = step(0, TOKENS, first(0));
  const unkept = spans.map(({ state, ...span }) => span);
  expect(await runRows(executable, { ...rest, spans: unkept })).toEqual(rows);
  await expectSameInSteps(executable, rows);
  await executable.dispose();
}

/** Over itself, from slot to slot, and beside another sequence. */
async function expectSameInSteps(executable: Executable, rows: readonly Float32Array[]): Promise<void> {
  const cuts = [0, 1, 2, 5, 6, 40, TOKENS];
  for (const [i, from] of cuts.slice(0, -1).entries()) {
    const to = cuts[i + 1]!;
    const wanted = rows.slice(from, to);
    const over = { from: from === 0 ? undefined : 5, to: 5 };
    const along = { from: from === 0 ? undefined : i % 2, to: (i + 1) % 2 };
    const [a, b] = [step(from, to, over), step(from, to, along, 1)];
    expect(await runRows(executable, together(a, b))).toEqual([...wanted, ...wanted]);
    // From the slot that the step above has left as it was, once more, between others.
    const again = { ...along, to: 2 };
    const between = together(step(0, 3, first(3), 2), step(from, to, again, 1));
    expect((await runRows(executable, between)).slice(3)).toEqual(wanted);
  }
}

/** Keys of length 1, steps and shares between 0 and 1: else states grow without end. */
function deltaCase(keyHeads: number, heads: number, keyDim: number, valueDim: number, logRates: boolean): Case {
  const test = new TestProgram(new Random(heads * 100 + valueDim));
  const { random } = test;
  const unit = (n: number) => random.values(TOKENS * n, Math.sqrt(3 / keyDim));
  const positive = (n: number) => random.values(TOKENS * n).map(Math.abs);
  const [q, k] = [1, 2].map(() => test.input(TOKENS, keyHeads * keyDim, unit(keyHeads * keyDim))) as [number, number];
  const v = test.input(TOKENS, heads * valueDim);
  const [forward, beta] = [1, 2].map(() => test.input(TOKENS, heads, positive(heads))) as [number, number];
  const values = random.values(heads).map((value) => (logRates ? value : -Math.abs(value)));
  const rates = test.weight(logRates ? "BF16" : "F32", [heads], values);
  const state = test.states.push({ values: heads * keyDim * valueDim }) - 1;
  const out = test.buffer(heads * valueDim);
  test.ops.push({
    kind: "delta",
    out,
    q,
    k,
    v,
    step: forward,
    beta,
    rates,
    logRates,
    keyHeads,
    keysInTurn: logRates,
    state,
  });
  return { test, program: test.finish(out) };
}

function scanCase([groups, heads, headDim, stateDim]: readonly number[], ofStates: boolean, logRates: boolean): Case {
  const test = new TestProgram(new Random(heads! * 100 + headDim!));
  const { random } = test;
  const x = test.input(TOKENS, heads! * headDim!);
  const forward = test.input(TOKENS, heads!, random.values(TOKENS * heads!).map(Math.abs));
  const [b, c] = [1, 2].map(() => test.input(TOKENS, groups! * stateDim!)) as [number, number];
  const shape = ofStates ? [heads!, stateDim!] : [heads!];
  const values = random.values(heads! * (ofStates ? stateDim! : 1)).map((r) => (logRates ? r : -Math.abs(r)));
  const rates = test.weight(logRates ? "F16" : "F32", shape, values);
  const skip = test.weight("BF16", [heads!]);
  // A state before it: where this one begins must not be the start of a slot.
  test.states.push({ values: 3 });
  const state = test.states.push({ values: heads! * headDim! * stateDim! }) - 1;
  const out = test.buffer(heads! * headDim!);
  test.ops.push({ kind: "scan", out, x, step: forward, b, c, rates, logRates, skip, groups: groups!, state });
  return { test, program: test.finish(out) };
}

describe.each(isas)("%s", (isa) => {
  it("softplus within a few ulp, from where it is nothing to where it is its input, and within its bounds", async () => {
    const values = Float32Array.from({ length: 2000 }, (_, i) => (i - 1000) / 9.7);
    values.set([0, -0, 1e-30, -1e-30, 20.5, -20.5, -87, 3e38, -3e38, Number.POSITIVE_INFINITY, Number.NaN]);
    for (const [least, most, biased] of [
      [0, Number.POSITIVE_INFINITY, false],
      [0.001, 0.1, true],
    ] as const) {
      const test = new TestProgram(new Random(1));
      const x = test.input(1, values.length, values);
      const bias = biased ? test.weight("F32", [values.length]) : undefined;
      const out = test.buffer(values.length);
      test.ops.push({ kind: "softplus", out, x, bias, least, most });
      const program = test.finish(out);
      const executable = await compileOn(isa, 1, { test, program });
      const [row] = await runRows(executable, step(0, 1, first(0)));
      const [wanted] = await runRows(new ReferenceExecutable(program, test.plainWeights, given), step(0, 1, first(0)));
      const tolerance = onGpu ? gpuTolerance(8 * 2 ** -24) : 8 * 2 ** -24;
      wanted!.forEach((value, i) => {
        if (Math.abs(value) < 1e-30) expect(Math.abs(row![i]!)).toBeLessThan(2e-30);
        else if (Number.isFinite(value)) expect(Math.abs(row![i]! / value - 1)).toBeLessThan(tolerance);
        // WGSL lets devices assume that all numbers are finite.
        else if (!onGpu) expect(row![i]).toBe(value);
      });
      await executable.dispose();
    }
  });

  it("short_conv", async () => {
    for (const [channels, taps, bias] of [
      [1, 3, false],
      [7, 4, true],
      [64, 2, false],
      [37, 1, true],
      [333, 4, true],
    ] as const) {
      const test = new TestProgram(new Random(channels));
      const x = test.input(TOKENS, channels);
      const weight = test.weight("BF16", [channels, taps]);
      const state = test.states.push({ values: (taps - 1) * channels }) - 1;
      const out = test.buffer(channels);
      const ofBias = bias ? test.weight("F16", [channels]) : undefined;
      test.ops.push({ kind: "short_conv", out, x, weight, bias: ofBias, state });
      await check(isa, { test, program: test.finish(out) }, 1e-6);
    }
  });

  it.each([true, false])("delta, logarithms of rates: %s", async (logRates) => {
    for (const [keyHeads, heads, keyDim, valueDim] of [
      [1, 1, 1, 1],
      [1, 2, 5, 7],
      [2, 6, 16, 33],
      [3, 3, 40, 72],
      [2, 4, 64, 128],
    ] as const) {
      await check(isa, deltaCase(keyHeads, heads, keyDim, valueDim, logRates), 2e-5);
    }
  });

  it.each([true, false])("scan, logarithms of rates: %s", async (logRates) => {
    for (const shape of [
      [1, 1, 1, 1],
      [1, 3, 5, 7],
      [2, 4, 20, 33],
      [3, 3, 72, 16],
      [1, 8, 64, 128],
    ]) {
      await check(isa, scanCase(shape, false, logRates), 2e-5);
    }
  });

  it.each([true, false])("scan with rates of states, logarithms: %s", async (logRates) => {
    for (const [heads, stateDim] of [
      [2, 3],
      [16, 16],
      [77, 5],
      [300, 16],
    ]) {
      await check(isa, scanCase([1, heads!, 1, stateDim!], true, logRates), 2e-5);
    }
  });
});
