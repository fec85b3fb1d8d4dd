// Prints a program as a listing: one op a line, as `deadlift inspect --program` shows it.

import type { Op, Program } from "./ops.js";

/** One line per op: `%out (width) = kind operands`, with weights by name and shape. */
export function print(program: Program): string {
  const places = String(program.ops.length - 1).length;
  const lines = program.ops.map((op, index) => `${String(index).padStart(places)}  ${printOp(op, program)}`);
  return lines.join("\n");
}

function printOp(op: Op, program: Program): string {
  const { width, rows } = program.buffers[op.out]!;
  const head = `%${op.out} (${rows}, ${width})`;
  return `${head.padEnd(24)} = ${op.kind.padEnd(13)} ${operands(op, program).join("  ")}`;
}

function operands(op: Op, program: Program): string[] {
  const weight = (id: number | undefined) => {
    if (id === undefined) return [];
    const { name, shape } = program.weights[id]!;
    return [`${name}[${shape.join(", ")}]`];
  };
  switch (op.kind) {
    case "embed":
      return [...weight(op.table), ...(op.index === "token" ? [] : [`by ${op.index}`, ...by("+", op.offset)])];
    case "linear":
      return [`%${op.x}`, ...weight(op.weight), ...weight(op.bias)];
    case "group_linear":
      return [`%${op.x}`, ...weight(op.weight)];
    case "norm":
    case "layer_norm": {
      const bias = op.kind === "layer_norm" ? weight(op.bias) : [];
      return [
        `%${op.x}`,
        ...weight(op.weight),
        ...bias,
        `group=${op.group}`,
        `epsilon=${op.epsilon}`,
        ...by("weight+", op.offset),
      ];
    }
    case "rope":
      return [`%${op.x}`, `rope#${op.rope}`, program.ropes[op.rope]!.layout, `headDim=${op.headDim}`];
    case "attend": {
      const { kvHeads, headDim, valueDim } = program.layers[op.layer]!;
      const window = op.window === undefined ? [] : [`window=${op.window}`];
      return [
        op.k === undefined ? `q=%${op.q}` : `q=%${op.q} k=%${op.k} v=%${op.v}`,
        `layer=${op.layer}`,
        `heads=${op.heads}/${kvHeads}x${headDim}${valueDim === headDim ? "" : `, values of ${valueDim}`}`,
        ...(op.causal ? [] : ["both ways"]),
        ...window,
        ...by("softcap=", op.softcap),
        ...(op.distances === undefined ? [] : [`distances#${op.distances}`]),
        ...(op.byQuery === undefined ? [] : [`by query %${op.byQuery}`]),
        ...(op.byKey === undefined ? [] : [`by key %${op.byKey}`]),
        ...weight(op.sinks),
      ];
    }
    case "row_scores":
      return [`%${op.x}`, ...[op.table, op.norm, op.normBias, op.weight, op.bias].flatMap(weight)];
    case "glu":
      return [`${op.activation}(%${op.gate})`, `%${op.up}`];
    case "act":
      return [`${op.activation}(%${op.x})`];
    case "xielu":
      return [`%${op.x}`, ...weight(op.p), ...weight(op.n)];
    case "add":
    case "mul":
      return [`%${op.a}`, `%${op.b}`];
    case "scale":
      return [`%${op.x}`, `by ${op.factor}`];
    case "shift":
    case "gain":
      return [`%${op.x}`, ...weight(op.weight)];
    case "sparsify":
      return [`%${op.x}`, `above ${op.factor} deviations`];
    case "temper":
      return [`%${op.x}`, `by 1 + ${op.scale} ln(1 + position / ${op.length})`];
    case "softcap":
    case "clamp":
      return [`%${op.x}`, `cap=${op.cap}`];
    case "slice":
      return [`%${op.x}`, `from=${op.from}`, `of each ${op.stride}`];
    case "concat":
      return [`%${op.a}`, `%${op.b}`, `groups=${op.groups}`];
    case "softmax":
    case "share":
    case "route":
    case "select":
      return [`%${op.x}`];
    case "limit_groups":
      return [`%${op.x}`, `${op.used} of ${op.groups} groups`];
    case "pool":
      return [`%${op.x}`, op.pooling];
    case "gather":
      return [`%${op.x}[%${op.chosen}]`];
    case "expert_linear":
      return [`%${op.x}`, `of %${op.chosen}`, ...weight(op.weight), ...weight(op.bias)];
    case "mix":
      return [`%${op.x}`, `by %${op.weights}`];
    case "softplus":
      return [`%${op.x}`, ...weight(op.bias)];
    case "short_conv":
      return [`%${op.x}`, ...weight(op.weight), ...weight(op.bias), `state=${op.state}`];
    case "delta":
      return [
        `q=%${op.q} k=%${op.k} v=%${op.v}`,
        `step=%${op.step} beta=%${op.beta}`,
        ...weight(op.rates),
        `state=${op.state}`,
      ];
    case "scan":
      return [`%${op.x}`, `step=%${op.step} b=%${op.b} c=%${op.c}`, ...weight(op.rates), `state=${op.state}`];
    case "linear_add":
      return [`%${op.residual} + %${op.x}`, ...weight(op.weight), ...weight(op.bias)];
    case "linear_glu":
      return [`%${op.x}`, op.activation, ...[op.gate, op.gateBias, op.up, op.upBias].flatMap(weight)];
    case "expert_glu":
      return [
        `%${op.x}`,
        `of %${op.chosen}`,
        op.activation,
        ...[op.gate, op.gateBias, op.up, op.upBias].flatMap(weight),
      ];
  }
}

/** A number that is there and not 0. */
function by(name: string, value: number | undefined): string[] {
  return value ? [`${name}${value}`] : [];
}
