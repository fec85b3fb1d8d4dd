// The plain meaning of ops that make each row of the same row of what they read, in float64.

import type { Activation, GateActivation, LayerNorm, Norm, Op, Pooling } from "../../src/program/ops.js";

/** Within 1.2e-7 of erf is too far for what kernels are held to: by its series, and its fraction for large x. */
function erf(x: number): number {
  if (Math.abs(x) > 3) return Math.sign(x) * (1 - erfcTail(Math.abs(x)));
  let term = x;
  let sum = x;
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** Its continued fraction (Laplace), for x > 3. */
function erfcTail(x: number): number {
  let fraction = x;
  for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}

export const silu = (x: number) => x / (1 + Math.exp(-x));

export const activations: Readonly<Record<Activation, (x: number) => number>> = {
  silu,
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  gelu_tanh: (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
  gelu_quick: (x) => x / (1 + Math.exp(-1.702 * x)),
  relu: (x) => (x > 0 || Number.isNaN(x) ? x : 0),
  relu2: (x) => (x > 0 || Number.isNaN(x) ? x * x : 0),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
};

/** What each kind of gated unit makes of gate and up. */
export const gated = {
  ...(Object.fromEntries(
    Object.entries(activations).map(([name, f]) => [name, (gate: number, up: number) => f(gate) * up]),
  ) as Record<Activation, (gate: number, up: number) => number>),
  clamped_swish(gate: number, up: number) {
    const g = Math.min(gate, 7);
    return (g / (1 + Math.exp(-1.702 * g))) * (Math.min(Math.max(up, -7), 7) + 1);
  },
} satisfies Record<GateActivation, (gate: number, up: number) => number>;

export function softmax(row: Float64Array): Float64Array {
  const most = Math.max(...row);
  const powers = row.map((x) => Math.exp(x - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

/** Ops of one input and no weight. */
export function rowOp(row: Float64Array, op: Op): Float64Array {
  const sum = row.reduce((a, b) => a + b, 0);
  switch (op.kind) {
    case "act":
      return row.map(activations[op.activation]);
    case "scale":
      return row.map((x) => x * op.factor);
    case "softcap":
      return row.map((x) => op.cap * Math.tanh(x / op.cap));
    case "clamp":
      return row.map((x) => Math.min(Math.max(x, -op.cap), op.cap));
    case "sparsify": {
      const mean = sum / row.length;
      const deviation = Math.sqrt(row.reduce((total, x) => total + (x - mean) ** 2, 0) / row.length);
      return row.map((x) => Math.max(x - mean - op.factor * deviation, 0));
    }
    case "softmax":
      return softmax(row);
    case "share":
      return row.map((x) => x / (sum + op.epsilon));
    case "limit_groups": {
      const size = row.length / op.groups;
      const goods = Array.from({ length: op.groups }, (_, g) => {
        const best = [...row.subarray(g * size, (g + 1) * size)].sort((a, b) => b - a).slice(0, op.best);
        return best.reduce((a, b) => a + b, 0);
      });
      const order = goods.map((_, g) => g).sort((a, b) => goods[b]! - goods[a]! || a - b);
      const kept = new Set(order.slice(0, op.used));
      return row.map((x, i) => (kept.has(Math.floor(i / size)) ? x : op.floor));
    }
    default:
      throw new Error(`no plain meaning of ${op.kind}`);
  }
}

export function normed(row: Float64Array, op: Norm, weight: Float32Array | undefined): Float64Array {
  return row.map((value, i) => {
    const group = groupOf(row, i, op.group);
    const mean = group.reduce((sum, x) => sum + x * x, 0) / op.group;
    return (value / Math.sqrt(mean + op.epsilon)) * weightAt(weight, i, op.offset);
  });
}

export function layerNormed(
  row: Float64Array,
  op: LayerNorm,
  weight: Float32Array | undefined,
  bias: Float32Array | undefined,
): Float64Array {
  return row.map((value, i) => {
    const group = groupOf(row, i, op.group);
    const mean = group.reduce((sum, x) => sum + x, 0) / op.group;
    const variance = group.reduce((sum, x) => sum + (x - mean) ** 2, 0) / op.group;
    const scaled = ((value - mean) / Math.sqrt(variance + op.epsilon)) * weightAt(weight, i, op.offset);
    return scaled + (bias ? bias[i % bias.length]! : 0);
  });
}

function groupOf(row: Float64Array, i: number, size: number): Float64Array {
  return row.subarray(i - (i % size), i - (i % size) + size);
}

function weightAt(weight: Float32Array | undefined, i: number, offset: number): number {
  return weight ? weight[i % weight.length]! + offset : 1;
}

export function pooled(rows: readonly Float64Array[], pooling: Pooling): Float64Array {
  const n = rows.length;
  const column = (f: (values: number[]) => number) => rows[0]!.map((_, c) => f(rows.map((row) => row[c]!)));
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  switch (pooling) {
    case "first":
      return rows[0]!;
    case "last":
      return rows[n - 1]!;
    case "max":
      return column((values) => Math.max(...values));
    case "mean":
      return column((values) => sum(values) / n);
    case "mean_sqrt":
      return column((values) => sum(values) / Math.sqrt(n));
    case "weighted_mean":
      return column((values) => sum(values.map((value, i) => value * (i + 1))) / ((n * (n + 1)) / 2));
  }
}
