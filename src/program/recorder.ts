// Records a program: each method appends one op and returns the buffer it writes.

import type { RopeConfig, TemperConfig } from "./config.js";
import type {
  Activation,
  Attend,
  Buffer,
  BufferId,
  Distances,
  DistancesId,
  EmbedIndex,
  GateActivation,
  KvLayer,
  LimitGroups,
  Op,
  Pooling,
  Program,
  Rope,
  RopeId,
  State,
  StateId,
  Weight,
  WeightId,
} from "./ops.js";
import { ropeTable } from "./rope.js";

export interface LinearOptions {
  readonly bias?: boolean;
}

export interface EmbedOptions {
  /** Default: the token's id. */
  readonly index?: EmbedIndex;
  /** Default: 0. */
  readonly offset?: number;
}

export interface NormOptions {
  readonly epsilon: number;
  /** Added to the weights; default: 0. */
  readonly offset?: number;
  /** Width of what is normed for itself; default: the whole row. */
  readonly group?: number;
  /** Groups have weights of their own; default: they share them. */
  readonly apart?: boolean;
}

export interface LayerNormOptions extends NormOptions {
  /** Default: there is one. */
  readonly bias?: boolean;
}

export interface AttendOptions {
  readonly kvHeads: number;
  readonly headDim: number;
  /** Of a value; default: as of a key. */
  readonly valueDim?: number;
  /** Default: 1 / sqrt(headDim). */
  readonly scale?: number | undefined;
  /** Default: true. */
  readonly causal?: boolean;
  readonly window?: number | undefined;
  readonly softcap?: number | undefined;
  readonly distances?: DistancesId | undefined;
  readonly byQuery?: BufferId | undefined;
  readonly byKey?: BufferId | undefined;
  /** The weight whose values, one for each head, are one more logit. */
  readonly sinks?: string;
}

export interface DeltaOptions {
  readonly keyHeads: number;
  /** Key heads take turns; default: neighbouring heads share one. */
  readonly keysInTurn: boolean;
  /** Whether the weights hold log(-rate). */
  readonly logRates: boolean;
}

export interface ScanOptions {
  readonly groups: number;
  /** Rates for each number of a head's state, not one for each head. */
  readonly ratesOfStates?: boolean;
  readonly logRates: boolean;
}

export interface RowScoresOptions {
  readonly table: string;
  readonly rows: number;
  readonly columns: number;
  /** The layer norm of the table's rows. */
  readonly norm: string | undefined;
  readonly epsilon: number;
  readonly weight: string;
  readonly headDim: number;
}

/** What an architecture writes its list of ops with. Weights are canonical names (formats/names.ts). */
export class Recorder {
  readonly #ops: Op[] = [];
  readonly #buffers: Buffer[] = [];
  readonly #weights: Weight[] = [];
  readonly #weightIds = new Map<string, WeightId>();
  readonly #ropes: Rope[] = [];
  readonly #distances: Distances[] = [];
  readonly #layers: KvLayer[] = [];
  readonly #states: State[] = [];

  /** For contexts of up to so many tokens. */
  constructor(readonly contextSize: number) {}

