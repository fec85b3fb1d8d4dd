// Every op of the CPU backend against its plain meaning, on every instruction set of this machine: all quants, odd and
// even shapes, any alignment; and the same bits for any number of threads and any company in the batch.

import { describe, expect, it } from "vitest";
import { native } from "../src/native.js";
import { expand } from "../src/program/fuse.js";
import type { FusedOp, GateActivation } from "../src/program/ops.js";
import { type QuantName, quantOf, rowBytes, runnable } from "../src/quants/index.js";
import {
  backend,
  type Case,
  check,
  compile,
  count,
  difference,
  gpuTolerance,
  isas,
  magnitudes,
  onGpu,
  reference,
  sums,
  whole,
} from "./kernel_checks.js";
import { Folder, options, Random, runRows, TestProgram } from "./kernel_programs.js";
import { noise } from "./reference/blocks.js";
import { gated } from "./reference/row_ops.js";

/** Row counts and widths that end inside a vector, a tile, a panel of 512 columns, or nowhere. */
const shapes: [rows: number, columns: number][] = [
  [1, 1],
  [3, 5],
  [4, 16],
  [17, 33],
  [64, 64],
  [45, 300],
  [130, 577],
  [9, 1040],
];

const wholeBlocks = (quant: QuantName, columns: number) =>
  Math.ceil(columns / quantOf(quant).block) * quantOf(quant).block;

const inBlocks = (quant: QuantName, list: typeof shapes) =>
  list.map(([rows, columns]) => [rows, wholeBlocks(quant, columns)] as const);

/** Types whose products are of whole numbers: activations are rounded to 16 bits, relative to the largest of 32. */
const inCodes: readonly QuantName[] = [
  ...(["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"] as const),
  ...(["IQ4_NL", "IQ4_XS", "MXFP4", "U4_SCALED", "U8_SCALED"] as const),
];

/** Types that bf16 does not hold even as a sum of two, or that are as wide. */
const wide: readonly QuantName[] = ["F32", "F64", "I16", "I32", "I64", "U16", "U32", "U64"];

/** What a product loses, relative to its magnitude and besides the rounding of sums: `linear_tiles.h`, `linear_codes.h`. */
function lostBy(isa: string, quant: QuantName): number {
  if (isa === "gpu") return 0;
  if (isa !== "amx") return inCodes.includes(quant) ? 2e-5 : 0;
  // Rounding to bf16 loses up to 2^-8: of activations, and of weights unless they are kept whole.
  if (quant === "F16" || quant === "BF16") return 2 ** -8;
  return wide.includes(quant) ? 3 * 2 ** -16 : 2 ** -7;
}

/** Types that have a product of their own for few tokens; the others share one. */
const direct: readonly QuantName[] = [
  ...(["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS", "MXFP4", "F8_E4M3"] as const),
];

function linearCases(quant: QuantName): Case[] {
  const own = direct.includes(quant);
  const cases = inBlocks(quant, own ? shapes : shapes.slice(5)).flatMap(([rows, columns]) =>
    (own ? [1, 2, 3, 17, 20] : [1, 2, 20]).map((tokens) => linearCase(quant, rows, columns, tokens, false)),
  );
  const long = { ...linearCase(quant, 50, wholeBlocks(quant, 32), 1000, false), alone: 333 };
  return own ? [...cases, linearCase(quant, 70, wholeBlocks(quant, 96), 130, true), long] : cases;
}

function linearCase(quant: QuantName, rows: number, columns: number, tokens: number, bias: boolean): Case {
  const test = new TestProgram(new Random(rows * 1000 + columns));
  const x = test.input(tokens, columns);
  const out = test.buffer(rows);
  const weight = test.weight(quant, [rows, columns]);
  test.ops.push({ kind: "linear", out, x, weight, bias: bias ? test.weight("BF16", [rows]) : undefined });
  return {
    test,
    program: test.finish(out),
    tokens,
    options: { maxTokens: Math.max(256, tokens), maxOutputs: Math.max(256, tokens) },
  };
}

/** As wanted where WGSL promises nothing: of what is not finite, and of a subnormal scale, which may become zero. */
function promised(rows: readonly Float32Array[], wanted: readonly Float32Array[]): Float32Array[] {
  const isFree = (x: number, as: number) => !Number.isFinite(as) || (x === 0 && Math.abs(as) < 2 ** -117);
  return rows.map((row, t) => row.map((x, i) => (isFree(x, wanted[t]![i]!) ? wanted[t]![i]! : x)));
}

