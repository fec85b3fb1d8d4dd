// Ops that make each value of values of its row: activations, sums, products, parts of rows.

import type { BufferId } from "../../../program/ops.js";
import type { Bound } from "../buffers.js";
import type { Lowering, ParamValue } from "../lowering.js";
import { activationCode } from "./activations.js";
import type { Lowered } from "./index.js";

/** The largest number of an f32: stands for infinity. */
const most = 3.4028234663852886e38;

export const valueOps: Lowered = {
  act({ kind, out, x, activation }, lowering) {
    perValue(lowering, kind, out, { x: lowering.slot(x) }, { activation: activationCode(activation) });
  },

  glu({ kind, out, gate, up, activation }, lowering) {
    const bind = { a: lowering.slot(gate), b: lowering.slot(up) };
    perValue(lowering, kind, out, bind, { activation: activationCode(activation) });
  },

  xielu({ kind, out, x, p, n }, lowering) {
    perValue(lowering, kind, out, { x: lowering.slot(x) }, { p: lowering.vector(p), n: lowering.vector(n) });
  },

  softplus({ kind, out, x, ...op }, lowering) {
    const params = {
      bias: lowering.vector(op.bias),
      least: Math.max(op.least, -most),
      most: Math.min(op.most, most),
    };
    perValue(lowering, kind, out, { x: lowering.slot(x) }, params);
  },

  add({ kind, out, a, b }, lowering) {
    perValue(lowering, kind, out, { a: lowering.slot(a), b: lowering.slot(b) });
  },

  mul({ kind, out, a, b }, lowering) {
    const each = lowering.width(a) / lowering.width(b);
    perValue(lowering, kind, out, { a: lowering.slot(a), b: lowering.slot(b) }, { each });
  },

  scale({ kind, out, x, factor }, lowering) {
    perValue(lowering, kind, out, { x: lowering.slot(x) }, { factor });
  },

  shift({ kind, out, x, weight }, lowering) {
    perValue(lowering, kind, out, { x: lowering.slot(x) }, { weight: lowering.vector(weight) });
  },

  gain({ kind, out, x, weight }, lowering) {
    const weights = lowering.program.weights[weight]!.shape[0]!;
    perValue(lowering, kind, out, { x: lowering.slot(x) }, { weight: lowering.vector(weight), weights });
  },

  softcap({ kind, out, x, cap }, lowering) {
    perValue(lowering, kind, out, { x: lowering.slot(x) }, { cap });
  },

  clamp({ kind, out, x, cap }, lowering) {
    perValue(lowering, kind, out, { x: lowering.slot(x) }, { cap });
  },

  temper({ kind, out, x, scale, length }, lowering) {
    perValue(lowering, kind, out, { x: lowering.slot(x) }, { scale, length });
  },

  slice({ kind, out, x, from, stride }, lowering) {
    const columns = lowering.width(x);
    const kept = lowering.width(out) / (columns / stride);
    perValue(lowering, kind, out, { x: lowering.slot(x) }, { columns, first: from, size: stride, kept });
  },

  concat({ kind, out, a, b, groups }, lowering) {
    const [widthA, widthB] = [lowering.width(a), lowering.width(b)];
    const [ofA, ofB] = [widthA / groups, (lowering.width(out) - widthA) / groups];
    const params = { widthA, widthB, ofA, ofB, stepB: widthB === ofB ? 0 : ofB };
    perValue(lowering, kind, out, { a: lowering.slot(a), b: lowering.slot(b) }, params);
  },
};

/** A thread for each value of `out`. */
export function perValue(
  lowering: Lowering,
  kernel: string,
  out: BufferId,
  bind: Readonly<Record<string, Bound>>,
  params: Readonly<Record<string, ParamValue>> = {},
): void {
  lowering.emit({
    kernel,
    params: { width: lowering.width(out), ...params },
    bind: { ...bind, out: lowering.slot(out) },
    grid: lowering.perValue(out),
  });
}