  /** Token ids, positions or segments to rows of `dim` values; the table has `count` of them. */
  embed(table: string, count: number, dim: number, { index = "token", offset = 0 }: EmbedOptions = {}): BufferId {
    return this.#record(dim, "tokens", (out) => ({
      kind: "embed",
      out,
      table: this.#weight(table, [count, dim]),
      index,
      offset,
    }));
  }

  /** Matrix product with the weight's rows, `width` of them; `bias` adds the vector `${weight}.bias`. */
  linear(x: BufferId, weight: string, width: number, options: LinearOptions = {}): BufferId {
    const { width: columns, rows } = this.#buffer(x);
    return this.#record(width, rows, (out) => ({
      kind: "linear",
      out,
      x,
      weight: this.#weight(weight, [width, columns]),
      bias: options.bias ? this.#weight(`${weight}.bias`, [width]) : undefined,
    }));
  }

  /** Matrix products of each group of neighbours with a matrix of its own. */
  groupLinear(
    x: BufferId,
    weight: string,
    [groups, width, columns]: readonly [groups: number, rows: number, columns: number],
  ): BufferId {
    return this.#record(groups * width, this.#buffer(x).rows, (out) => ({
      kind: "group_linear",
      out,
      x,
      weight: this.#weight(weight, [groups, width, columns]),
    }));
  }

  /** Root mean square norm of the whole row, or of each group (query and key norms per head); without weight: undefined. */
  norm(x: BufferId, weight: string | undefined, { epsilon, offset = 0, group, apart }: NormOptions): BufferId {
    const { width, rows } = this.#buffer(x);
    const n = group ?? width;
    return this.#record(width, rows, (out) => ({
      kind: "norm",
      out,
      x,
      weight: weight === undefined ? undefined : this.#weight(weight, [apart ? width : n]),
      group: n,
      epsilon,
      offset,
    }));
  }

  /** Norm of deviations from the mean, likewise; its bias is the vector `${weight}.bias`. */
  layerNorm(x: BufferId, weight: string | undefined, options: LayerNormOptions): BufferId {
    const { epsilon, offset = 0, group, apart, bias = weight !== undefined } = options;
    const { width, rows } = this.#buffer(x);
    const n = group ?? width;
    const shape = [apart ? width : n];
    return this.#record(width, rows, (out) => ({
      kind: "layer_norm",
      out,
      x,
      weight: weight === undefined ? undefined : this.#weight(weight, shape),
      bias: bias ? this.#weight(`${weight}.bias`, shape) : undefined,
      group: n,
      epsilon,
      offset,
    }));
  }

  /** Makes the rotary table of a configuration; the id is for `rope`. */
  ropeTable(config: RopeConfig): RopeId {
    return this.#ropes.push(ropeTable(config, this.contextSize)) - 1;
  }

  /** What scores gain by distance: a row of the table, `count` of them of one value for each head, by its number. */
  distanceTable(
    table: string,
    buckets: Int32Array,
    [count, heads]: readonly [count: number, heads: number],
  ): DistancesId {
    return this.#distances.push({ kind: "table", table: this.#weight(table, [count, heads]), buckets }) - 1;
  }

  /** What scores lose by distance, up to `reach`: a slope for each head. */
  distanceSlopes(slopes: Float32Array, reach: number): DistancesId {
    return this.#distances.push({ kind: "slopes", slopes, reach }) - 1;
  }

  /** Numbers of distances of -reach to reach. */
  distanceNumbers(numbers: Int32Array): DistancesId {
    return this.#distances.push({ kind: "numbers", numbers }) - 1;
  }

  /** What each head makes of the `rows` rows of a table, which are normed and meet a matrix as tokens do. */
  rowScores(x: BufferId, options: RowScoresOptions): BufferId {
    const { table, rows: height, columns, norm, epsilon, weight, headDim } = options;
    const { width, rows } = this.#buffer(x);
    return this.#record((width / headDim) * height, rows, (out) => ({
      kind: "row_scores",
      out,
      x,
      table: this.#weight(table, [height, columns]),
      norm: norm === undefined ? undefined : this.#weight(norm, [columns]),
      normBias: norm === undefined ? undefined : this.#weight(`${norm}.bias`, [columns]),
      epsilon,
      weight: this.#weight(weight, [width, columns]),
      bias: this.#weight(`${weight}.bias`, [width]),
      headDim,
    }));
  }

  rope(x: BufferId, rope: RopeId, headDim: number): BufferId {
    const { width, rows } = this.#buffer(x);
    return this.#record(width, rows, (out) => ({ kind: "rope", out, x, rope, headDim }));
  }

  /** Attention; each call owns the pages of one more layer. */
  attend(q: BufferId, k: BufferId, v: BufferId, options: AttendOptions): BufferId {
    const { kvHeads, headDim, valueDim = headDim } = options;
    return this.#attend(this.#layers.push({ kvHeads, headDim, valueDim }) - 1, { q, k, v }, options);
  }

  /** Attention to what an earlier call has kept, of those the `layer`th. */
  attendTo(layer: number, q: BufferId, options: Omit<AttendOptions, "kvHeads" | "headDim">): BufferId {
    return this.#attend(layer, { q, k: undefined, v: undefined }, { ...options, ...this.#layers[layer]! });
  }

  #attend(layer: number, { q, k, v }: Pick<Attend, "q" | "k" | "v">, options: AttendOptions): BufferId {
    const { headDim, valueDim = headDim } = options;
    const { width, rows } = this.#buffer(q);
    return this.#record(
      (width / headDim) * valueDim,
      rows,
      (out): Attend => ({
        kind: "attend",
        out,
        q,
        k,
        v,
        layer,
        heads: width / headDim,
        scale: options.scale ?? 1 / Math.sqrt(headDim),
        causal: options.causal ?? true,
        window: options.window,
        softcap: options.softcap,
        distances: options.distances,
        byQuery: options.byQuery,
        byKey: options.byKey,
        sinks: options.sinks === undefined ? undefined : this.#weight(options.sinks, [width / headDim]),
      }),
    );
  }

  glu(gate: BufferId, up: BufferId, activation: GateActivation): BufferId {
    return this.#like(gate, (out) => ({ kind: "glu", out, gate, up, activation }));
  }

  act(x: BufferId, activation: Activation): BufferId {
    return this.#like(x, (out) => ({ kind: "act", out, x, activation }));
  }

  /** By two numbers of the files. */
  xielu(x: BufferId, p: string, n: string): BufferId {
    return this.#like(x, (out) => ({ kind: "xielu", out, x, p: this.#weight(p, [1]), n: this.#weight(n, [1]) }));
  }

  add(a: BufferId, b: BufferId): BufferId {
    return this.#like(a, (out) => ({ kind: "add", out, a, b }));
  }

  /** Value by value, or each group of a's by its value of a narrower b. */
  mul(a: BufferId, b: BufferId): BufferId {
    return this.#like(a, (out) => ({ kind: "mul", out, a, b }));
  }

  /** Times a number; by 1 nothing is recorded. */
  scale(x: BufferId, factor: number): BufferId {
    return factor === 1 ? x : this.#like(x, (out) => ({ kind: "scale", out, x, factor }));
  }

  /** Plus a vector of the files. */
  shift(x: BufferId, weight: string): BufferId {
    const shape = [this.#buffer(x).width];
    return this.#like(x, (out) => ({ kind: "shift", out, x, weight: this.#weight(weight, shape) }));
  }

  /** Times a vector of the files, or its only value. */
  gain(x: BufferId, weight: string, count = this.#buffer(x).width): BufferId {
    return this.#like(x, (out) => ({ kind: "gain", out, x, weight: this.#weight(weight, [count]) }));
  }

  /** Without a cap nothing is recorded. */
  softcap(x: BufferId, cap: number | undefined): BufferId {
    return cap === undefined ? x : this.#like(x, (out) => ({ kind: "softcap", out, x, cap }));
  }

  /** Without a cap nothing is recorded. */
  clamp(x: BufferId, cap: number | undefined): BufferId {
    return cap === undefined ? x : this.#like(x, (out) => ({ kind: "clamp", out, x, cap }));
  }

  /** What is above so many standard deviations of a row; without a factor nothing is recorded. */
  sparsify(x: BufferId, factor: number | undefined): BufferId {
    return factor === undefined ? x : this.#like(x, (out) => ({ kind: "sparsify", out, x, factor }));
  }

  /** Times a factor that grows with the position; without one nothing is recorded. */
  temper(x: BufferId, temper: TemperConfig | undefined): BufferId {
    return temper === undefined ? x : this.#like(x, (out) => ({ kind: "temper", out, x, ...temper }));
  }

  /** `width` neighbours from `from` on of each group of `stride`; default: of the whole row. */
  slice(x: BufferId, from: number, width: number, stride = this.#buffer(x).width): BufferId {
    const { width: whole, rows } = this.#buffer(x);
    return this.#record((whole / stride) * width, rows, (out) => ({ kind: "slice", out, x, from, stride }));
  }

  /** Each group of a, then that of b; a b of one group follows each of a's. Default: one group. */
  concat(a: BufferId, b: BufferId, groups = 1, shared = false): BufferId {
    const { width, rows } = this.#buffer(a);
    const added = this.#buffer(b).width * (shared ? groups : 1);
    return this.#record(width + added, rows, (out) => ({ kind: "concat", out, a, b, groups }));
  }

  softmax(x: BufferId): BufferId {
    return this.#like(x, (out) => ({ kind: "softmax", out, x }));
  }

  /** Each value's share of the row's sum. */
  share(x: BufferId, epsilon = 0): BufferId {
    return this.#like(x, (out) => ({ kind: "share", out, x, epsilon }));
  }

  /** All values but those of the best groups become `floor`. */
  limitGroups(x: BufferId, limits: Pick<LimitGroups, "groups" | "used" | "best" | "floor">): BufferId {
    return this.#like(x, (out) => ({ kind: "limit_groups", out, x, ...limits }));
  }

  /** Numbers of the `count` experts with the largest values. */
  route(x: BufferId, count: number): BufferId {
    return this.#record(count, this.#buffer(x).rows, (out) => ({ kind: "route", out, x }));
  }

  /** The values of the chosen experts. */
  gather(x: BufferId, chosen: BufferId): BufferId {
    const { width, rows } = this.#buffer(chosen);
    return this.#record(width, rows, (out) => ({ kind: "gather", out, x, chosen }));
  }

  /** Matrix products with the chosen ones of a stack of matrices, of x or of its part for each. */
  expertLinear(
    x: BufferId,
    chosen: BufferId,
    weight: string,
    [experts, width, columns]: readonly [experts: number, rows: number, columns: number],
    options: LinearOptions = {},
  ): BufferId {
    const { width: count, rows } = this.#buffer(chosen);
    return this.#record(count * width, rows, (out) => ({
      kind: "expert_linear",
      out,
      x,
      chosen,
      weight: this.#weight(weight, [experts, width, columns]),
      bias: options.bias ? this.#weight(`${weight}.bias`, [experts, width]) : undefined,
    }));
  }

  /** The experts' results, each by its weight, as one. */
  mix(x: BufferId, weights: BufferId): BufferId {
    const { width, rows } = this.#buffer(x);
    return this.#record(width / this.#buffer(weights).width, rows, (out) => ({ kind: "mix", out, x, weights }));
  }

  /** How far states move on: log(1 + e^x) within bounds; `bias` names a weight that is added to x. */
  softplus(x: BufferId, bias?: string, least = 0, most = Number.POSITIVE_INFINITY): BufferId {
    const { width, rows } = this.#buffer(x);
    return this.#record(width, rows, (out) => ({
      kind: "softplus",
      out,
      x,
      bias: bias === undefined ? undefined : this.#weight(bias, [width]),
      least,
      most,
    }));
  }

  /** Causal convolution of each channel with `taps` of its own; keeps the inputs of the tokens before. */
  shortConv(x: BufferId, weight: string, taps: number, options: LinearOptions = {}): BufferId {
    const { width, rows } = this.#buffer(x);
    return this.#record(width, rows, (out) => ({
      kind: "short_conv",
      out,
      x,
      weight: this.#weight(weight, [width, taps]),
      bias: options.bias ? this.#weight(`${weight}.bias`, [width]) : undefined,
      state: this.#state((taps - 1) * width),
    }));
  }

  /** Gated delta rule; heads are as many as `step` is wide. */
  delta(
    [q, k, v, step, beta]: readonly [q: BufferId, k: BufferId, v: BufferId, step: BufferId, beta: BufferId],
    rates: string,
    { keyHeads, keysInTurn, logRates }: DeltaOptions,
  ): BufferId {
    const { width, rows } = this.#buffer(v);
    const heads = this.#buffer(step).width;
    const state = this.#state((this.#buffer(k).width / keyHeads) * width);
    const weight = this.#weight(rates, [heads]);
    return this.#record(width, rows, (out) => {
      return { kind: "delta", out, q, k, v, step, beta, rates: weight, logRates, keyHeads, keysInTurn, state };
    });
  }

  /** Selective state space; heads are as many as `step` is wide. `skip` names the weight that passes x on. */
  scan(
    [x, step, b, c]: readonly [x: BufferId, step: BufferId, b: BufferId, c: BufferId],
    [rates, skip]: readonly [rates: string, skip: string],
    { groups, ratesOfStates = false, logRates }: ScanOptions,
  ): BufferId {
    const { width, rows } = this.#buffer(x);
    const heads = this.#buffer(step).width;
    const stateDim = this.#buffer(b).width / groups;
    const weights = {
      rates: this.#weight(rates, ratesOfStates ? [heads, stateDim] : [heads]),
      skip: this.#weight(skip, [heads]),
    };
    const state = this.#state(stateDim * width);
    return this.#record(width, rows, (out) => {
      return { kind: "scan", out, x, step, b, c, ...weights, logRates, groups, state };
    });
  }

  /** From here on one row for each sequence whose output is wanted. */
  pool(x: BufferId, pooling: Pooling): BufferId {
    return this.#record(this.#buffer(x).width, "outputs", (out) => ({ kind: "pool", out, x, pooling }));
  }

  /** From here on only the rows whose output is wanted. */
  select(x: BufferId): BufferId {
    return this.#record(this.#buffer(x).width, "outputs", (out) => ({ kind: "select", out, x }));
  }

  /** The finished program, whose result is `output`. */
  finish(output: BufferId): Program {
    return {
      ops: this.#ops,
      buffers: this.#buffers,
      weights: this.#weights,
      ropes: this.#ropes,
      distances: this.#distances,
      layers: this.#layers,
      states: this.#states,
      output,
    };
  }

  #like(x: BufferId, make: (out: BufferId) => Op): BufferId {
    const { width, rows } = this.#buffer(x);
    return this.#record(width, rows, make);
  }

  #record(width: number, rows: Buffer["rows"], make: (out: BufferId) => Op): BufferId {
    const out = this.#buffers.push({ width, rows }) - 1;
    this.#ops.push(make(out));
    return out;
  }

  #buffer(id: BufferId): Buffer {
    return this.#buffers[id]!;
  }

  #state(values: number): StateId {
    return this.#states.push({ values }) - 1;
  }

  #weight(name: string, shape: readonly number[]): WeightId {
    let id = this.#weightIds.get(name);
    if (id === undefined) {
      id = this.#weights.push({ name, shape }) - 1;
      this.#weightIds.set(name, id);
    }
    return id;
  }
}
