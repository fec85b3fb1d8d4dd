// Fused ops: each pattern replaces neighbours of a program by one op, and declares how that op expands again.

import {
  type Act,
  type BufferId,
  type ExpertLinear,
  type FusedOp,
  type Glu,
  inputs,
  type Linear,
  type Op,
  type Program,
} from "./ops.js";

/**
 * The same program with fewer, larger ops. A pattern applies only where the values between its parts are read by
 * nobody else. The buffers of the removed ops stay declared but are never written.
 */
export function fuse(program: Program): Program {
  const readers = countReaders(program);
  const once = (id: BufferId) => readers.get(id) === 1;
  const ops: Op[] = [];
  for (const op of program.ops) {
    if (op.kind === "glu") fuseGlu(ops, op, once);
    else if (op.kind === "act") fuseAct(ops, op, once);
    else if (op.kind === "add") fuseAdd(ops, op, once);
    else ops.push(op);
  }
  return { ...program, ops };
}

/** What a fused op means: the list it stands for. `scratch` gives buffers for the values between. */
export function expand(op: FusedOp, scratch: readonly BufferId[]): Op[] {
  const [first, second] = scratch as [BufferId, BufferId];
  if (op.kind === "linear_act") {
    const { x, weight, bias, activation, out } = op;
    return [
      { kind: "linear", out: first, x, weight, bias },
      { kind: "act", out, x: first, activation },
    ];
  }
  if (op.kind === "linear_add") {
    const { x, weight, bias, residual, out } = op;
    return [
      { kind: "linear", out: first, x, weight, bias },
      { kind: "add", out, a: residual, b: first },
    ];
  }
  const { x, gate, gateBias, up, upBias, activation, out } = op;
  const product =
    op.kind === "linear_glu"
      ? ({ kind: "linear", x } as const)
      : ({ kind: "expert_linear", x, chosen: op.chosen } as const);
  return [
    { ...product, out: first, weight: gate, bias: gateBias },
    { ...product, out: second, weight: up, bias: upBias },
    { kind: "glu", out, gate: first, up: second, activation },
  ];
}

function countReaders(program: Program): Map<BufferId, number> {
  const readers = new Map<BufferId, number>([[program.output, 1]]);
  for (const op of program.ops) for (const id of inputs(op)) readers.set(id, (readers.get(id) ?? 0) + 1);
  return readers;
}

/** linear, linear, glu of the same x; or the same of the same experts. */
function fuseGlu(ops: Op[], glu: Glu, once: (id: BufferId) => boolean): void {
  const up = ops.at(-1);
  const gate = ops.at(-2);
  const fits =
    isProduct(gate) &&
    isProduct(up) &&
    gate.out === glu.gate &&
    up.out === glu.up &&
    gate.x === up.x &&
    expertsOf(gate) === expertsOf(up) &&
    once(gate.out) &&
    once(up.out);
  if (!fits) {
    ops.push(glu);
    return;
  }
  const { out, activation } = glu;
  const factors = { gate: gate.weight, gateBias: gate.bias, up: up.weight, upBias: up.bias, activation };
  const chosen = expertsOf(gate);
  ops.splice(
    -2,
    2,
    chosen === undefined
      ? { kind: "linear_glu", out, x: gate.x, ...factors }
      : { kind: "expert_glu", out, x: gate.x, chosen, ...factors },
  );
}

/** linear, act of its result. */
function fuseAct(ops: Op[], act: Act, once: (id: BufferId) => boolean): void {
  const linear = ops.at(-1);
  if (!isLinear(linear) || linear.out !== act.x || !once(linear.out)) {
    ops.push(act);
    return;
  }
  const { x, weight, bias } = linear;
  ops.splice(-1, 1, { kind: "linear_act", out: act.out, x, weight, bias, activation: act.activation });
}

/** linear, add of its result to a residual. */
function fuseAdd(ops: Op[], add: Extract<Op, { kind: "add" }>, once: (id: BufferId) => boolean): void {
  const linear = ops.at(-1);
  if (!isLinear(linear) || linear.out !== add.b || linear.out === add.a || !once(linear.out)) {
    ops.push(add);
    return;
  }
  const { x, weight, bias } = linear;
  ops.splice(-1, 1, { kind: "linear_add", out: add.out, x, weight, bias, residual: add.a });
}

function isLinear(op: Op | undefined): op is Linear {
  return op?.kind === "linear";
}

function isProduct(op: Op | undefined): op is Linear | ExpertLinear {
  return op?.kind === "linear" || op?.kind === "expert_linear";
}

function expertsOf(op: Linear | ExpertLinear): BufferId | undefined {
  return op.kind === "expert_linear" ? op.chosen : undefined;
}
