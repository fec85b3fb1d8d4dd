// Gives buffers their places: two buffers share a slot when their lives do not overlap.

import { type BufferId, inputs, type Op, type Program } from "./ops.js";

export interface Slot {
  readonly width: number;
  readonly rows: "tokens" | "outputs";
}

export interface Placement {
  readonly slots: readonly Slot[];
  /** Slot of each buffer, -1 for buffers no op writes. (buffers) */
  readonly slotOf: readonly number[];
}

/**
 * A buffer lives from the op that writes it through the last op that reads it; `out` never shares with an input. Where an
 * op runs together with the one before it, nor with what that reads and writes.
 */
export function place(program: Program, joinsLast: (index: number) => boolean = () => false): Placement {
  const lastUse = new Map<BufferId, number>([[program.output, program.ops.length]]);
  const read = (op: Op, index: number): readonly BufferId[] => {
    if (!joinsLast(index)) return inputs(op);
    const before = program.ops[index - 1]!;
    return [...inputs(op), before.out, ...read(before, index - 1)];
  };
  program.ops.forEach((op, index) => {
    for (const id of read(op, index)) lastUse.set(id, Math.max(lastUse.get(id) ?? 0, index));
  });

  const slots: { width: number; rows: Slot["rows"] }[] = [];
  const slotOf = program.buffers.map(() => -1);
  const free = { tokens: [] as number[], outputs: [] as number[] };
  program.ops.forEach((op, index) => {
    const { width, rows } = program.buffers[op.out]!;
    slotOf[op.out] = takeSlot(slots, free[rows], width, rows);
    const dying = new Set([...read(op, index), op.out].filter((id) => (lastUse.get(id) ?? index) <= index));
    for (const id of dying) free[program.buffers[id]!.rows].push(slotOf[id]!);
  });
  return { slots, slotOf };
}

/** The free slot whose width is nearest, widened when it is too narrow, or a new one. */
function takeSlot(slots: { width: number; rows: Slot["rows"] }[], free: number[], width: number, rows: Slot["rows"]) {
  const waste = (slot: number) => Math.abs(slots[slot]!.width - width);
  const best = [...free].sort((a, b) => waste(a) - waste(b))[0];
  if (best === undefined) return slots.push({ width, rows }) - 1;
  free.splice(free.indexOf(best), 1);
  slots[best]!.width = Math.max(slots[best]!.width, width);
  return best;
}

/** Most values of a row that the experts' products hold besides: what each expert is given is brought together first. */
export function gatheredWidth({ ops, buffers, weights }: Program): number {
  const widths = ops.map((op) => {
    if (op.kind !== "expert_linear" && op.kind !== "expert_glu") return 0;
    const weight = op.kind === "expert_linear" ? op.weight : op.gate;
    return buffers[op.chosen]!.width * weights[weight]!.shape.at(-1)!;
  });
  return Math.max(0, ...widths);
}
