// Ops that work row by row against their plain meaning, on every instruction set: odd widths, groups, large and odd values.

import { describe, expect, it } from "vitest";
import type { Activation, BufferId, Pooling } from "../src/program/ops.js";
import { check, compile, gpuTolerance, isas, onGpu, reference, whole } from "./kernel_checks.js";
import { batchOf, Random, runRows, TestProgram } from "./kernel_programs.js";
import { activations } from "./reference/row_ops.js";

const tokens = 17;

/** Checks one op, made of an input of that width. */
async function checkRow(
  isa: string,
  width: number,
  make: (test: TestProgram, x: BufferId) => BufferId,
  tolerance = 2e-6,
): Promise<void> {
  const test = new TestProgram(new Random(width));
  const out = make(test, test.input(tokens, width));
  await check(isa, { test, program: test.finish(out), tokens }, tolerance);
}

/** Appends an op to what was made before. */
function push(test: TestProgram, width: number, op: object): BufferId {
  const out = test.buffer(width);
  test.ops.push({ ...op, out } as (typeof test.ops)[number]);
  return out;
}

/** Slopes, or a table that has a random number for each distance. */
function addDistances(test: TestProgram, heads: number, reach: number, slopes: boolean): number {
  if (slopes) return test.distances.push({ kind: "slopes", slopes: test.random.values(heads, 0.5), reach }) - 1;
  const buckets = Int32Array.from({ length: 2 * reach + 1 }, () => Math.floor((test.random.next() + 1) * 3.5));
  return test.distances.push({ kind: "table", table: test.weight("F16", [7, heads]), buckets }) - 1;
}

const widths = [1, 7, 16, 37, 129] as const;

