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
      return weight(op.table);
    case "linear":
      return [`%${op.x}`, ...weight(op.weight), ...weight(op.bias)];
    case "norm":
      return [`%${op.x}`, ...weight(op.weight), `epsilon=${op.epsilon}`];
    case "rope":
      return [`%${op.x}`, `rope#${op.rope}`, program.ropes[op.rope]!.layout, `headDim=${op.headDim}`];
    case "attend": {
      const { kvHeads, headDim } = program.layers[op.layer]!;
      const window = op.window === undefined ? [] : [`window=${op.window}`];
      return [
        `q=%${op.q} k=%${op.k} v=%${op.v}`,
        `layer=${op.layer}`,
        `heads=${op.heads}/${kvHeads}x${headDim}`,
        ...window,
        ...weight(op.sinks),
      ];
    }
    case "glu":
      return [`${op.activation}(%${op.gate})`, `%${op.up}`];
    case "add":
      return [`%${op.a}`, `%${op.b}`];
    case "softmax":
    case "route":
    case "select":
      return [`%${op.x}`];
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
