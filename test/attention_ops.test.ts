// Ops of attention against their plain meaning, on every instruction set or the GPU: rotary embeddings, pages in every type,
// windows, sinks, softcaps, heads that share keys; and the same bits in parts, beside others, and from copied pages.

import { describe, it } from "vitest";
import type { CompileOptions } from "../src/backends/backend.js";
import { type Case, check, compile, count, isas, whole } from "./kernel_checks.js";
import { batchOf, Random, runRows, TestProgram } from "./kernel_programs.js";
import { expectSame } from "./reference/targets.js";

describe.each(isas)("%s", (isa) => {
  it.each(["half", "pairs"] as const)("rope, %s", async (layout) => {
    for (const [headDim, pairs, magnitude] of [
      [2, 1, 1],
      [20, 10, 1],
      [64, 32, 1.2],
      [80, 16, 1],
    ] as const) {
      const test = new TestProgram(new Random(headDim));
      const frequencies = Float32Array.from({ length: pairs }, (_, i) => 10000 ** (-i / pairs));
      test.ropes.push({ frequencies, magnitude, layout });
      const x = test.input(100, headDim * 3);
      const out = test.buffer(headDim * 3);
      test.ops.push({ kind: "rope", out, x, rope: 0, headDim });
      await check(isa, { test, program: test.finish(out), tokens: 100 }, 1e-6);
    }
  });

  const kvTypes = ["f32", "f16", "bf16", "q8_0"] as const;

  const attentions: [
    heads: number,
    kvHeads: number,
    headDim: number,
    window: number | undefined,
    pageTokens: number,
    valueDim?: number,
  ][] = [
    [1, 1, 2, undefined, 16],
    [4, 2, 8, undefined, 16],
    [9, 3, 20, undefined, 64],
    [6, 1, 64, 5, 16],
    [3, 3, 80, 40, 48],
    [24, 1, 16, undefined, 40],
    [2, 1, 33, 17, 14],
    [6, 3, 24, undefined, 32, 10],
    [5, 1, 40, 30, 16, 72],
    [20, 1, 36, undefined, 16, 33],
  ];

  function attendCase(
    shape: (typeof attentions)[number],
    kvType: CompileOptions["kvType"],
    tokens: number,
    sinkScale = 0,
    more: Partial<CompileOptions> = {},
  ): Case {
    const [heads, kvHeads, headDim, window, pageTokens, valueDim = headDim] = shape;
    const test = new TestProgram(new Random(heads * headDim));
    test.layers.push({ kvHeads: 1, headDim: 4, valueDim: 4 }, { kvHeads, headDim, valueDim });
    const q = test.input(tokens, heads * headDim);
    const [k, v] = [test.input(tokens, kvHeads * headDim), test.input(tokens, kvHeads * valueDim)];
    const out = test.buffer(heads * valueDim);
    const sinks = sinkScale ? test.weight("BF16", [heads], test.random.values(heads, sinkScale)) : undefined;
    test.ops.push({
      kind: "attend",
      out,
      q,
      k,
      v,
      layer: 1,
      heads,
      scale: 1.7 / Math.sqrt(headDim),
      causal: true,
      window,
      softcap: undefined,
      distances: undefined,
      byQuery: undefined,
      byKey: undefined,
      sinks,
    });
    return { test, program: test.finish(out), tokens, options: { kvType, pageTokens, ...more } };
  }

  it.each(kvTypes)("attend over %s pages", async (kvType) => {
    for (const shape of attentions) {
      for (const tokens of [1, 3, 100]) await check(isa, attendCase(shape, kvType, tokens), 3e-6);
    }
  });

  it.each(kvTypes)("attend of heads as wide as latent attention has them, over %s pages", async (kvType) => {
    for (const shape of [
      [6, 1, 576, undefined, 16, 512],
      [2, 1, 300, 20, 16, 600],
    ] as const) {
      await check(isa, attendCase([...shape], kvType, 40), 3e-6);
    }
  });

  it.each(kvTypes)("attend right after rope, over %s pages", async (kvType) => {
    for (const [layout, headDim, pairs, keysFirst, readTwice] of [
      ["half", 20, 10, false, false],
      ["pairs", 33, 8, true, false],
      ["half", 64, 16, true, true],
    ] as const) {
      const { test, tokens, options } = attendCase([6, 3, headDim, undefined, 16, 10], kvType, 40);
      const frequencies = Float32Array.from({ length: pairs }, (_, i) => 100 ** (-i / pairs));
      test.ropes.push({ frequencies, magnitude: 1.1, layout });
      const attend = test.ops.find((op) => op.kind === "attend")!;
      test.ops.splice(test.ops.indexOf(attend));
      const [q, k] = [test.buffer(6 * headDim), test.buffer(3 * headDim)];
      const ropes = [
        { kind: "rope", out: q, x: attend.q, rope: 0, headDim },
        { kind: "rope", out: k, x: attend.k!, rope: 0, headDim },
      ] as const;
      test.ops.push(...(keysFirst ? [...ropes].reverse() : ropes), { ...attend, q, k });
      const both = test.buffer(60 + 3 * headDim);
      if (readTwice) test.ops.push({ kind: "concat", out: both, a: attend.out, b: k, groups: 1 });
      const program = test.finish(readTwice ? both : attend.out);
      await check(isa, { test, program, tokens, options: options! }, 3e-6);
    }
  });

  it("attend over more positions than one part has", async () => {
    const room = { maxTokens: 700, maxOutputs: 700 };
    for (const [shape, kvType, sinks] of [
      [[6, 1, 20, undefined, 256], "f16", 0],
      [[4, 2, 33, 500, 150], "q8_0", 2],
    ] as const) {
      await check(isa, attendCase([...shape], kvType, 700, sinks, room), 3e-6);
    }
  });

  it("attend: parts of one sequence beside others give the same bits", async () => {
    const one = attendCase([6, 2, 20, undefined, 256], "bf16", 700, 0, { maxTokens: 700, maxOutputs: 700 });
    const executable = await compile(isa, 3, one);
    const together = await runRows(executable, whole(700));
    for (const [from, to] of [
      [0, 630],
      [630, 631],
      [631, 700],
    ] as const) {
      const part = { sequence: 1, position: from, ids: count(to - from, from) };
      const rows = await runRows(executable, batchOf([part, { sequence: 2, position: 0, ids: [from % 7] }]));
      expectSame(rows.slice(0, to - from), together.slice(from, to), 1e-5);
    }
    await executable.dispose();
  });

  it("attend with sinks, from hardly there to the largest of all logits", async () => {
    for (const shape of attentions) {
      for (const scale of [1, 30]) await check(isa, attendCase(shape, "f32", 40, scale), 3e-6);
    }
  });

  it.each([
    ["bf16", 0],
    ["q8_0", 0],
    ["bf16", 2],
  ] as const)(
    "attend: the same bits in one step, in chunks, and beside other sequences; %s, sinks %d",
    async (kvType, sinks) => {
      for (const shape of attentions) {
        const executable = await compile(isa, 2, attendCase(shape, kvType, 100, sinks));
        const together = await runRows(executable, whole(100));
        const chunks: Float32Array[] = [];
        for (const [from, to] of [
          [0, 37],
          [37, 38],
          [38, 90],
          [90, 100],
        ] as const) {
          const part = { sequence: 1, position: from, ids: count(to - from, from) };
          const other = { sequence: 2, position: from, ids: count(to - from, 3) };
          const rows = await runRows(executable, batchOf(from % 2 ? [part, other] : [other, part]));
          chunks.push(...(from % 2 ? rows.slice(0, to - from) : rows.slice(to - from)));
        }
        expectSame(chunks, together, 1e-5);
        await executable.dispose();
      }
    },
  );

  it.each(["f16", "q8_0"] as const)("attend over %s pages that were copied, and after a rewind", async (kvType) => {
    const executable = await compile(isa, 2, attendCase(attentions[1]!, kvType, 40));
    const all = whole(40);
    const together = await runRows(executable, all);
    const pages = Int32Array.from(all.spans[0]!.pages);
    await executable.copyPage(pages[1]!, 31);
    pages[1] = 31;
    const step = {
      tokens: Int32Array.of(20),
      spans: [{ count: 1, position: 20, pages }],
      outputs: [{ token: 0, logits: true }],
    };
    expectSame(await runRows(executable, step), [together[20]!], 1e-5);
    await executable.dispose();
  });
});
