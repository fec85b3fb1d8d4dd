// The plain meaning of every op, in float64 and one value at a time: what every backend is compared with.

import type { Batch, CompileOptions, Executable, KvType, OutputResult } from "../../src/backends/backend.js";
import type { Attend, BufferId, Concat, EmbedIndex, Op, Program, Rope, RopeOp } from "../../src/program/ops.js";
import { bf16 } from "../../src/quants/bf16.js";
import { f16 } from "../../src/quants/f16.js";
import { f32 } from "../../src/quants/f32.js";
import { q8_0 } from "../../src/quants/q8_0.js";
import { PlainStates } from "./recurrent.js";
import { gated, layerNormed, normed, pooled, rowOp, softmax } from "./row_ops.js";

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
        return indices(batch)[op.index].map((i) => rowOf(this.weights[op.table]!, i + op.offset));
      case "linear":
        return linear(op.x, op.weight, op.bias);
      case "group_linear":
        return rows(op.x).map((row) => groupProducts(row, this.#stack(op.weight, undefined)));
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
        return rows(op.x).map((row) => normed(row, op, this.#values(op.weight)));
      case "layer_norm":
        return rows(op.x).map((row) => layerNormed(row, op, this.#values(op.weight), this.#values(op.bias)));
      case "rope":
        return rows(op.x).map((row, t) => turn(row, op, this.program.ropes[op.rope]!, positions(batch)[t]!));
      case "attend":
        return this.#attend(op, batch);
      case "row_scores": {
        const { columns, values } = this.weights[op.table]!;
        const table = Array.from({ length: values.length / columns }, (_, n) => rowOf(this.weights[op.table]!, n));
        const norm = {
          ...op,
          kind: "layer_norm",
          weight: op.norm,
          bias: op.normBias,
          group: columns,
          offset: 0,
        } as const;
        const normed = (row: Float64Array) =>
          op.norm === undefined ? row : layerNormed(row, norm, this.#values(op.norm), this.#values(op.normBias));
        const bias = op.bias === undefined ? undefined : this.weights[op.bias];
        const made = table.map((row) => product(normed(row), this.weights[op.weight]!, bias));
        return rows(op.x).map((row) => headScores(row, made, op.headDim));
      }
      case "glu":
        return zip(rows(op.gate), rows(op.up), gated[op.activation]);
      case "add":
        return zip(rows(op.a), rows(op.b), (a, b) => a + b);
      case "mul":
        return rows(op.a).map((row, t) => {
          const b = rows(op.b)[t]!;
          return row.map((value, i) => value * b[Math.floor((i * b.length) / row.length)]!);
        });
      case "temper":
        return rows(op.x).map((row, t) => {
          const factor = 1 + op.scale * Math.log(1 + Math.floor(positions(batch)[t]! / op.length));
          return row.map((value) => value * factor);
        });
      case "shift":
        return rows(op.x).map((row) => row.map((value, i) => value + this.#values(op.weight)![i]!));
      case "xielu": {
        const softplus = (weight: number) => Math.log1p(Math.exp(this.#values(weight)![0]!));
        const [p, n] = [softplus(op.p), 0.5 + softplus(op.n)];
        const f = (x: number) => (x > 0 ? p * x * x : n * (Math.expm1(x) - x)) + x / 2;
        return rows(op.x).map((row) => row.map(f));
      }
      case "gain": {
        const weight = this.#values(op.weight)!;
        return rows(op.x).map((row) => row.map((value, i) => value * weight[i % weight.length]!));
      }
      case "concat":
        return rows(op.a).map((row, t) =>
          concat(row, repeated(rows(op.b)[t]!, row.length, op, this.program), op.groups),
        );
      case "slice": {
        const groups = this.program.buffers[op.x]!.width / op.stride;
        const width = this.program.buffers[op.out]!.width / groups;
        return rows(op.x).map((row) =>
          row.filter((_, i) => i % op.stride >= op.from && i % op.stride < op.from + width),
        );
      }
      case "pool":
        return batch.outputs.map(({ token }) =>
          pooled(
            spanOf(batch, token).map((t) => rows(op.x)[t]!),
            op.pooling,
          ),
        );
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
      default:
        return rows(op.x).map((row) => rowOp(row, op));
    }
  }

  #values(weight: number | undefined): Float32Array | undefined {
    return weight === undefined ? undefined : this.weights[weight]!.values;
  }

  #stack(weight: number, bias: number | undefined): Stack {
    const [, height] = this.program.weights[weight]!.shape as [number, number];
    const matrices = this.weights[weight]!;
    return { height, matrices, biases: bias === undefined ? undefined : this.weights[bias]!.values };
  }

  /** `key`, `token`: of the span that begins at `start`. */
  #ofNumber(
    { distances, byQuery, byKey, heads }: Attend,
    start: number,
    key: number,
    token: number,
    head: number,
  ): number {
    const all = distances === undefined ? undefined : this.program.distances[distances]!;
    if (all?.kind !== "numbers") return 0;
    const reach = (all.numbers.length - 1) / 2;
    const number = all.numbers[Math.min(Math.max(key - token, -reach), reach) + reach]!;
    const gain = (buffer: BufferId | undefined, t: number) => {
      const row = buffer === undefined || t < 0 ? undefined : this.#buffer(buffer)[start + t]!;
      return row ? row[(head * row.length) / heads + number]! : 0;
    };
    return gain(byQuery, token) + gain(byKey, key);
  }

  #ofDistance(op: Attend, distance: number, head: number): number {
    if (op.distances === undefined) return 0;
    const distances = this.program.distances[op.distances]!;
    if (distances.kind === "slopes") {
      return -distances.slopes[head]! * Math.min(Math.abs(distance), distances.reach);
    }
    if (distances.kind === "numbers") return 0;
    const reach = (distances.buckets.length - 1) / 2;
    const bucket = distances.buckets[Math.min(Math.max(distance, -reach), reach) + reach]!;
    return rowOf(this.weights[distances.table]!, bucket)[head]!;
  }

  #attend(op: Attend, batch: Batch): Rows {
    const { kvHeads, headDim, valueDim } = this.program.layers[op.layer]!;
    const { pageTokens, kvType } = this.options;
    const where = (pages: Int32Array, position: number) =>
      `${op.layer} ${pages[Math.floor(position / pageTokens)]} ${position % pageTokens}`;
    const q = this.#buffer(op.q);
    const stored = op.k !== undefined && op.v !== undefined ? [this.#buffer(op.k), this.#buffer(op.v)] : [];
    const out: Rows = [];
    for (const { count, position, pages } of batch.spans) {
      const start = out.length;
      for (let i = 0; i < count && stored.length > 0; i++) {
        const [key, value] = stored.map((rows, which) =>
          asKept(rows[start + i]!, kvType, which === 0 ? headDim : valueDim),
        );
        this.#cache.set(where(pages, position + i), { k: key!, v: value! });
      }
      for (let i = 0; i < count; i++) {
        const t = out.length;
        const reach = op.window ?? Number.POSITIVE_INFINITY;
        const first = Math.max(0, position + i - reach + 1);
        const end = position + (op.causal ? i + 1 : Math.min(count, i + reach));
        const seen = Array.from({ length: end - first }, (_, j) => this.#cache.get(where(pages, first + j))!);
        const row = new Float64Array(op.heads * valueDim);
        for (let h = 0; h < op.heads; h++) {
          const kvHead = Math.floor((h * kvHeads) / op.heads);
          const scores = seen.map((one, j) => {
            let sum = 0;
            for (let d = 0; d < headDim; d++) sum += q[t]![h * headDim + d]! * one.k[kvHead * headDim + d]!;
            const score = (sum + this.#ofNumber(op, start, first + j - position, i, h)) * op.scale;
            const capped = op.softcap === undefined ? score : op.softcap * Math.tanh(score / op.softcap);
            return capped + this.#ofDistance(op, first + j - position - i, h);
          });
          if (op.sinks !== undefined) scores.push(this.weights[op.sinks]!.values[h]!);
          const weights = softmax(Float64Array.from(scores)).subarray(0, seen.length);
          for (let d = 0; d < valueDim; d++) {
            row[h * valueDim + d] = weights.reduce((sum, w, j) => sum + w * seen[j]!.v[kvHead * valueDim + d]!, 0);
          }
        }
        out.push(row);
      }
    }
    return out;
  }
}

/** Head by head, the products with each of the rows. */
function headScores(row: Float64Array, made: Rows, headDim: number): Float64Array {
  const scores: number[] = [];
  for (let head = 0; head < row.length; head += headDim) {
    for (const other of made) {
      let sum = 0;
      for (let d = head; d < head + headDim; d++) sum += row[d]! * other[d]!;
      scores.push(sum);
    }
  }
  return Float64Array.from(scores);
}

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

/** Each part of the row times its matrix. */
function groupProducts(row: Float64Array, { height, matrices: { columns, values } }: Stack): Float64Array {
  const parts = Array.from({ length: row.length / columns }, (_, g) => {
    const matrix = values.subarray(g * height * columns, (g + 1) * height * columns);
    return [...product(row.subarray(g * columns, (g + 1) * columns), { columns, values: matrix }, undefined)];
  });
  return Float64Array.from(parts.flat());
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

/** What each token has of each kind of index. */
function indices(batch: Batch): Record<EmbedIndex, number[]> {
  const token = [...batch.tokens];
  return { token, position: positions(batch), segment: token.map((_, t) => batch.segments?.[t] ?? 0) };
}

function positions(batch: Batch): number[] {
  return batch.spans.flatMap(({ count, position }) => Array.from({ length: count }, (_, i) => position + i));
}

function rowOf({ columns, values }: PlainWeight, index: number): Float64Array {
  const row = index * columns < values.length ? index : 0;
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

/** Tokens of the span that a token belongs to. */
function spanOf(batch: Batch, token: number): number[] {
  let first = 0;
  for (const { count } of batch.spans) {
    if (token < first + count) return Array.from({ length: count }, (_, i) => first + i);
    first += count;
  }
  return [];
}

/** A b that all groups share, as often as there are groups. */
function repeated(b: Float64Array, width: number, { out, groups }: Concat, { buffers }: Program): Float64Array {
  const times = (buffers[out]!.width - width) / b.length;
  return times === 1 ? b : Float64Array.from({ length: b.length * groups }, (_, i) => b[i % b.length]!);
}

function concat(a: Float64Array, b: Float64Array, groups: number): Float64Array {
  const size = a.length / groups;
  const parts = Array.from({ length: groups }, (_, g) => {
    const rest = b.length / groups;
    return [...a.subarray(g * size, (g + 1) * size), ...b.subarray(g * rest, (g + 1) * rest)];
  });
  return Float64Array.from(parts.flat());
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
