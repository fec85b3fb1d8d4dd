// The plain meaning of every op, in float64 and one value at a time: what every backend is compared with.

import type { Batch, CompileOptions, Executable, KvType, OutputResult } from "../../src/backends/backend.js";
import type { Activation, Attend, BufferId, Norm, Op, Program, Rope, RopeOp } from "../../src/program/ops.js";
import { bf16 } from "../../src/quants/bf16.js";
import { f16 } from "../../src/quants/f16.js";
import { f32 } from "../../src/quants/f32.js";
import { q8_0 } from "../../src/quants/q8_0.js";
import { PlainStates } from "./recurrent.js";

/** A weight, decoded: the last dimension is `columns`. */
export interface PlainWeight {
  readonly columns: number;
  readonly values: Float32Array;
}

type Rows = Float64Array[];

/** Runs a program as it is written. Keeps keys and values by page, as the real ones do. */
export class ReferenceExecutable implements Executable {
  readonly #buffers = new Map<BufferId, Rows>();
  readonly #cache = new Map<string, { k: Float64Array; v: Float64Array }>();
  readonly #states: PlainStates;

  constructor(
    readonly program: Program,
    readonly weights: readonly PlainWeight[],
    readonly options: CompileOptions,
  ) {
    this.#states = new PlainStates(program, weights);
  }

