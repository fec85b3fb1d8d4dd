// Ops that make values of values, row by row: activations, sums, products, parts of rows.

import type { BufferId, WeightId } from "./ops.js";

export type ValueOp =
  | Glu
  | Act
  | Xielu
  | Softplus
  | Add
  | Mul
  | Scale
  | Shift
  | Gain
  | Softcap
  | Clamp
  | Sparsify
  | Slice
  | Concat;

/**
 * Functions of one value. silu: x / (1 + e^-x); gelu: x (1 + erf(x / sqrt 2)) / 2; gelu_tanh: its approximation
 * x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2; gelu_quick: x / (1 + e^(-1.702 x)); relu: max(x, 0); relu2: its
 * square; sigmoid: 1 / (1 + e^-x); tanh.
 */
export type Activation = "silu" | "gelu" | "gelu_tanh" | "gelu_quick" | "relu" | "relu2" | "sigmoid" | "tanh";

/**
 * What a gated unit makes of gate and up: activation(gate) * up. "clamped_swish", of gpt-oss: with gate at most 7 and up
 * within -7 and 7, gate / (1 + e^(-1.702 gate)) * (up + 1).
 */
export type GateActivation = Activation | "clamped_swish";

export interface Glu {
  readonly kind: "glu";
  readonly out: BufferId;
  readonly gate: BufferId;
  readonly up: BufferId;
  readonly activation: GateActivation;
}

/** out = activation(x). */
export interface Act {
  readonly kind: "act";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly activation: Activation;
}

/**
 * With p = ln(1 + e^p[0]) and n = 1/2 + ln(1 + e^n[0]): for x > 0 p x^2 + x / 2, else n (e^x - 1 - x) + x / 2. Source:
 * arXiv 2411.13010.
 */
export interface Xielu {
  readonly kind: "xielu";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly p: WeightId; // (1)
  readonly n: WeightId; // (1)
}

/** out = log(1 + e^(x + bias)), at least `least` and at most `most`: how far a state moves on with a token. */
export interface Softplus {
  readonly kind: "softplus";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly bias: WeightId | undefined; // (width of out)
  readonly least: number;
  readonly most: number;
}

/** out = a + b. */
export interface Add {
  readonly kind: "add";
  readonly out: BufferId;
  readonly a: BufferId;
  readonly b: BufferId;
}

/** out[t, i] = a[t, i] * b[t, floor(i * width of b / width of a)]: b has a value for each of a, or for each group of them. */
export interface Mul {
  readonly kind: "mul";
  readonly out: BufferId;
  readonly a: BufferId;
  readonly b: BufferId;
}

/** out = x * factor. */
export interface Scale {
  readonly kind: "scale";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly factor: number;
}

/** out[t] = x[t] + weight. */
export interface Shift {
  readonly kind: "shift";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly weight: WeightId; // (width of x)
}

/** out[t, i] = x[t, i] * weight[i], or times the only value of the weight. */
export interface Gain {
  readonly kind: "gain";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly weight: WeightId; // (width of x) or (1)
}

/** out = cap * tanh(x / cap). */
export interface Softcap {
  readonly kind: "softcap";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly cap: number;
}

/** out = min(max(x, -cap), cap). */
export interface Clamp {
  readonly kind: "clamp";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly cap: number;
}

/** out[t, i] = max(x[t, i] - (mean + factor * standard deviation of x[t]), 0). */
export interface Sparsify {
  readonly kind: "sparsify";
  readonly out: BufferId;
  readonly x: BufferId;
  readonly factor: number;
}

/** Part of each group of `stride` neighbours, (groups * width): out[t, g, i] = x[t, g, from + i]. */
export interface Slice {
  readonly kind: "slice";
  readonly out: BufferId; // (groups * width)
  readonly x: BufferId; // (groups * stride)
  readonly from: number;
  readonly stride: number;
}

/** Group by group one after another: out[t, g] = a[t, g] then b[t, g]. A b of one group is the same for all. */
export interface Concat {
  readonly kind: "concat";
  readonly out: BufferId;
  readonly a: BufferId; // (groups * width of a's)
  readonly b: BufferId; // (groups * width of b's) or (width of b's)
  readonly groups: number;
}
