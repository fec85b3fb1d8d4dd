// Weights that are larger than what a kernel may read at once: they lie in several parts, each a dispatch of its own.

import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { DeadliftError } from "../../src/error.js";
import type { Op } from "../../src/program/ops.js";
import type { QuantName } from "../../src/quants/index.js";
import { difference, magnitudes, whole } from "../kernel_checks.js";
import { Folder, options, Random, runRows, TestProgram } from "../kernel_programs.js";
import { ReferenceExecutable } from "../reference/ops.js";
import { closeGpu, compileOnGpu, openGpu } from "./device.js";

// 7 to 30 rows of these weights.
const maxBinding = 4096;
const gpu = await openGpu({ maxBinding }).catch(({ message }: DeadliftError) => message);
let folder = new Folder();
afterEach(() => {
  folder.close();
  folder = new Folder();
});
afterAll(async () => {
  await closeGpu();
  folder.close();
});

/** The result of what `build` adds, for steps of one token, of a few and of more. */
async function expectSame(build: (test: TestProgram, x: number) => number): Promise<void> {
  for (const tokens of [1, 3, 20]) {
    const test = new TestProgram(new Random(tokens));
    const out = build(test, test.input(tokens, 96));
    const program = test.finish(out);
    const more = options({ maxTokens: 64, maxOutputs: 64 });
    const wanted = await runRows(new ReferenceExecutable(program, test.plainWeights, more), whole(tokens));
    const executable = await compileOnGpu(program, test.tensors(folder), more);
    const rows = await runRows(executable, whole(tokens));
    expect(difference(rows, wanted, magnitudes(wanted))).toBeLessThan(1e-5);
    await executable.dispose();
  }
}

const types: readonly QuantName[] = ["F32", "F16", "Q8_0", "Q4_0"];

describe.skipIf(typeof gpu === "string")(`in parts${typeof gpu === "string" ? ` (${gpu})` : ""}`, () => {
  it.each(types)("embed, %s", async (quant) => {
    await expectSame((test) => {
      const out = test.buffer(96);
      test.ops.push({ kind: "embed", out, table: test.weight(quant, [200, 96]), index: "token", offset: 150 });
      return out;
    });
  });

  const linears: readonly [string, (test: TestProgram, factors: Factors) => Op][] = [
    ["linear", (_, factors) => ({ kind: "linear", ...factors })],
    ["linear_act", (_, factors) => ({ kind: "linear_act", ...factors, activation: "gelu" })],
    [
      "linear_add",
      (test, factors) => {
        const residual = test.buffer(130);
        test.ops.push({ kind: "linear", out: residual, x: factors.x, weight: factors.weight, bias: undefined });
        return { kind: "linear_add", ...factors, residual };
      },
    ],
    [
      "linear_glu",
      (test, { out, x, weight, bias }) => {
        const { quant } = factorsOf;
        const up = test.weight(quant, [130, 96]);
        return { kind: "linear_glu", out, x, gate: weight, gateBias: bias, up, upBias: undefined, activation: "silu" };
      },
    ],
  ];
  const factorsOf: { quant: QuantName } = { quant: "F32" };

  it.each(linears.flatMap(([name, op]) => types.map((quant) => [name, quant, op] as const)))(
    "%s, %s",
    async (_name, quant, op) => {
      factorsOf.quant = quant;
      await expectSame((test, x) => {
        const factors = {
          out: test.buffer(130),
          x,
          weight: test.weight(quant, [130, 96]),
          bias: test.weight("F32", [130]),
        };
        test.ops.push(op(test, factors));
        return factors.out;
      });
    },
  );
});

interface Factors {
  readonly out: number;
  readonly x: number;
  readonly weight: number;
  readonly bias: number;
}