  async run(batch: Batch): Promise<OutputResult[]> {
    for (const op of this.program.ops) this.#buffers.set(op.out, this.#evaluate(op, batch));
    return this.#buffer(this.program.output).map((row) => ({
      sampled: undefined,
      logits: Float32Array.from(row),
      score: undefined,
    }));
  }

  async copyPage(from: number, to: number): Promise<void> {
    for (const [key, value] of [...this.#cache]) {
      const [layer, page, slot] = key.split(" ");
      if (page === String(from)) this.#cache.set(`${layer} ${to} ${slot}`, value);
    }
  }

  async dispose(): Promise<void> {}

  #buffer(id: BufferId): Rows {
    return this.#buffers.get(id)!;
  }

  #evaluate(op: Op, batch: Batch): Rows {
    const rows = (id: BufferId) => this.#buffer(id);
    const linear = (x: BufferId, weight: number, bias: number | undefined) =>
      rows(x).map((row) => product(row, this.weights[weight]!, bias === undefined ? undefined : this.weights[bias]));
    const experts = (x: BufferId, chosen: BufferId, weight: number, bias: number | undefined) =>
      rows(x).map((row, t) => expertProducts(row, rows(chosen)[t]!, this.#stack(weight, bias)));
    switch (op.kind) {
      case "embed":
        return Array.from(batch.tokens, (id) => rowOf(this.weights[op.table]!, id));
      case "linear":
        return linear(op.x, op.weight, op.bias);
      case "linear_add":
        return zip(linear(op.x, op.weight, op.bias), rows(op.residual), (a, b) => a + b);
      case "linear_glu":
        return zip(linear(op.x, op.gate, op.gateBias), linear(op.x, op.up, op.upBias), gated[op.activation]);
      case "expert_linear":
        return experts(op.x, op.chosen, op.weight, op.bias);
      case "expert_glu": {
        const gate = experts(op.x, op.chosen, op.gate, op.gateBias);
        return zip(gate, experts(op.x, op.chosen, op.up, op.upBias), gated[op.activation]);
      }
      case "norm":
        return rows(op.x).map((row) => normalize(row, op, this.weights[op.weight]!.values));
      case "rope":
        return rows(op.x).map((row, t) => turn(row, op, this.program.ropes[op.rope]!, positions(batch)[t]!));
      case "attend":
        return this.#attend(op, batch);
      case "glu":
        return zip(rows(op.gate), rows(op.up), gated[op.activation]);
      case "add":
        return zip(rows(op.a), rows(op.b), (a, b) => a + b);
      case "softmax":
        return rows(op.x).map(softmax);
      case "route":
        return rows(op.x).map((row) => largest(row, this.program.buffers[op.out]!.width));
      case "gather":
        return rows(op.x).map((row, t) => rows(op.chosen)[t]!.map((e) => row[e]!));
      case "mix":
        return rows(op.x).map((row, t) => mix(row, rows(op.weights)[t]!));
      case "softplus":
        return rows(op.x).map((row) =>
          row.map((x, i) => {
            const sum = x + (op.bias === undefined ? 0 : this.weights[op.bias]!.values[i]!);
            const value = Math.max(sum, 0) + Math.log1p(Math.exp(-Math.abs(sum)));
            return Math.min(op.most, Math.max(op.least, value));
          }),
        );
      case "short_conv":
      case "delta":
      case "scan":
        return this.#states.run(op, batch, rows);
      case "select":
        return batch.outputs.map(({ token }) => rows(op.x)[token]!);
    }
  }

  #stack(weight: number, bias: number | undefined): Stack {
    const [, height] = this.program.weights[weight]!.shape as [number, number];
    const matrices = this.weights[weight]!;
    return { height, matrices, biases: bias === undefined ? undefined : this.weights[bias]!.values };
  }

  #attend(op: Attend, batch: Batch): Rows {
    const { kvHeads, headDim } = this.program.layers[op.layer]!;
    const { pageTokens, kvType } = this.options;
    const where = (pages: Int32Array, position: number) =>
      `${op.layer} ${pages[Math.floor(position / pageTokens)]} ${position % pageTokens}`;
    const [q, k, v] = [this.#buffer(op.q), this.#buffer(op.k), this.#buffer(op.v)];
    const out: Rows = [];
    for (const { count, position, pages } of batch.spans) {
      for (let i = 0; i < count; i++) {
        const t = out.length;
        this.#cache.set(where(pages, position + i), {
          k: asKept(k[t]!, kvType, headDim),
          v: asKept(v[t]!, kvType, headDim),
        });
        const first = Math.max(0, position + i - (op.window ?? Number.POSITIVE_INFINITY) + 1);
        const seen = Array.from(
          { length: position + i + 1 - first },
          (_, j) => this.#cache.get(where(pages, first + j))!,
        );
        const row = new Float64Array(op.heads * headDim);
        for (let h = 0; h < op.heads; h++) {
          const from = Math.floor((h * kvHeads) / op.heads) * headDim;
          const scores = seen.map((one) => {
            let sum = 0;
            for (let d = 0; d < headDim; d++) sum += q[t]![h * headDim + d]! * one.k[from + d]!;
            return sum * op.scale;
          });
          if (op.sinks !== undefined) scores.push(this.weights[op.sinks]!.values[h]!);
          const weights = softmax(Float64Array.from(scores)).subarray(0, seen.length);
          for (let d = 0; d < headDim; d++) {
            row[h * headDim + d] = weights.reduce((sum, w, j) => sum + w * seen[j]!.v[from + d]!, 0);
          }
        }
        out.push(row);
      }
    }
    return out;
  }
}

export const silu = (x: number) => x / (1 + Math.exp(-x));

/** What each kind of gated unit makes of gate and up. */
export const gated: Readonly<Record<Activation, (gate: number, up: number) => number>> = {
  silu: (gate, up) => silu(gate) * up,
  clamped_swish(gate, up) {
    const g = Math.min(gate, 7);
    return (g / (1 + Math.exp(-1.702 * g))) * (Math.min(Math.max(up, -7), 7) + 1);
  },
};

/** One matrix for each expert, and its bias. */
interface Stack {
  readonly height: number;
  readonly matrices: PlainWeight;
  readonly biases: Float32Array | undefined;
}

