// Rotary embeddings, and those of a layer's queries and keys together with what stores the keys and values.

import { type Attend, inputs, type Program, type RopeOp } from "../../../program/ops.js";
import { type Lowering, type ParamValue, stride } from "../lowering.js";
import type { Lowered } from "./index.js";
import { kvPages, kvThreads } from "./kv.js";

export const turnOps: Lowered = {
  rope(op, lowering) {
    const { headDim } = op;
    lowering.emit({
      kernel: "rope",
      params: { width: lowering.width(op.out), headDim, ...pairsOf(op, lowering) },
      bind: { x: lowering.slot(op.x), table: lowering.places.rope(op.rope), out: lowering.slot(op.out) },
      grid: lowering.perValue(op.out),
    });
  },
};

function pairsOf({ rope }: RopeOp, { program }: Lowering): Record<string, ParamValue> {
  const { frequencies, layout } = program.ropes[rope]!;
  return { pairs: frequencies.length, pairing: layout === "pairs" ? 1 : 0 };
}

/** `rope` of queries and of keys that nobody reads but the `attend` that follows both. */
export interface Turns {
  readonly q: RopeOp;
  readonly k: RopeOp;
  readonly attend: Attend & { readonly k: number; readonly v: number };
}

/** The pair that begins with this op, if one does. */
export function turnsAt({ ops, layers }: Program, index: number): Turns | undefined {
  const [first, second, attend] = ops.slice(Math.max(index, 0), index + 3);
  if (first?.kind !== "rope" || second?.kind !== "rope" || attend?.kind !== "attend") return undefined;
  const [q, k] = attend.q === first.out ? [first, second] : [second, first];
  const sameTable = q.rope === k.rope && q.headDim === k.headDim && k.headDim === layers[attend.layer]!.headDim;
  if (attend.q !== q.out || attend.k !== k.out || attend.v === undefined || !sameTable) return undefined;
  const readers = ops.flatMap((op) => inputs(op).filter((id) => id === k.out));
  return readers.length === 1 ? { q, k, attend: { ...attend, k: k.out, v: attend.v } } : undefined;
}

/** Both by one kernel, which stores keys and values, too. */
export function emitTurns({ q, k, attend }: Turns, lowering: Lowering): void {
  const { places, options, program } = lowering;
  const width = lowering.width(q.out);
  const threads = stride(width) / 4 + kvThreads(program.layers[attend.layer]!, options);
  lowering.emit({
    kernel: "rope_store",
    parts: { kv: `kv/${options.kvType}` },
    params: { width, ...pairsOf(q, lowering), ...kvPages(program.layers[attend.layer]!, options) },
    bind: {
      ...{ q: lowering.slot(q.x), k: lowering.slot(k.x), v: lowering.slot(attend.v), out: lowering.slot(q.out) },
      ...{ table: places.rope(q.rope), cache: places.kv(attend.layer) },
    },
    grid: (size) => [Math.ceil(threads / 64), size.tokens, 1],
  });
}
