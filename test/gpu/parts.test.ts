// Weights that are larger than what a kernel may read at once lie in several parts, each of which is a dispatch of its own.

import { describe, expect, it } from "vitest";
import { Memory } from "../../src/backends/webgpu/buffers.js";
import { placeMatrix } from "../../src/backends/webgpu/weights.js";
import type { QuantName } from "../../src/quants/index.js";
import { check } from "../kernel_checks.js";
import { Random, TestProgram } from "../kernel_programs.js";
import { openGpu, whySkipped } from "./device.js";

/** Of weights of 96 columns: 10 rows of F32, 70 of Q4_0. */
const maxPart = 4096;
// The first to open it: kernel_checks.ts uses and closes the same.
const gpu = await openGpu({ maxPart }).catch(whySkipped);

const rows = 230;
const columns = 96;

type Build = (test: TestProgram, x: number, quant: QuantName) => number;

/** An op, and what it needs: the result of each. */
const ops: Readonly<Record<string, Build>> = {
  embed(test, _x, quant) {
    const out = test.buffer(columns);
    test.ops.push({ kind: "embed", out, table: test.weight(quant, [rows, columns]), index: "token", offset: 200 });
    return out;
  },

  linear(test, x, quant) {
    const out = test.buffer(rows);
    const bias = test.weight("F32", [rows]);
    test.ops.push({ kind: "linear", out, x, weight: test.weight(quant, [rows, columns]), bias });
    return out;
  },

  linear_act(test, x, quant) {
    const out = test.buffer(rows);
    const weight = test.weight(quant, [rows, columns]);
    test.ops.push({ kind: "linear_act", out, x, weight, bias: undefined, activation: "gelu" });
    return out;
  },

  linear_add(test, x, quant) {
    const residual = ops.linear!(test, x, quant);
    const out = test.buffer(rows);
    const weight = test.weight(quant, [rows, columns]);
    test.ops.push({ kind: "linear_add", out, x, weight, bias: undefined, residual });
    return out;
  },

  linear_glu(test, x, quant) {
    const out = test.buffer(rows);
    const [gate, up] = [test.weight(quant, [rows, columns]), test.weight(quant, [rows, columns])];
    const [gateBias, upBias] = [test.weight("F32", [rows]), test.weight("F32", [rows])];
    test.ops.push({ kind: "linear_glu", out, x, gate, gateBias, up, upBias, activation: "clamped_swish" });
    return out;
  },

  expert_linear(test, x, quant) {
    const [logits, chosen, out] = [test.buffer(9), test.buffer(2), test.buffer(2 * 35)];
    test.ops.push({ kind: "linear", out: logits, x, weight: test.weight("F32", [9, columns]), bias: undefined });
    test.ops.push({ kind: "route", out: chosen, x: logits });
    const weight = test.weight(quant, [9, 35, columns]);
    test.ops.push({ kind: "expert_linear", out, x, weight, chosen, bias: undefined });
    return out;
  },
};

describe.skipIf(typeof gpu === "string")(`in parts${typeof gpu === "string" ? ` (${gpu})` : ""}`, () => {
  const types: readonly QuantName[] = ["F32", "F16", "Q8_0", "Q4_0"];

  it.each(types)("%s lies in three and more", (quant) => {
    const { device } = gpu as Exclude<typeof gpu, string>;
    const memory = new Memory(device);
    const { parts } = placeMatrix(device, memory, "w", quant, rows, columns);
    memory.giveAll();
    expect(parts.length).toBeGreaterThanOrEqual(3);
    expect(parts.reduce((sum, part) => sum + part.rows, 0)).toBe(rows);
  });

  // One token, a few and many have kernels of their own.
  it.each(Object.keys(ops).flatMap((name) => types.map((quant) => [name, quant] as const)))(
    "%s, %s",
    async (name, quant) => {
      for (const tokens of [3, 20]) {
        const test = new TestProgram(new Random(tokens));
        const out = ops[name]!(test, test.input(tokens, columns), quant);
        const options = { maxTokens: 32, maxOutputs: 32 };
        await check("gpu", { test, program: test.finish(out), tokens, options, alone: 2 }, 1e-5);
      }
    },
  );
});
