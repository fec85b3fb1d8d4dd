// Attention: what stores keys and values, and the sums over them.

import type { Attend } from "../../../program/ops.js";
import type { Bound } from "../buffers.js";
import { type Emission, type Lowering, NONE, type ParamValue, stride } from "../lowering.js";
import type { StepSize } from "../step.js";
import type { Lowered } from "./index.js";
import { kvGroups, kvPages, kvThreads } from "./kv.js";
import { rowScoresOps } from "./row_scores.js";
import { turnOps, turnsAt } from "./turns.js";

/** Tokens of a span that attend_vec takes one by one; more are for attend_tile. */
const few = 8;

type Params = Readonly<Record<string, ParamValue>>;

export const attentionOps: Lowered = {
  ...rowScoresOps,
  ...turnOps,

  attend(op, lowering) {
    const stored = turnsAt(lowering.program, lowering.program.ops.indexOf(op) - 2);
    if (!stored && op.k !== undefined && op.v !== undefined) storeKv(op.layer, op.k, op.v, lowering);
    if (lowering.device.variants.includes("serial")) {
      attendEach(op, lowering);
    } else {
      attendTile(op, lowering);
      attendVec(op, lowering);
    }
  },
};

function storeKv(layer: number, k: number, v: number, lowering: Lowering): void {
  const { places, options, program } = lowering;
  const across = Math.ceil(kvThreads(program.layers[layer]!, options) / 64);
  lowering.emit({
    kernel: "store_kv",
    parts: { kv: `kv/${options.kvType}` },
    params: kvPages(program.layers[layer]!, options),
    bind: { k: lowering.slot(k), v: lowering.slot(v), cache: places.kv(layer) },
    grid: (size) => [across, size.tokens, 1],
  });
}

/** What every kernel of an attend is given (kernels/webgpu/lib/attend.wgsl). */
function attendParams(op: Attend, lowering: Lowering): Params {
  const { heads, scale, softcap = 0, causal, window = NONE, byQuery, byKey } = op;
  return {
    heads,
    ...kvPages(lowering.program.layers[op.layer]!, lowering.options),
    ...{ scale, softcap, causal: Number(causal), window },
    sinks: lowering.vector(op.sinks),
    ...distanceParams(op, lowering),
    numbers: lowering.width(byQuery ?? byKey ?? op.q) / heads,
    byQuery: Number(byQuery !== undefined),
    byKey: Number(byKey !== undefined),
    few,
  };
}

function distanceParams({ distances }: Attend, { program, places }: Lowering): Params {
  const all = distances === undefined ? undefined : program.distances[distances]!;
  switch (all?.kind) {
    case undefined:
      return { distances: 0, gains: 0, buckets: 0, reach: 0 };
    case "table": {
      const { table, buckets } = all;
      const reach = (buckets.length - 1) / 2;
      return { distances: 1, gains: places.vector(table), buckets: places.numbers(buckets), reach };
    }
    case "slopes":
      return { distances: 2, gains: places.numbers(all.slopes), buckets: 0, reach: all.reach };
    case "numbers": {
      const { numbers } = all;
      return { distances: 3, gains: 0, buckets: places.numbers(numbers), reach: (numbers.length - 1) / 2 };
    }
  }
}

function attendBindings({ q, layer, byQuery, byKey }: Attend, { places }: Lowering): Record<string, Bound> {
  const gains = (id: number | undefined) => (id === undefined ? places.nothing : places.slot(id));
  return { q: places.slot(q), cache: places.kv(layer), byQuery: gains(byQuery), byKey: gains(byKey) };
}

function emitAttend(kernel: string, op: Attend, lowering: Lowering, more: Pick<Emission, "grid"> & Partial<Emission>) {
  lowering.emit({
    kernel,
    parts: { kv: `kv/${lowering.options.kvType}` },
    grid: more.grid,
    params: { ...attendParams(op, lowering), split: 0, ...more.params },
    bind: { ...attendBindings(op, lowering), out: lowering.slot(op.out), ...more.bind },
  });
}

/** Without barriers. */
function attendEach(op: Attend, lowering: Lowering): void {
  const { valueDim } = lowering.program.layers[op.layer]!;
  const across = Math.ceil((op.heads * Math.ceil(valueDim / 128)) / 8);
  emitAttend("attend_each", op, lowering, { grid: (size) => [across, size.tokens, 1] });
}

/** Spans of many tokens, in tiles of 32: at most one that is not full for each span. */
function attendTile(op: Attend, lowering: Lowering): void {
  const { valueDim } = lowering.program.layers[op.layer]!;
  const heads = op.heads * Math.ceil(valueDim / 128);
  emitAttend("attend_tile", op, lowering, {
    grid: (size) => (size.longest > few ? [Math.floor(size.tokens / 32) + size.spans, heads, 1] : undefined),
  });
}

/** Spans of few tokens: keys as a whole, or in parts that are put together. */
function attendVec(op: Attend, lowering: Lowering): void {
  const { heads } = op;
  const { kvHeads, valueDim } = lowering.program.layers[op.layer]!;
  const { kvType } = lowering.options;
  const groups = Math.ceil(valueDim / kvGroups[kvType]);
  const across = kvHeads * Math.ceil(heads / kvHeads / 4) * Math.ceil(groups / 128);
  // Parts of all rows together: as many as make a device busy.
  const most = Math.max(16, Math.floor(1024 / across));
  const rows = ({ spans, longest }: StepSize) => spans * Math.min(longest, few);
  const partsOf = (size: StepSize) => {
    const keys = Math.min(size.context, op.window ?? size.context);
    return Math.max(1, Math.min(Math.ceil(keys / 128), Math.floor(most / rows(size))));
  };
  const bytes = 4 * most * heads * (valueDim + 2);
  const parts = lowering.places.constant(`parts of attention, ${bytes} bytes`, bytes);
  const whole = (size: StepSize) => partsOf(size) === 1;
  emitAttend("attend_vec", op, lowering, {
    grid: (size) => (size.shortest <= few && whole(size) ? [1, across, rows(size)] : undefined),
  });
  emitAttend("attend_vec", op, lowering, {
    params: { split: 1 },
    bind: { out: parts },
    grid: (size) => (size.shortest <= few && !whole(size) ? [partsOf(size), across, rows(size)] : undefined),
  });
  const blocks = Math.ceil(stride(heads * valueDim) / 64);
  lowering.emit({
    kernel: "attend_reduce",
    params: { heads, valueDim, few },
    bind: { parts, out: lowering.slot(op.out) },
    grid: (size) =>
      size.shortest <= few && !whole(size) ? [Math.ceil(blocks / partsOf(size)), partsOf(size), rows(size)] : undefined,
  });
}