/** The row's part for each expert, or the whole of it where it has one part only, times that expert's matrix. */
function expertProducts(row: Float64Array, chosen: Float64Array, { height, matrices, biases }: Stack): Float64Array {
  const { columns, values } = matrices;
  const parts = Array.from(chosen, (e, i) => {
    const x = row.length === columns ? row : row.subarray(i * columns, (i + 1) * columns);
    const matrix = values.subarray(e * height * columns, (e + 1) * height * columns);
    const bias = biases && { columns: height, values: biases.subarray(e * height, (e + 1) * height) };
    return [...product(x, { columns, values: matrix }, bias)];
  });
  return Float64Array.from(parts.flat());
}

function softmax(row: Float64Array): Float64Array {
  const most = Math.max(...row);
  const powers = row.map((x) => Math.exp(x - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

/** Places of the largest values; of equal ones the first. */
function largest(row: Float64Array, count: number): Float64Array {
  const places = Array.from(row, (_, place) => place).sort((a, b) => row[b]! - row[a]! || a - b);
  return Float64Array.from(places.slice(0, count));
}

function mix(row: Float64Array, weights: Float64Array): Float64Array {
  const width = row.length / weights.length;
  return Float64Array.from({ length: width }, (_, c) =>
    weights.reduce((sum, w, i) => sum + w * row[i * width + c]!, 0),
  );
}

function positions(batch: Batch): number[] {
  return batch.spans.flatMap(({ count, position }) => Array.from({ length: count }, (_, i) => position + i));
}

function rowOf({ columns, values }: PlainWeight, row: number): Float64Array {
  return Float64Array.from(values.subarray(row * columns, (row + 1) * columns));
}

function zip(a: Rows, b: Rows, f: (a: number, b: number) => number): Rows {
  return a.map((row, t) => row.map((value, i) => f(value, b[t]![i]!)));
}

function product(x: Float64Array, { columns, values }: PlainWeight, bias: PlainWeight | undefined): Float64Array {
  return Float64Array.from({ length: values.length / columns }, (_, r) => {
    let sum = bias?.values[r] ?? 0;
    for (let c = 0; c < columns; c++) sum += x[c]! * values[r * columns + c]!;
    return sum;
  });
}

function normalize(row: Float64Array, op: Norm, weight: Float32Array): Float64Array {
  const n = weight.length;
  return row.map((value, i) => {
    const group = row.subarray(i - (i % n), i - (i % n) + n);
    const mean = group.reduce((sum, x) => sum + x * x, 0) / n;
    return (value / Math.sqrt(mean + op.epsilon)) * weight[i % n]!;
  });
}

function turn(row: Float64Array, op: RopeOp, rope: Rope, position: number): Float64Array {
  const out = Float64Array.from(row);
  const pairs = rope.frequencies.length;
  for (let head = 0; head < row.length; head += op.headDim) {
    for (let i = 0; i < pairs; i++) {
      const angle = Math.fround(position * rope.frequencies[i]!);
      const [cos, sin] = [Math.cos(angle) * rope.magnitude, Math.sin(angle) * rope.magnitude];
      const [p, q] = rope.layout === "half" ? [head + i, head + i + pairs] : [head + 2 * i, head + 2 * i + 1];
      out[p] = row[p]! * cos - row[q]! * sin;
      out[q] = row[q]! * cos + row[p]! * sin;
    }
  }
  return out;
}

const kvCodecs = { f32, f16, bf16, q8_0 };

/** What a row of heads becomes in pages: of q8_0, each head has blocks of its own, the last one shorter. */
function asKept(row: Float64Array, type: KvType, headDim: number): Float64Array {
  const { encode, decode } = kvCodecs[type];
  const kept = Float64Array.from(row);
  for (let head = 0; head < row.length; head += headDim) {
    const values = new Float32Array(Math.ceil(headDim / 32) * 32);
    values.set(row.subarray(head, head + headDim));
    const bytes = new Uint8Array(values.byteLength);
    encode!(values, bytes);
    decode(bytes, values);
    kept.set(values.subarray(0, headDim), head);
  }
  return kept;
}
