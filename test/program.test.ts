// Programs: what is recorded, that fusing changes nothing but the number of ops, and that buffers get safe places.

import { describe, expect, it } from "vitest";
import { record } from "../src/architectures/index.js";
import { addNormAt } from "../src/backends/webgpu/lower/norms.js";
import { disentangledRows, distanceBuckets } from "../src/program/buckets.js";
import { type Config, plain } from "../src/program/config.js";
import { expand, fuse } from "../src/program/fuse.js";
import { type BufferId, inputs, type Op, type Program } from "../src/program/ops.js";
import { place } from "../src/program/place.js";
import { print } from "../src/program/print.js";
import { ropeTable } from "../src/program/rope.js";
import { readJson } from "./reference/runner.js";

function config(overrides: Partial<Config> = {}): Config {
  const layers = overrides.layers ?? 2;
  return {
    architecture: "llama",
    dim: 32,
    ffn: 64,
    heads: 4,
    kvHeads: 2,
    headDim: 8,
    layers,
    vocab: 100,
    contextLength: 128,
    ...plain,
    normEpsilon: 1e-5,
    activation: "silu",
    rope: { theta: 10000, dims: 8, layout: "half", scaling: undefined, factors: undefined },
    turns: Array(layers).fill(true),
    windows: Array(layers).fill(undefined),
    tiedOutput: true,
    tokens: { bos: 1, eos: [2], pad: undefined },
    ...overrides,
  };
}

const fusedKinds = { linear_add: 4, linear_glu: 2 };

describe.each([
  ["llama", fusedKinds],
  ["qwen2", fusedKinds],
  ["qwen3", fusedKinds],
  ["gemma2", { linear_glu: 2, add: 4 }],
  ["gemma3", { linear_glu: 2, add: 4 }],
  ["olmo", { linear_add: 4, linear_glu: 2 }],
  ["olmo2", { linear_glu: 2, add: 4 }],
  ["exaone4", { linear_glu: 2, add: 4 }],
  ["hunyuan", fusedKinds],
  ["apertus", { linear_add: 4 }],
  ["arcee", { linear_add: 4 }],
  ["glm", { linear_add: 4, glu: 2 }],
  ["glm4", { add: 4, glu: 2 }],
  ["stablelm", fusedKinds],
  ["cohere", fusedKinds],
  ["starcoder2", { linear_add: 4 }],
  ["phi", { linear_add: 4 }],
  ["gpt2", { linear_add: 4, add: 1 }],
  ["gpt_neox", { linear_add: 4 }],
  ["opt", { linear_add: 4, add: 1 }],
  ["phi3", { linear_add: 4, glu: 2 }],
  ["gpt_oss", { linear_add: 2, expert_glu: 2, expert_linear: 2, add: 2 }],
] as const)("%s", (architecture, fusedTo) => {
  const bias = { qkv: true, attentionOutput: false, ffn: false };
  const program = record(config({ architecture, bias, experts: { ...plain.experts, count: 6, used: 2, ffn: 16 } }));

  it("records every buffer before it is read, and ends in logits", () => {
    const written = new Set<BufferId>();
    for (const op of program.ops) {
      for (const id of inputs(op)) expect(written).toContain(id);
      written.add(op.out);
    }
    expect(program.buffers[program.output]).toEqual({ width: 100, rows: "outputs" });
    expect(program.layers).toHaveLength(2);
  });

  it("fuses residuals and gated units, and each fused op expands to what it replaced", () => {
    const fused = fuse(program);
    const kinds = count(fused.ops);
    const products = ["linear_add", "linear_glu", "expert_glu", "expert_linear", "add", "glu"];
    expect(Object.fromEntries(products.filter((kind) => kinds[kind]).map((kind) => [kind, kinds[kind]]))).toEqual(
      fusedTo,
    );
    expect(normalised({ ...program, ops: fused.ops.flatMap((op) => unfuse(op)) })).toEqual(normalised(program));
  });

  it("places buffers so that no op overwrites what is still needed", () => {
    for (const one of [program, fuse(program)]) {
      checkPlacement(one);
      checkPlacement(one, (index) => addNormAt(one, index - 1) !== undefined);
    }
  });

  it("prints one line per op, with names and shapes", () => {
    const lines = print(program).split("\n");
    expect(lines).toHaveLength(program.ops.length);
    expect(lines[0]).toMatch(/%0 \(tokens, 32\)\s+= embed\s+embed\[100, 32\]/);
  });
});

