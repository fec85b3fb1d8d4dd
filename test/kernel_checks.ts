// How the kernel tests compare: close to the plain meaning, and the same bits for any number of threads and any company.

import { afterAll, afterEach, expect } from "vitest";
import type { CompileOptions, Executable } from "../src/backends/backend.js";
import { CpuBackend } from "../src/backends/cpu.js";
import type { Program } from "../src/program/ops.js";
import { closeGpu, compileOnGpu } from "./gpu/device.js";
import { batchOf, Folder, options, runRows, type TestProgram } from "./kernel_programs.js";
import { ReferenceExecutable } from "./reference/ops.js";
import { gpuTolerance } from "./reference/targets.js";

export { gpuTolerance, isas, onGpu } from "./reference/targets.js";

let folder = new Folder();
const backends = new Map<string, CpuBackend>();

export function backend(isa: string, threads: number): CpuBackend {
  const key = `${isa} ${threads}`;
  if (!backends.has(key)) backends.set(key, new CpuBackend({ isa, threads }));
  return backends.get(key)!;
}

afterEach(() => {
  folder.close();
  folder = new Folder();
});

afterAll(async () => {
  await closeGpu();
  for (const one of backends.values()) await one.dispose();
  folder.close();
});

/** Token ids 0, 1, 2, ... */
export const count = (n: number, from = 0) => Array.from({ length: n }, (_, i) => from + i);
export const whole = (n: number) => batchOf([{ sequence: 0, position: 0, ids: count(n) }]);

export interface Case {
  readonly test: TestProgram;
  readonly program: Program;
  readonly tokens: number;
  readonly options?: Partial<CompileOptions>;
  /** Every so many tokens are run alone, too: where a program keeps nothing from token to token. */
  readonly alone?: number;
}

export function compile(isa: string, threads: number, one: Case): Promise<Executable> {
  const tensors = one.test.tensors(folder, 1 + 2 * threads);
  if (isa === "gpu") return compileOnGpu(one.program, tensors, options(one.options));
  return backend(isa, threads).compile(one.program, tensors, options(one.options));
}

export function reference(one: Case): ReferenceExecutable {
  return new ReferenceExecutable(one.program, one.test.plainWeights, options(one.options));
}

export type Rows = readonly Float32Array[];

/** The largest magnitude of each row, once for each of its values. */
export function magnitudes(rows: Rows): Rows {
  return rows.map((row) => row.slice().fill(row.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3)));
}

/** What the same program adds up to with all numbers positive: what the rounding of its sums is relative to. */
export function sums(one: Case): Promise<Float32Array[]> {
  const positive = one.test.plainWeights.map(({ columns, values }) => ({ columns, values: values.map(Math.abs) }));
  return runRows(new ReferenceExecutable(one.program, positive, options(one.options)), whole(one.tokens));
}

/** Largest difference, relative to the scale of each value. */
export function difference(actual: Rows, wanted: Rows, scales: Rows): number {
  expect(actual.length).toBe(wanted.length);
  const ofRow = (row: Float32Array, t: number) => {
    return row.reduce((worst, x, i) => {
      const error = Math.abs(x - wanted[t]![i]!) / scales[t]![i]!;
      return Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
    }, 0);
  };
  return Math.max(0, ...actual.map(ofRow));
}

/** Close to the reference with one thread, and the same bits with 2, 3 and 4, and token by token. */
export async function check(isa: string, one: Case, tolerance: number, scales?: Rows): Promise<void> {
  const batch = whole(one.tokens);
  const wanted = await runRows(reference(one), batch);
  if (isa === "gpu") return checkOnGpu(one, wanted, gpuTolerance(tolerance), scales ?? magnitudes(wanted));
  const executable = await compile(isa, 1, one);
  const together = await runRows(executable, batch);
  expect(difference(together, wanted, scales ?? magnitudes(wanted))).toBeLessThan(tolerance);
  await executable.dispose();
  for (const threads of [2, 3, 4]) {
    const other = await compile(isa, threads, one);
    expect(await runRows(other, batch)).toEqual(together);
    await other.dispose();
  }
  const alone = await compile(isa, 2, one);
  for (let t = 0; t < one.tokens; t += one.alone ?? 1) {
    const step = batchOf([{ sequence: 0, position: t, ids: [t] }]);
    expect((await runRows(alone, step))[0]).toEqual(together[t]);
  }
  await alone.dispose();
}

/** Close to the reference as a whole and token by token: few tokens have kernels of their own. */
async function checkOnGpu(one: Case, wanted: Rows, tolerance: number, scales: Rows): Promise<void> {
  const together = await compile("gpu", 1, one);
  expect(difference(await runRows(together, whole(one.tokens)), wanted, scales)).toBeLessThan(tolerance);
  await together.dispose();
  const alone = await compile("gpu", 2, one);
  for (let t = 0; t < one.tokens; t += one.alone ?? 1) {
    const row = await runRows(alone, batchOf([{ sequence: 0, position: t, ids: [t] }]));
    expect(difference(row, [wanted[t]!], [scales[t]!])).toBeLessThan(tolerance);
  }
  await alone.dispose();
}