/** Random experts for each token. */
function chosenExperts(test: TestProgram, tokens: number, experts: number, used: number): number {
  const out = test.buffer(used);
  test.ops.push({ kind: "route", out, x: test.input(tokens, experts) });
  return out;
}

const activations: readonly GateActivation[] = ["silu", "clamped_swish"];

async function gluRow(
  isa: string,
  gates: Float32Array,
  ups: Float32Array,
  activation: GateActivation,
): Promise<Float32Array[]> {
  const test = new TestProgram(new Random(1));
  const [gate, up] = [test.input(1, gates.length, gates), test.input(1, ups.length, ups)];
  const out = test.buffer(gates.length);
  test.ops.push({ kind: "glu", out, gate, up, activation });
  const executable = await compile(isa, 1, { test, program: test.finish(out), tokens: 1 });
  const rows = await runRows(executable, whole(1));
  await executable.dispose();
  return rows;
}

async function expectSameBits(cases: readonly Case[]): Promise<void> {
  for (const one of cases) {
    const rows = [];
    for (const isa of fused) {
      const executable = await compile(isa, 2, one);
      rows.push(await runRows(executable, whole(one.tokens)));
      await executable.dispose();
    }
    for (const other of rows.slice(1)) expect(other).toEqual(rows[0]);
  }
}

// AMX multiplies them in bf16.
const fused = isas.filter((isa) => isa !== "scalar" && isa !== "amx");
it.skipIf(fused.length < 2).each(inCodes)("linear with %s weights has the same bits wherever sums are fused", (quant) =>
  expectSameBits(linearCases(quant)),
);

const inTexts = (one: Case): Case => ({ ...one, options: { ...one.options, texts: true } });

it.skipIf(fused.length < 2).each(["F32", "BF16", "IQ2_S"] as const)(
  "linear of texts with %s weights has the same bits wherever sums are fused",
  (quant) => expectSameBits(linearCases(quant).map(inTexts)),
);