it("refuses an architecture it does not know, naming it and the known ones", () => {
  expect(() => record(config({ architecture: "mamba9" }))).toThrow(
    /"mamba9"; supported: .*llama,.* qwen2, qwen3,.* gpt_oss/,
  );
  expect(() => record(config({ architecture: "constructor" }))).toThrow(/supported/);
});

it("does not fuse a value that somebody else reads too", () => {
  const shared: Program = {
    ...record(config()),
    ops: [
      { kind: "embed", out: 0, table: 0, index: "token", offset: 0 },
      { kind: "linear", out: 1, x: 0, weight: 1, bias: undefined },
      { kind: "add", out: 2, a: 0, b: 1 },
      { kind: "add", out: 3, a: 2, b: 1 },
    ],
    output: 3,
  };
  expect(fuse(shared).ops.map((op) => op.kind)).toEqual(["embed", "linear", "add", "add"]);
});

it("fuses an activation with the product that only it reads", () => {
  const active: Program = {
    ...record(config()),
    ops: [
      { kind: "embed", out: 0, table: 0, index: "token", offset: 0 },
      { kind: "linear", out: 1, x: 0, weight: 1, bias: 2 },
      { kind: "act", out: 2, x: 1, activation: "gelu" },
      { kind: "linear", out: 3, x: 2, weight: 3, bias: undefined },
      { kind: "act", out: 4, x: 3, activation: "relu" },
      { kind: "add", out: 5, a: 4, b: 3 },
    ],
    output: 5,
  };
  const fused = fuse(active);
  expect(fused.ops.map((op) => op.kind)).toEqual(["embed", "linear_act", "linear", "act", "add"]);
  expect(normalised({ ...active, ops: fused.ops.flatMap((op) => unfuse(op)) })).toEqual(normalised(active));
  expect(print(fused)).toContain("gelu");
});

it("does not fuse products of different experts", () => {
  const product = { kind: "expert_linear", x: 0, weight: 1, bias: undefined } as const;
  const apart: Program = {
    ...record(config()),
    ops: [
      { kind: "embed", out: 0, table: 0, index: "token", offset: 0 },
      { kind: "route", out: 1, x: 0 },
      { kind: "route", out: 2, x: 0 },
      { ...product, out: 3, chosen: 1 },
      { ...product, out: 4, chosen: 2 },
      { kind: "glu", out: 5, gate: 3, up: 4, activation: "silu" },
    ],
    output: 5,
  };
  expect(fuse(apart).ops.map((op) => op.kind)).toEqual(apart.ops.map((op) => op.kind));
});

describe("rope tables", () => {
  const base = { theta: 10000, dims: 8, layout: "half", factors: undefined } as const;

  it("is the geometric series of the paper", () => {
    const { frequencies, magnitude } = ropeTable({ ...base, scaling: undefined });
    expect([...frequencies]).toEqual([1, 0.1, 0.01, 0.001].map((x) => expect.closeTo(x, 8)));
    expect(magnitude).toBe(1);
  });

  it("stretches linearly, and by factors", () => {
    const linear = ropeTable({ ...base, scaling: { type: "linear", factor: 4 } });
    const factors = ropeTable({ ...base, scaling: undefined, factors: Float32Array.of(4, 4, 4, 4) });
    expect([...linear.frequencies]).toEqual([...factors.frequencies]);
    expect(linear.frequencies[0]).toBe(0.25);
  });

  it("llama3 keeps short wavelengths and stretches long ones", () => {
    const scaling = {
      type: "llama3",
      factor: 8,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalContextLength: 128,
    } as const;
    const { frequencies } = ropeTable({ ...base, scaling });
    expect(frequencies[0]).toBe(1);
    expect(frequencies[3]).toBeCloseTo(0.001 / 8, 8);
    expect(frequencies[1]).toBeGreaterThan(0.1 / 8);
    expect(frequencies[1]).toBeLessThan(0.1);
  });
});