describe.each(isas)("%s", (isa) => {
  it.each([
    [5, 5, false, 0],
    [48, 16, true, 1],
    [577, 577, false, 0],
    [60, 20, true, 0],
  ] as const)("norms of %d in groups of %d, weights apart: %s, offset %d", async (width, group, apart, offset) => {
    const more = { group, epsilon: 1e-5, offset };
    const shape = [apart ? width : group];
    for (const kind of ["norm", "layer_norm"]) {
      for (const weighted of [true, false]) {
        for (const biased of [true, false]) {
          await checkRow(
            isa,
            width,
            (test, x) => {
              const weight = weighted ? test.weight("F16", shape) : undefined;
              const bias = weighted && biased ? test.weight("F32", shape) : undefined;
              return push(test, width, { kind, x, weight, bias, ...more });
            },
            4e-6,
          );
        }
      }
    }
  });

  it.each(Object.keys(activations) as Activation[])("act %s", async (activation) => {
    for (const width of widths)
      await checkRow(isa, width, (test, x) => push(test, width, { kind: "act", x, activation }));
    const values = Float32Array.from({ length: 2000 }, (_, i) => (i - 1000) / 50);
    values.set([0, -0, 1e-30, -1e-30, 88, -88, 1e30, -1e30, Number.NaN]);
    const test = new TestProgram(new Random(1));
    const out = push(test, 2000, { kind: "act", x: test.input(1, 2000, values), activation });
    const executable = await compile(isa, 1, { test, program: test.finish(out), tokens: 1 });
    const [row] = await runRows(executable, whole(1));
    const tolerance = onGpu ? gpuTolerance(4e-7) : 4e-7;
    row!.forEach((value, i) => {
      const wanted = activations[activation](values[i]!);
      // Where a GPU makes e^NaN 0, a sigmoid hides it.
      if (Number.isNaN(wanted)) expect(onGpu || Number.isNaN(value)).toBe(true);
      else if (Math.abs(wanted) > 1e38) expect(Math.abs(value)).toBeGreaterThan(1e38);
      else expect(Math.abs(value - wanted)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(wanted)));
    });
    await executable.dispose();
  });

  it("add, then a norm of the sum, which others read, too", async () => {
    for (const width of [...widths, 700]) {
      for (const kind of ["norm", "layer_norm"]) {
        for (const weighted of [true, false]) {
          await checkRow(
            isa,
            width,
            (test, a) => {
              const sum = push(test, width, { kind: "add", a, b: test.input(tokens, width) });
              const weight = weighted ? test.weight("F16", [width]) : undefined;
              const bias = weighted ? test.weight("F32", [width]) : undefined;
              const norm = { kind, x: sum, weight, bias, group: width, epsilon: 1e-5, offset: weighted ? 1 : 0 };
              const normed = push(test, width, norm);
              return push(test, 2 * width, { kind: "concat", a: sum, b: normed, groups: 1 });
            },
            4e-6,
          );
        }
      }
    }
  });

  it("mul, value by value and by groups; scale, temper, shift, gain, softcap, clamp, sparsify", async () => {
    for (const width of widths) {
      for (const times of [1, 4]) {
        await checkRow(isa, width * times, (test, a) =>
          push(test, width * times, { kind: "mul", a, b: test.input(tokens, width) }),
        );
      }
      await checkRow(isa, width, (test, x) => push(test, width, { kind: "scale", x, factor: -1.75 }));
      await checkRow(isa, width, (test, x) =>
        push(test, width, { kind: "shift", x, weight: test.weight("BF16", [width]) }),
      );
      await checkRow(isa, width, (test, x) =>
        push(test, width, { kind: "xielu", x, p: test.weight("F32", [1]), n: test.weight("F32", [1]) }),
      );
      for (const count of [1, width]) {
        await checkRow(isa, width, (test, x) =>
          push(test, width, { kind: "gain", x, weight: test.weight("F32", [count]) }),
        );
      }
      await checkRow(isa, width, (test, x) => push(test, width, { kind: "softcap", x, cap: 0.7 }));
      await checkRow(isa, width, (test, x) => push(test, width, { kind: "clamp", x, cap: 0.7 }));
      await checkRow(isa, width, (test, x) => push(test, width, { kind: "sparsify", x, factor: 0.3 }));
      await checkRow(isa, width, (test, x) => push(test, width, { kind: "temper", x, scale: 0.4, length: 5 }));
    }
  });

  it("slice and concat, of whole rows and of groups", async () => {
    await checkRow(isa, 30, (test, x) => push(test, 12, { kind: "slice", x, from: 3, stride: 30 }));
    await checkRow(isa, 30, (test, x) => push(test, 12, { kind: "slice", x, from: 6, stride: 10 }));
    await checkRow(isa, 30, (test, a) => push(test, 34, { kind: "concat", a, b: test.input(tokens, 4), groups: 1 }));
    await checkRow(isa, 30, (test, a) => push(test, 42, { kind: "concat", a, b: test.input(tokens, 12), groups: 3 }));
    await checkRow(isa, 30, (test, a) => push(test, 42, { kind: "concat", a, b: test.input(tokens, 4), groups: 3 }));
  });

  it("share, limit_groups", async () => {
    for (const width of widths) {
      // Of positive numbers: a sum near 0 has no digits.
      await checkRow(isa, width, (test, x) => {
        const positive = push(test, width, { kind: "act", x, activation: "sigmoid" });
        return push(test, width, { kind: "share", x: positive, epsilon: 1e-6 });
      });
    }
    for (const [groups, used, best] of [
      [4, 2, 2],
      [8, 1, 1],
      [1, 1, 3],
    ] as const) {
      await checkRow(isa, 24, (test, x) => push(test, 24, { kind: "limit_groups", x, groups, used, best, floor: -9 }));
    }
  });

  it("embed by position and by segment", async () => {
    const test = new TestProgram(new Random(3));
    const ids = test.input(tokens, 20);
    const positions = push(test, 20, {
      kind: "embed",
      table: test.weight("F16", [tokens + 9, 20]),
      index: "position",
      offset: 2,
    });
    const segments = push(test, 20, { kind: "embed", table: test.weight("F32", [2, 20]), index: "segment", offset: 0 });
    const sum = push(test, 20, { kind: "add", a: push(test, 20, { kind: "add", a: ids, b: positions }), b: segments });
    const one = { test, program: test.finish(sum), tokens };
    await check(isa, one, 1e-6);
    const batch = { ...whole(tokens), segments: Int32Array.from({ length: tokens }, (_, t) => Number(t > 6)) };
    const executable = await compile(isa, 2, one);
    const rows = await runRows(executable, batch);
    const wanted = await runRows(reference(one), batch);
    rows.forEach((row, t) => {
      expect(Math.max(...row.map((x, i) => Math.abs(x - wanted[t]![i]!)))).toBeLessThan(1e-6);
    });
    await executable.dispose();
  });

  it("embed beyond its table", async () => {
    const test = new TestProgram(new Random(4));
    const table = test.weight("F32", [7, 20]);
    const out = push(test, 20, { kind: "embed", table, index: "position", offset: 1 });
    await check(isa, { test, program: test.finish(out), tokens }, 1e-9);
  });

  it("attend to what another op of the layer has stored", async () => {
    const test = new TestProgram(new Random(6));
    test.layers.push({ kvHeads: 2, headDim: 16, valueDim: 16 });
    const [q, k, v, again] = [4, 2, 2, 6].map((n) => test.input(60, n * 16)) as [number, number, number, number];
    const of = { kind: "attend", layer: 0, causal: true, softcap: undefined, sinks: undefined, scale: 0.3 };
    const first = push(test, 64, { ...of, q, k, v, heads: 4, window: 9 });
    const second = push(test, 96, { ...of, q: again, k: undefined, v: undefined, heads: 6, window: 20 });
    const both = push(test, 160, { kind: "concat", a: first, b: second, groups: 1 });
    await check(isa, { test, program: test.finish(both), tokens: 60 }, 3e-6);
  });

  it.each(["first", "last", "max", "mean", "mean_sqrt", "weighted_mean"] satisfies Pooling[])(
    "pool %s, of several sequences",
    async (pooling) => {
      const test = new TestProgram(new Random(5));
      const x = test.input(tokens, 37);
      const out = test.buffer(37, "outputs");
      test.ops.push({ kind: "pool", out, x, pooling });
      const program = { ...test.finish(x), ops: test.ops.filter(({ kind }) => kind !== "select"), output: out };
      const one = { test, program, tokens };
      const spans = [
        { sequence: 0, position: 0, ids: [3, 4, 5, 6, 7, 8] },
        { sequence: 1, position: 0, ids: [1] },
        { sequence: 2, position: 0, ids: [9, 2, 0] },
      ];
      const batch = { ...batchOf(spans), outputs: [5, 6, 7].map((token) => ({ token, logits: true })) };
      const wanted = await runRows(reference(one), batch);
      for (const threads of [1, 3]) {
        const executable = await compile(isa, threads, one);
        const rows = await runRows(executable, batch);
        rows.forEach((row, t) => {
          expect(Math.max(...row.map((value, i) => Math.abs(value - wanted[t]![i]!)))).toBeLessThan(1e-6);
        });
        await executable.dispose();
      }
    },
  );

  it.each([
    [4, 2, 8, undefined, 16, undefined, undefined],
    [6, 1, 64, 5, 16, undefined, undefined],
    [3, 3, 80, 40, 48, 3, undefined],
    [9, 3, 20, undefined, 64, 0.5, undefined],
    [4, 4, 16, undefined, 32, undefined, 1],
    [6, 2, 32, undefined, 48, undefined, 9],
    [3, 3, 64, 33, 16, 2, 37],
    [4, 2, 8, undefined, 64, undefined, 128],
  ] as const)(
    "attend both ways: %d heads, %d key heads of %d, window %s, pages of %d, softcap %s, distances up to %s",
    async (...shape) => {
      const [heads, kvHeads, headDim, window, pageTokens, softcap, reach] = shape;
      for (const causal of [false, true]) {
        const test = new TestProgram(new Random(heads));
        test.layers.push({ kvHeads, headDim, valueDim: headDim });
        const [q, k, v] = [heads, kvHeads, kvHeads].map((n) => test.input(100, n * headDim)) as [
          number,
          number,
          number,
        ];
        const scale = 3 / Math.sqrt(headDim);
        const distances = reach === undefined ? undefined : addDistances(test, heads, reach, causal);
        const out = push(test, heads * headDim, {
          ...{ kind: "attend", q, k, v, layer: 0, heads, scale, causal, window, softcap, distances, sinks: undefined },
        });
        const one = { test, program: test.finish(out), tokens: 100, options: { pageTokens } };
        const spans = [
          { sequence: 0, position: 0, ids: Array.from({ length: 70 }, (_, i) => i) },
          { sequence: 1, position: 0, ids: Array.from({ length: 30 }, (_, i) => 70 + i) },
        ];
        const wanted = await runRows(reference(one), batchOf(spans));
        let first: Float32Array[] | undefined;
        for (const threads of [1, 2, 3]) {
          const executable = await compile(isa, threads, one);
          const rows = await runRows(executable, batchOf(spans));
          rows.forEach((row, t) => {
            expect(Math.max(...row.map((value, i) => Math.abs(value - wanted[t]![i]!)))).toBeLessThan(3e-6);
          });
          first ??= rows;
          expect(rows).toEqual(first);
          await executable.dispose();
        }
      }
    },
  );

  it.each([
    [4, 16, 20, true],
    [3, 40, 33, false],
    [1, 7, 300, true],
  ] as const)("row scores: %d heads of %d, tables of %d rows, normed: %s", async (heads, headDim, height, normed) => {
    for (const quant of ["F32", "BF16"] as const) {
      await checkRow(
        isa,
        heads * headDim,
        (test, x) =>
          push(test, heads * height, {
            kind: "row_scores",
            x,
            table: test.weight("F16", [height, 48]),
            norm: normed ? test.weight("F32", [48]) : undefined,
            normBias: normed ? test.weight("F32", [48]) : undefined,
            epsilon: 1e-7,
            weight: test.weight(quant, [heads * headDim, 48]),
            bias: test.weight("F32", [heads * headDim]),
            headDim,
          }),
        isa === "amx" ? 2e-2 : 4e-6,
      );
    }
  });

  it.each([
    [4, 2, 16, 5, 16, true, true],
    [3, 3, 40, 70, 48, true, false],
    [6, 1, 8, 9, 64, false, true],
  ] as const)(
    "attend by numbers: %d heads, %d key heads of %d, distances up to %d, pages of %d, by query %s, by key %s",
    async (...shape) => {
      const [heads, kvHeads, headDim, reach, pageTokens, byQuery, byKey] = shape;
      const test = new TestProgram(new Random(heads));
      test.layers.push({ kvHeads, headDim, valueDim: headDim });
      const [q, k, v] = [heads, kvHeads, kvHeads].map((n) => test.input(100, n * headDim)) as [number, number, number];
      const numbers = Int32Array.from({ length: 2 * reach + 1 }, () => Math.floor((test.random.next() + 1) * 3.5));
      const distances = test.distances.push({ kind: "numbers", numbers }) - 1;
      const gains = (wanted: boolean) => (wanted ? test.input(100, heads * 7) : undefined);
      const out = push(test, heads * headDim, {
        ...{ kind: "attend", q, k, v, layer: 0, heads, scale: 0.4, causal: false, window: undefined },
        ...{ softcap: undefined, distances, byQuery: gains(byQuery), byKey: gains(byKey), sinks: undefined },
      });
      const one = { test, program: test.finish(out), tokens: 100, options: { pageTokens } };
      const spans = [
        { sequence: 0, position: 0, ids: Array.from({ length: 70 }, (_, i) => i) },
        { sequence: 1, position: 0, ids: Array.from({ length: 30 }, (_, i) => 70 + i) },
      ];
      const wanted = await runRows(reference(one), batchOf(spans));
      let first: Float32Array[] | undefined;
      for (const threads of [1, 3]) {
        const executable = await compile(isa, threads, one);
        const rows = await runRows(executable, batchOf(spans));
        rows.forEach((row, t) => {
          expect(Math.max(...row.map((value, i) => Math.abs(value - wanted[t]![i]!)))).toBeLessThan(3e-6);
        });
        first ??= rows;
        expect(rows).toEqual(first);
        await executable.dispose();
      }
    },
  );
});