describe.each(isas)("%s", (isa) => {
  it.each(runnable)("embed reads rows of %s exactly", async (quant) => {
    for (const [, columns] of inBlocks(quant, shapes)) {
      const test = new TestProgram(new Random(columns));
      const out = test.buffer(columns);
      test.ops.push({ kind: "embed", out, table: test.weight(quant, [7, columns]), index: "token", offset: 0 });
      const one = { test, program: test.finish(out), tokens: 7 };
      const executable = await compile(isa, 1, one);
      expect(await runRows(executable, whole(7))).toEqual(await runRows(reference(one), whole(7)));
      await executable.dispose();
    }
  });

  it.each(runnable)("embed reads any bytes of %s exactly: NaN, infinities, subnormals", async (quant) => {
    const columns = wholeBlocks(quant, 600);
    const test = new TestProgram(new Random(1));
    const out = test.buffer(columns);
    const table = test.blocks(quant, [64, columns], noise(`any ${quant}`, 64 * rowBytes(quant, columns)));
    test.ops.push({ kind: "embed", out, table, index: "token", offset: 0 });
    const one = { test, program: test.finish(out), tokens: 64 };
    const executable = await compile(isa, 1, one);
    const wanted = await runRows(reference(one), whole(64));
    const rows = await runRows(executable, whole(64));
    expect(onGpu ? promised(rows, wanted) : rows).toEqual(wanted);
    await executable.dispose();
  });

  it.each([...inCodes, "F32", "F16"] as const)("linear with %s weights in fast precision", async (quant) => {
    for (const one of linearCases(quant)) {
      await check(isa, { ...one, options: { ...one.options, precision: "fast" } }, 8e-3, await sums(one));
    }
  });

  it.each(runnable)("linear with %s weights", async (quant) => {
    for (const one of linearCases(quant)) await check(isa, one, 5e-7 + lostBy(isa, quant), await sums(one));
  });

  it.each(runnable)("linear of texts with %s weights", async (quant) => {
    for (const one of linearCases(quant)) await check(isa, inTexts(one), 1e-6 + lostBy(isa, quant), await sums(one));
  });

  it.each([
    ["Q8_0", "Q8_0", "Q8_0"],
    ["F32", "F32", "BF16"],
    ["BF16", "Q4_K", "Q4_K"],
    ["IQ2_S", "IQ2_S", "IQ2_S"],
  ] as const)("neighbouring linears of one x: %s, %s, %s", async (...quants) => {
    for (const tokens of [1, 5, 40]) {
      const test = new TestProgram(new Random(tokens));
      const x = test.input(tokens, 256);
      const outs = ([70, 33, 7] as const).map((rows, i) => {
        const out = test.buffer(rows);
        test.ops.push({ kind: "linear", out, x, weight: test.weight(quants[i]!, [rows, 256]), bias: undefined });
        return out;
      });
      const [two, all] = [test.buffer(103), test.buffer(110)];
      test.ops.push({ kind: "concat", out: two, a: outs[0]!, b: outs[1]!, groups: 1 });
      test.ops.push({ kind: "concat", out: all, a: two, b: outs[2]!, groups: 1 });
      const one = { test, program: test.finish(all), tokens };
      await check(isa, one, 1e-6 + Math.max(...quants.map((quant) => lostBy(isa, quant))), await sums(one));
    }
  });

  it("norm of rows and of heads", async () => {
    for (const [width, group] of [
      [5, 5],
      [48, 16],
      [577, 577],
      [60, 20],
    ] as const) {
      const test = new TestProgram(new Random(width));
      const x = test.input(17, width);
      const out = test.buffer(width);
      test.ops.push({ kind: "norm", out, x, weight: test.weight("BF16", [group]), group, epsilon: 1e-5, offset: 0 });
      await check(isa, { test, program: test.finish(out), tokens: 17 }, 2e-6);
    }
  });

  it.each([
    ["silu", [1], 0],
    // Rounding 1.702 times a gate is an error of the exponent.
    ["clamped_swish", [1, -0.5, 6.999, 7, 8, -7.5, 1e30], 2],
  ] as const)("glu within a few ulp, up to infinity: %s", async (activation, ups, perGate) => {
    const gates = Float32Array.from({ length: 3000 }, (_, i) => (i - 1500) / 10);
    gates.set([0, -0, 1e-30, -1e-30, 88.7, -88.7, 104, -104, Number.POSITIVE_INFINITY, 3e38, -3e38]);
    for (const up of ups) {
      const [row] = await gluRow(isa, gates, new Float32Array(3000).fill(up), activation);
      row!.forEach((value, i) => {
        const wanted = gated[activation](gates[i]!, Math.fround(up));
        const ulps = (4 + perGate * Math.abs(gates[i]!)) * 2 ** -24;
        const tolerance = onGpu ? gpuTolerance(ulps) : ulps;
        if (Math.abs(wanted) < 1e-30) expect(Math.abs(value)).toBeLessThan(2e-30);
        else if (Number.isFinite(wanted)) expect(Math.abs(value / wanted - 1)).toBeLessThan(tolerance);
        else expect(value).toBe(wanted);
      });
    }
  });

  it.each(["silu", "clamped_swish"] as const)("glu lets NaN through: %s", async (activation) => {
    const [first] = await gluRow(isa, Float32Array.of(Number.NaN, 1), Float32Array.of(1, Number.NaN), activation);
    expect([...first!]).toEqual([Number.NaN, Number.NaN]);
  });

  it("glu and add of odd widths", async () => {
    for (const [width, activation] of [1, 7, 16, 37, 129].flatMap((n) =>
      activations.map((kind) => [n, kind] as const),
    )) {
      const test = new TestProgram(new Random(width));
      const [a, b] = [test.input(17, width), test.input(17, width)];
      const [product, sum] = [test.buffer(width), test.buffer(width)];
      test.ops.push({ kind: "glu", out: product, gate: a, up: b, activation });
      test.ops.push({ kind: "add", out: sum, a: product, b: a });
      await check(isa, { test, program: test.finish(sum), tokens: 17 }, 1e-6);
    }
  });

  const fusions = ["linear_act", "linear_add", "linear_glu", "expert_glu"] as const;
  it.each(fusions.flatMap((kind) => [[kind, false] as const, [kind, true] as const]))(
    "%s has the bits of what it stands for; of whole texts: %s",
    async (kind, texts) => {
      for (const tokens of [1, 5, 40]) {
        const test = new TestProgram(new Random(tokens));
        const experts = kind === "expert_glu" ? [6] : [];
        const [x, residual, chosen] = [
          test.input(tokens, 96),
          test.input(tokens, 70),
          chosenExperts(test, tokens, 6, 2),
        ];
        const [fused, first, second, expanded] = count(4).map(() => test.buffer(experts.length > 0 ? 140 : 70));
        const [gate, up] = [test.weight("Q4_0", [...experts, 70, 96]), test.weight("BF16", [...experts, 70, 96])];
        const [gateBias, upBias] = [test.weight("F32", [...experts, 70]), test.weight("F16", [...experts, 70])];
        const factors = { out: fused!, x, gate, gateBias, up, upBias, activation: "clamped_swish" } as const;
        const ops: Record<typeof kind, FusedOp> = {
          linear_act: { kind: "linear_act", out: fused!, x, weight: up, bias: upBias, activation: "gelu" },
          linear_add: { kind: "linear_add", out: fused!, x, weight: gate, bias: gateBias, residual },
          linear_glu: { kind: "linear_glu", ...factors },
          expert_glu: { kind: "expert_glu", chosen, ...factors },
        };
        const op = ops[kind];
        const inputs = [...test.ops];
        const program = { ...test.finish(fused!), ops: [...inputs, op] };
        const one = { test, program, tokens, options: { texts } };
        const { output } = one.program;
        const select = (of: number) => ({ kind: "select", out: output, x: of }) as const;
        const same = expand({ ...op, out: expanded! }, [first!, second!]);
        const fusedCase = { ...one, program: { ...one.program, ops: [...inputs, op, select(fused!)] } };
        const expandedCase = { ...one, program: { ...one.program, ops: [...inputs, ...same, select(expanded!)] } };
        await check(isa, fusedCase, 1e-4 + 5 * lostBy(isa, "Q4_0"));
        const [a, b] = [await compile(isa, 2, fusedCase), await compile(isa, 3, expandedCase)];
        const [rows, expandedRows] = [await runRows(a, whole(tokens)), await runRows(b, whole(tokens))];
        // A compiler of the GPU's may fuse other multiplications and additions in another kernel.
        if (onGpu) expect(difference(rows, expandedRows, magnitudes(expandedRows))).toBeLessThan(1e-5);
        else expect(rows).toEqual(expandedRows);
        await Promise.all([a.dispose(), b.dispose()]);
      }
    },
  );

  it("softmax of odd widths", async () => {
    for (const width of [1, 4, 7, 16, 37, 129]) {
      const test = new TestProgram(new Random(width));
      const x = test.input(17, width, test.random.values(17 * width, 30));
      const out = test.buffer(width);
      test.ops.push({ kind: "softmax", out, x });
      await check(isa, { test, program: test.finish(out), tokens: 17 }, 1e-6);
    }
  });

  it("softmax neither overflows nor loses its sum", async () => {
    const values = Float32Array.of(3e38, -3e38, Number.NEGATIVE_INFINITY, 3e38, 0, 1, 2, 3, 4, 5);
    const test = new TestProgram(new Random(1));
    const out = test.buffer(10);
    test.ops.push({ kind: "softmax", out, x: test.input(1, 10, values) });
    const executable = await compile(isa, 1, { test, program: test.finish(out), tokens: 1 });
    expect([...(await runRows(executable, whole(1)))[0]!]).toEqual([0.5, 0, 0, 0.5, 0, 0, 0, 0, 0, 0]);
    await executable.dispose();
  });

  const routers: [experts: number, used: number][] = [
    [1, 1],
    [4, 2],
    [5, 5],
    [32, 4],
    [37, 3],
    [128, 8],
  ];

  it("route and gather: the largest, and of equal ones the first", async () => {
    for (const [experts, used] of routers) {
      const test = new TestProgram(new Random(experts));
      // Few different values, so that there are many ties.
      const logits = test.input(40, experts, test.random.values(40 * experts, 3).map(Math.round));
      const [chosen, values, sum] = [test.buffer(used), test.buffer(used), test.buffer(used)];
      test.ops.push({ kind: "route", out: chosen, x: logits }, { kind: "gather", out: values, x: logits, chosen });
      test.ops.push({ kind: "add", out: sum, a: chosen, b: values });
      for (const result of [chosen, values, sum]) {
        const ops = [...test.ops];
        await check(isa, { test, program: test.finish(result), tokens: 40 }, 1e-9);
        test.ops.splice(0, Number.POSITIVE_INFINITY, ...ops);
      }
    }
  });

  it("route chooses as many different experts where values are NaN and infinite", async () => {
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1];
    const test = new TestProgram(new Random(9));
    const values = Float32Array.from({ length: 200 * 6 }, () => odd[Math.floor((test.random.next() + 1) * 2.5)]!);
    const out = test.buffer(4);
    test.ops.push({ kind: "route", out, x: test.input(200, 6, values.fill(Number.NaN, 0, 6)) });
    const executable = await compile(isa, 1, { test, program: test.finish(out), tokens: 200 });
    for (const row of await runRows(executable, whole(200))) {
      expect(new Set(row).size).toBe(4);
      expect(row.every((each) => [0, 1, 2, 3, 4, 5].includes(each))).toBe(true);
    }
    await executable.dispose();
  });

  it.each(["F32", "BF16", "Q8_0", "Q4_K", "MXFP4"] as const)("expert_linear with %s weights", async (quant) => {
    for (const [experts, used, rows, columns, tokens] of [
      [1, 1, 3, 32, 2],
      [4, 2, 17, 64, 20],
      [5, 5, 64, 96, 3],
      [2, 1, 45, 577, 130], // some expert has more tokens than a tile
      [32, 4, 40, 64, 7],
    ] as const) {
      for (const apart of [false, true]) {
        const test = new TestProgram(new Random(rows * 100 + tokens));
        const width = wholeBlocks(quant, columns);
        const chosen = chosenExperts(test, tokens, experts, used);
        const x = test.input(tokens, apart ? used * width : width);
        const out = test.buffer(used * rows);
        const weight = test.weight(quant, [experts, rows, width]);
        const bias = apart ? test.weight("BF16", [experts, rows]) : undefined;
        test.ops.push({ kind: "expert_linear", out, x, chosen, weight, bias });
        await check(isa, { test, program: test.finish(out), tokens }, 2e-6 + 10 * lostBy(isa, quant));
      }
    }
  });

  it.each(["F32", "BF16", "Q8_0", "Q4_K"] as const)("group_linear with %s weights", async (quant) => {
    for (const [groups, rows, columns, tokens] of [
      [1, 3, 5, 2],
      [4, 17, 33, 20],
      [3, 64, 96, 1],
      [5, 45, 577, 130],
    ] as const) {
      const test = new TestProgram(new Random(rows * 100 + tokens));
      const width = wholeBlocks(quant, columns);
      const x = test.input(tokens, groups * width);
      const out = test.buffer(groups * rows);
      test.ops.push({ kind: "group_linear", out, x, weight: test.weight(quant, [groups, rows, width]) });
      await check(isa, { test, program: test.finish(out), tokens }, 2e-6 + 10 * lostBy(isa, quant));
    }
  });

  it("512 experts, of which tokens use 10, that lie apart in files", async () => {
    for (const [rows, columns, tokens] of [
      [7, 33, 1],
      [5, 19, 70],
    ] as const) {
      const test = new TestProgram(new Random(rows * 100 + tokens));
      const chosen = chosenExperts(test, tokens, 512, 10);
      const x = test.input(tokens, columns);
      const [up, out] = [test.buffer(10 * rows), test.buffer(10 * columns)];
      const [first, second] = [test.weight("BF16", [512, rows, columns]), test.weight("F32", [512, columns, rows])];
      test.ops.push({ kind: "expert_linear", out: up, x, chosen, weight: first, bias: undefined });
      test.ops.push({ kind: "expert_linear", out, x: up, chosen, weight: second, bias: undefined });
      test.apart(first).apart(second);
      await check(isa, { test, program: test.finish(out), tokens }, 1e-5 + 20 * lostBy(isa, "BF16"));
    }
  });

  it("mix of odd widths", async () => {
    for (const [width, used] of [
      [1, 1],
      [7, 4],
      [37, 8],
      [129, 2],
    ] as const) {
      const test = new TestProgram(new Random(width));
      const [x, weights] = [test.input(17, used * width), test.input(17, used)];
      const out = test.buffer(width);
      test.ops.push({ kind: "mix", out, x, weights });
      await check(isa, { test, program: test.finish(out), tokens: 17 }, 1e-6);
    }
  });

  it("copies and samples only what is wanted", async () => {
    const one = linearCase("F32", 64, 64, 4, false);
    const executable = await compile(isa, 2, one);
    const all = await runRows(executable, whole(4));
    const chosen = await executable.run({ ...whole(4), outputs: [{ token: 2, logits: true }, { token: 0 }] });
    expect(chosen[0]!.logits).toEqual(all[2]);
    expect(chosen[1]).toEqual({ sampled: undefined, logits: undefined });
    expect(await executable.run({ ...whole(4), outputs: [] })).toEqual([]);
    await executable.dispose();
  });
});

// A device has weights of its own.
it.skipIf(onGpu)("files stay mapped for an executable, and not longer", async () => {
  const before = native().filesMapped();
  const own = new Folder();
  const one = linearCase("F32", 4, 4, 1, false);
  const executable = await backend(isas[0]!, 1).compile(one.program, one.test.tensors(own), options());
  own.close();
  expect(native().filesMapped()).toBe(before + 1);
  expect(await runRows(executable, whole(1))).toHaveLength(1);
  await executable.dispose();
  expect(native().filesMapped()).toBe(before);
  await expect(async () => executable.run(whole(1))).rejects.toThrow("closed");
});