function count(ops: readonly Op[]): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const { kind } of ops) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return kinds;
}

let fresh = 1_000_000;
function unfuse(op: Op): Op[] {
  const isFused =
    op.kind === "linear_act" || op.kind === "linear_add" || op.kind === "linear_glu" || op.kind === "expert_glu";
  return isFused ? expand(op, [fresh++, fresh++]) : [op];
}

/** The ops with buffers renumbered in order of appearance. */
function normalised(program: Program): unknown[] {
  const names = new Map<BufferId, number>();
  const rename = (id: BufferId) => {
    if (!names.has(id)) names.set(id, names.size);
    return names.get(id)!;
  };
  const fields = ["x", "a", "b", "q", "k", "v", "gate", "up", "residual", "chosen", "weights", "out"] as const;
  return program.ops.map((op) => {
    const copy: Record<string, unknown> = { ...op };
    for (const field of fields) {
      if (field in copy && typeof copy[field] === "number") copy[field] = rename(copy[field] as number);
    }
    return copy;
  });
}

/** Runs the program symbolically: each slot remembers whose value it holds. */
function checkPlacement(program: Program, joinsLast = (_: number) => false): void {
  const { slots, slotOf } = place(program, joinsLast);
  const holder = slots.map(() => -1);
  for (const [index, op] of program.ops.entries()) {
    const before = joinsLast(index) ? inputs(program.ops[index - 1]!) : [];
    for (const id of [...inputs(op), ...before]) {
      expect(holder[slotOf[id]!]).toBe(id);
      expect(slotOf[id]).not.toBe(slotOf[op.out]);
    }
    const { width, rows } = program.buffers[op.out]!;
    const slot = slots[slotOf[op.out]!]!;
    expect(slot.width).toBeGreaterThanOrEqual(width);
    expect(slot.rows).toBe(rows);
    holder[slotOf[op.out]!] = op.out;
  }
  expect(holder[slotOf[program.output]!]).toBe(program.output);
  expect(slots.length).toBeLessThan(12);
}

describe("numbers of distances", () => {
  const golden = new URL("./fixtures/encoders/buckets.json", import.meta.url).pathname;
  const cases = readJson<{ count: number; reach: number; starts: number[]; numbers: number[] }[]>(golden);

  it.each(cases)("$count of them, up to $reach, are those of transformers", ({ count, reach, starts, numbers }) => {
    const buckets = distanceBuckets(count, reach);
    expect(buckets[reach]).toBe(0);
    for (let distance = 1; distance <= reach; distance++) {
      const wanted = numbers[starts.findLastIndex((start) => start <= distance)]!;
      expect([distance, buckets[reach + distance]]).toEqual([distance, wanted]);
      expect(buckets[reach - distance]).toBe(wanted - count / 2);
    }
    // What is farther has the number of the farthest.
    expect(starts.at(-1)).toBeLessThanOrEqual(reach);
  });

  const rows = new URL("./fixtures/encoders/disentangled.json", import.meta.url).pathname;
  const tables = readJson<{ span: number; reach: number; starts: number[]; numbers: number[] }[]>(rows);

  it.each(tables)(
    "$span rows on either side, up to $reach, are those of DeBERTa",
    ({ span, reach, starts, numbers }) => {
      const config = { normed: true, sameMatrices: true, byQuery: true, byKey: true };
      const found = disentangledRows({ span, reach, shared: true, ...config });
      for (let distance = 1; distance <= reach; distance++) {
        const wanted = numbers[starts.findLastIndex((start) => start <= distance)]!;
        expect([distance, found[reach - distance]]).toEqual([distance, wanted]);
      }
      expect(starts.at(-1)).toBeLessThanOrEqual(reach);
      const own = disentangledRows({ span: 3, reach: 3, shared: false, ...config });
      expect([...own]).toEqual([5, 5, 4, 3, 2, 1, 0]);
    },
  );
});
