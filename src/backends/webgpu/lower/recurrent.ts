// Ops that carry a state from token to token: a span is walked by the threads that own a part of its state.

import { DeadliftError } from "../../../error.js";
import { type Grid, type Lowering, stride } from "../lowering.js";
import type { StepSize } from "../step.js";
import type { Lowered } from "./index.js";

/** Rows of a state that delta_serial.wgsl and scan_serial.wgsl have room for: with more, drivers compile for seconds. */
const mostRows = 256;
/** Of delta.wgsl and scan.wgsl: threads of a workgroup, rows of a thread, and threads of a column at most. */
const threads = 128;
const rowsOfThread = 16;
const mostSplits = 64;

export const recurrentOps: Lowered = {
  short_conv(op, lowering) {
    const width = lowering.width(op.x);
    const taps = lowering.program.weights[op.weight]!.shape[1]!;
    for (const keeps of [0, 1]) {
      if (keeps === 1 && taps === 1) continue;
      lowering.emit({
        kernel: "short_conv",
        params: { width, taps, weight: lowering.vector(op.weight), bias: lowering.vector(op.bias), keeps },
        bind: { x: lowering.slot(op.x), state: lowering.places.state(op.state), out: lowering.slot(op.out) },
        grid: keeps === 0 ? lowering.perValue(op.out) : (size) => keepers(width, size),
      });
    }
  },

  delta(op, lowering) {
    const heads = lowering.width(op.step);
    const [keyDim, valueDim] = [lowering.width(op.k) / op.keyHeads, lowering.width(op.v) / heads];
    const gates = lowering.places.scratch("delta gates", 2 * heads, "tokens");
    lowering.emit({
      kernel: "delta_gates",
      params: { heads, rates: lowering.vector(op.rates), log_rates: Number(op.logRates) },
      bind: { forward: lowering.slot(op.step), beta: lowering.slot(op.beta), gates },
      grid: (size) => [Math.ceil(heads / 64), size.tokens, 1],
    });
    const splits = splitsOf(keyDim, lowering);
    const [q, k, v, out] = [op.q, op.k, op.v, op.out].map((id) => lowering.slot(id)) as [Slot, Slot, Slot, Slot];
    lowering.emit({
      kernel: splits ? "delta" : "delta_serial",
      params: {
        heads,
        key_heads: op.keyHeads,
        key_dim: keyDim,
        value_dim: valueDim,
        in_turn: Number(op.keysInTurn),
        splits: splits ?? 1,
      },
      bind: { q, k, v, gates, state: lowering.places.state(op.state), out },
      grid: walkers({ blocks: heads, columns: valueDim, splits }),
    });
  },

  scan(op, lowering) {
    const heads = lowering.width(op.step);
    const [headDim, stateDim] = [lowering.width(op.x) / heads, lowering.width(op.b) / op.groups];
    const ofStates = lowering.program.weights[op.rates]!.shape.length === 2;
    // A workgroup has columns of one head, or of all.
    const inOneGroup = !ofStates || op.groups === 1;
    const splits = splitsOf(stateDim, lowering, inOneGroup);
    const [x, forward, b, c] = [op.x, op.step, op.b, op.c].map((id) => lowering.slot(id)) as [Slot, Slot, Slot, Slot];
    lowering.emit({
      kernel: splits ? "scan" : "scan_serial",
      params: {
        heads,
        head_dim: headDim,
        groups: op.groups,
        state_dim: stateDim,
        of_states: Number(ofStates),
        rates: lowering.vector(op.rates),
        log_rates: Number(op.logRates),
        skip: lowering.vector(op.skip),
        splits: splits ?? 1,
      },
      bind: { x, forward, b, c, state: lowering.places.state(op.state), out: lowering.slot(op.out) },
      grid: walkers({ blocks: ofStates ? 1 : heads, columns: ofStates ? heads : headDim, splits }),
    });
  },
};

type Slot = ReturnType<Lowering["slot"]>;

/** Steps of single tokens keep their inputs as they go. */
function keepers(width: number, { longest, spans }: StepSize): Grid | undefined {
  return longest > 1 ? [Math.ceil(width / 64), spans, 1] : undefined;
}

/**
 * Threads that share a column of so many rows; undefined: a thread has all of it, as it must if it `may` not be shared.
 * Throws UnsupportedArchitecture.
 */
function splitsOf(rows: number, { device }: Lowering, may = true): number | undefined {
  const splits = 2 ** Math.ceil(Math.log2(Math.max(1, rows / rowsOfThread)));
  const most = device.variants.includes("subgroups") ? device.facts.subgroupSizes[0] : mostSplits;
  if (may && splits <= most && !device.variants.includes("serial")) return splits;
  if (rows <= mostRows) return undefined;
  const name = device.facts.name;
  throw new DeadliftError("UnsupportedArchitecture", `on ${name} states have at most ${mostRows} rows, not ${rows}`);
}

interface Columns {
  /** Neighbouring columns between which no workgroup reaches over. */
  readonly blocks: number;
  readonly columns: number;
  readonly splits: number | undefined;
}

function walkers({ blocks, columns, splits }: Columns): (size: StepSize) => Grid {
  const across = splits ? blocks * Math.ceil(columns / (threads / splits)) : Math.ceil(stride(blocks * columns) / 64);
  return (size) => [across, size.spans, 1];
}
