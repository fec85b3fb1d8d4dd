// The plain meaning of the ops that carry a state, in float64 and one value at a time: part of ops.ts.

import type { Batch } from "../../src/backends/backend.js";
import type { Delta, Program, RecurrentOp, Scan, ShortConv } from "../../src/program/ops.js";
import type { PlainWeight } from "./ops.js";

type Rows = Float64Array[];
type Step = (t: number, state: Float64Array) => Float64Array;

/** The states of all sequences, by slot. */
export class PlainStates {
  readonly #slots = new Map<string, Float64Array>();

  constructor(
    readonly program: Program,
    readonly weights: readonly PlainWeight[],
  ) {}

  /** Walks each span from the state it goes on from to the one it leaves. `rows`: what the op's buffers hold. */
  run(op: RecurrentOp, batch: Batch, rows: (id: number) => Rows): Rows {
    const step = this.#stepOf(op, rows);
    const out: Rows = [];
    for (const { count, state } of batch.spans) {
      const { values } = this.program.states[op.state]!;
      const before = state?.from === undefined ? undefined : this.#slots.get(`${op.state} ${state.from}`)!;
      const running = before?.slice() ?? new Float64Array(values);
      for (let i = 0; i < count; i++) out.push(step(out.length, running));
      if (state) this.#slots.set(`${op.state} ${state.to}`, running);
    }
    return out;
  }

  #stepOf(op: RecurrentOp, rows: (id: number) => Rows): Step {
    if (op.kind === "short_conv") return (t, state) => this.#convolve(op, rows(op.x)[t]!, state);
    if (op.kind === "delta") {
      return (t, state) => {
        const [q, k, v] = [rows(op.q)[t]!, rows(op.k)[t]!, rows(op.v)[t]!];
        return this.#delta(op, { q, k, v, step: rows(op.step)[t]!, beta: rows(op.beta)[t]! }, state);
      };
    }
    return (t, state) => {
      const [x, step, b, c] = [rows(op.x)[t]!, rows(op.step)[t]!, rows(op.b)[t]!, rows(op.c)[t]!];
      return this.#scan(op, { x, step, b, c }, state);
    };
  }

  #convolve(op: ShortConv, x: Float64Array, state: Float64Array): Float64Array {
    const { columns: taps, values } = this.weights[op.weight]!;
    const seen = Float64Array.from([...state, ...x]); // (taps, channels)
    const channels = x.length;
    state.set(seen.subarray(channels));
    return x.map((_, c) => {
      let sum = op.bias === undefined ? 0 : this.weights[op.bias]!.values[c]!;
      for (let i = 0; i < taps; i++) sum += values[c * taps + i]! * seen[i * channels + c]!;
      return sum;
    });
  }

  #rates(weight: number, isLog: boolean): Float64Array {
    return Float64Array.from(this.weights[weight]!.values, (value) => (isLog ? -Math.exp(value) : value));
  }

  #delta(
    op: Delta,
    { q, k, v, step, beta }: Record<"q" | "k" | "v" | "step" | "beta", Float64Array>,
    state: Float64Array,
  ): Float64Array {
    const heads = step.length;
    const [keyDim, valueDim] = [k.length / op.keyHeads, v.length / heads];
    const rates = this.#rates(op.rates, op.logRates);
    const out = new Float64Array(v.length);
    for (let h = 0; h < heads; h++) {
      const from = (op.keysInTurn ? h % op.keyHeads : Math.floor((h * op.keyHeads) / heads)) * keyDim;
      const fade = Math.exp(step[h]! * rates[h]!);
      for (let d = 0; d < valueDim; d++) {
        const at = (r: number) => (h * keyDim + r) * valueDim + d;
        let held = 0;
        for (let r = 0; r < keyDim; r++) {
          state[at(r)]! *= fade;
          held += k[from + r]! * state[at(r)]!;
        }
        const change = beta[h]! * (v[h * valueDim + d]! - held);
        for (let r = 0; r < keyDim; r++) {
          state[at(r)]! += k[from + r]! * change;
          out[h * valueDim + d]! += q[from + r]! * state[at(r)]!;
        }
      }
    }
    return out;
  }

  #scan(op: Scan, { x, step, b, c }: Record<"x" | "step" | "b" | "c", Float64Array>, state: Float64Array) {
    const heads = step.length;
    const [headDim, stateDim] = [x.length / heads, b.length / op.groups];
    const rates = this.#rates(op.rates, op.logRates);
    return x.map((value, i) => {
      const [h, d] = [Math.floor(i / headDim), i % headDim];
      const group = Math.floor((h * op.groups) / heads) * stateDim;
      let sum = this.weights[op.skip]!.values[h]! * value;
      for (let n = 0; n < stateDim; n++) {
        const at = rates.length === heads ? (h * stateDim + n) * headDim + d : n * heads + h;
        const rate = rates.length === heads ? rates[h]! : rates[h * stateDim + n]!;
        state[at] = Math.exp(step[h]! * rate) * state[at]! + step[h]! * b[group + n]! * value;
        sum += c[group + n]! * state[at]!;
      }
      return sum;
    });
  }
}
