// Products by a subgroup's small matrices, which no adapter that tests run on has: each thread computes all of a matrix
// instead.

import { describe, expect, it } from "vitest";
import type { DeadliftError } from "../../src/error.js";
import type { QuantName } from "../../src/quants/index.js";
import { type Case, compile, difference, reference, sums, whole } from "../kernel_checks.js";
import { Random, runRows, TestProgram } from "../kernel_programs.js";
import { openGpu } from "./device.js";

const gpu = await openGpu({ variants: [] }).then(
  (opened) => (opened.device.has("shader-f16") ? opened : "the adapter has no F16"),
  ({ message }: DeadliftError) => message,
);

/** What the kernel asks of the feature, as functions. A matrix of the left, and of the right: (K of a row, rows). */
const meanings = `
fn load_left(at: u32, stride: u32) -> Left {
  var m: Left;
  for (var i = 0u; i < SIDE * SIDE; i++) { m[i] = f32(xs[at + i / SIDE * stride + i % SIDE]); }
  return m;
}
fn load_right(at: u32, stride: u32) -> Right {
  var m: Right;
  for (var i = 0u; i < SIDE * SIDE; i++) { m[i] = f32(weights[at + i / SIDE * stride + i % SIDE]); }
  return m;
}
fn multiply(a: Left, b: Right, sum: Result) -> Result {
  var left = a;
  var right = b;
  var m = sum;
  for (var i = 0u; i < SIDE * SIDE; i++) {
    for (var k = 0u; k < SIDE; k++) { m[i] += left[i / SIDE * SIDE + k] * right[i % SIDE * SIDE + k]; }
  }
  return m;
}
fn store(at: u32, sum: Result, stride: u32) {
  var m = sum;
  for (var i = 0u; i < SIDE * SIDE; i++) { results[at + i / SIDE * stride + i % SIDE] = m[i]; }
}
`;

const replacements: readonly [RegExp, string][] = [
  [/^enable (subgroups|chromium_experimental_subgroup_matrix);|^requires subgroup_id;/gm, ""],
  [/subgroup_matrix_(left|right|result)<f(16|32), SIDE, SIDE>/g, "array<f32, SIDE * SIDE>"],
  [/subgroupMatrixLoad<Left, row_major>\(&xs, /g, "load_left("],
  [/subgroupMatrixLoad<Right, col_major>\(&weights, /g, "load_right("],
  [/subgroupMatrixMultiplyAccumulate/g, "multiply"],
  [/subgroupMatrixStore<row_major>\(&results, /g, "store("],
  [/^ *@builtin\(subgroup_(id|invocation_id)\).*$/gm, ""],
  [/(fn main\([^{]*\{)/g, "$1 let subgroup = thread / 32u; let lane = thread % 32u;"],
];

function emulated(code: string): string {
  if (!code.includes("subgroupMatrix")) return code;
  const text = replacements.reduce((all, [from, to]) => all.replace(from, to), code);
  expect(text).not.toMatch(/subgroup_?m/i);
  return text + meanings;
}

/** Kernels made from now on are for matrices of this side, and what no device has stands for itself. */
function useSide(side: 8 | 16): void {
  const { device } = gpu as Exclude<typeof gpu, string>;
  Object.assign(device.facts, { matrixSide: side });
  const own = Object.getPrototypeOf(device.device).createShaderModule;
  device.device.createShaderModule = (given) => own.call(device.device, { ...given, code: emulated(given.code) });
}

async function expectClose(one: Case): Promise<void> {
  const given = { ...one, options: { precision: "fast" } as const };
  const wanted = await runRows(reference(given), whole(one.tokens));
  const executable = await compile("gpu", 1, given);
  const rows = await runRows(executable, whole(one.tokens));
  await executable.dispose();
  const error = difference(rows, wanted, await sums(given));
  expect(error).toBeLessThan(2 ** -11);
  // What is exact did not run on them.
  expect(error).toBeGreaterThan(2 ** -20);
}

describe.skipIf(typeof gpu === "string")(`matrices${typeof gpu === "string" ? ` (${gpu})` : ""}`, () => {
  const types: readonly [QuantName, 8 | 16][] = [
    ["F16", 8],
    ["F16", 16],
    ["Q8_0", 16],
  ];

  it.each(types)("linear with %s weights, in matrices of %d", async (quant, side) => {
    useSide(side);
    for (const [tokens, rows] of [
      [9, 33],
      [70, 130],
    ] as const) {
      const test = new TestProgram(new Random(rows));
      const out = test.buffer(rows);
      const x = test.input(tokens, 256);
      const bias = test.weight("F32", [rows]);
      test.ops.push({ kind: "linear", out, x, weight: test.weight(quant, [rows, 256]), bias });
      await expectClose({ test, program: test.finish(out), tokens });
    }
  });

  it("linear_glu, of activations beyond what F16 holds", async () => {
    useSide(16);
    const test = new TestProgram(new Random(1));
    const out = test.buffer(70);
    const x = test.input(40, 96, test.random.values(40 * 96, 1e6));
    const [gate, up] = [test.weight("Q8_0", [70, 96]), test.weight("Q8_0", [70, 96])];
    const none = { gateBias: undefined, upBias: undefined };
    test.ops.push({ kind: "linear_glu", out, x, gate, up, ...none, activation: "relu" });
    await expectClose({ test, program: test.finish(out), tokens: 40 });
  });
});
