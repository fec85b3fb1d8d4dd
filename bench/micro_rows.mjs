// What micro.mjs measures: small programs of one op many times, and what an op of each moves and computes.

import { rowBytes } from "../dist/quants/index.js";

const dim = 1024;
const heads = 16;
const mixture = { experts: 32, used: 4 };
/** Positions of a page of the KV cache. */
export const pageTokens = 16;
/** Ops in a row, each with a weight or keys and values of its own: more than the caches hold. */
const many = 24;

/** A program of an embedding, `repeats` times what `record` appends, and a select; and the quants of its weights. */
function chain(repeats, record, width = dim) {
  const program = { ops: [], buffers: [], weights: [], ropes: [], layers: [] };
  const quants = [];
  const buffer = (width, rows = "tokens") => program.buffers.push({ width, rows }) - 1;
  const weight = (quant, ...shape) => {
    quants.push(quant);
    return program.weights.push({ name: `w${quants.length}`, shape }) - 1;
  };
  const append = (op, width = dim) => {
    const out = buffer(width);
    program.ops.push({ ...op, out });
    return out;
  };
  let x = append({ kind: "embed", table: weight("F32", 8, width) }, width);
  for (let i = 0; i < repeats; i++) x = record({ x, append, weight, program });
  program.output = buffer(program.buffers[x].width, "outputs");
  program.ops.push({ kind: "select", out: program.output, x });
  return { program, quants };
}

const bias = undefined;

const linear = (quant) => () =>
  chain(many, ({ x, append, weight }) => append({ kind: "linear", x, weight: weight(quant, dim, dim), bias }));

const linearAdd = (quant) => () =>
  chain(many, ({ x, append, weight }) =>
    append({ kind: "linear_add", x, weight: weight(quant, dim, dim), bias, residual: x }),
  );

const linearGlu = (quant) => () =>
  chain(many, ({ x, append, weight }) => {
    const [gate, up] = [weight(quant, dim, dim), weight(quant, dim, dim)];
    return append({ kind: "linear_glu", x, gate, gateBias: bias, up, upBias: bias, activation: "silu" });
  });

const attend = (repeats, kvHeads, window) => () =>
  chain(repeats, ({ x, append, program, weight }) => {
    const headDim = dim / heads;
    const layer = program.layers.push({ kvHeads, headDim }) - 1;
    const width = kvHeads * headDim;
    const key = width === dim ? x : append({ kind: "embed", table: weight("F32", 8, width) }, width);
    return append({ kind: "attend", q: x, k: key, v: key, layer, heads, scale: 0.125, window, sinks: undefined });
  });

const simple = (record) => () => chain(many, record);

const rope = simple(({ x, append, program }) => {
  const frequencies = Float32Array.from({ length: 32 }, (_, i) => 10000 ** (-i / 32));
  if (program.ropes.length === 0) program.ropes.push({ frequencies, magnitude: 1, layout: "half" });
  return append({ kind: "rope", x, rope: 0, headDim: 64 });
});

/** Of one choice of experts, every op but the first: what is made is not read. */
const chosen = (record) => () => {
  let made;
  return chain(many, ({ x, append, weight }) => {
    made ??= append({ kind: "route", x }, mixture.used);
    record({ x, chosen: made, append, weight });
    return x;
  });
};

const mix = () => {
  let weights;
  const width = mixture.used * dim;
  return chain(
    many,
    ({ x, append, weight }) => {
      weights ??= append({ kind: "embed", table: weight("F32", 8, mixture.used) }, mixture.used);
      append({ kind: "mix", x, weights });
      return x;
    },
    width,
  );
};

/** A router, the products of the experts that it chooses, and their mix. */
const experts = (quant) => () =>
  chain(many, ({ x, append, weight }) => {
    const router = append({ kind: "linear", x, weight: weight("F32", mixture.experts, dim), bias }, mixture.experts);
    const chosen = append({ kind: "route", x: router }, mixture.used);
    const weights = append({ kind: "gather", x: router, chosen }, mixture.used);
    const stack = weight(quant, mixture.experts, dim, dim);
    const products = append({ kind: "expert_linear", x, chosen, weight: stack, bias }, mixture.used * dim);
    return append({ kind: "mix", x: products, weights });
  });

const kvBytes = { f32: 4, f16: 2, bf16: 2 };

function attendRows() {
  const row = (name, tokens, before, kvType, { repeats = many, kvHeads = heads } = {}) => ({
    name: `attend ${name} ${kvType}`,
    ...{ make: attend(repeats, kvHeads), tokens, position: before, kvType, repeats },
    bytes: tokens === 1 ? 2 * kvBytes[kvType] * (before + 1) * kvHeads * (dim / heads) : undefined,
    // Half of what lies above the diagonal is not wanted.
    flops: 4 * tokens * (before + (tokens + 1) / 2) * dim,
  });
  return Object.keys(kvBytes).flatMap((kvType) => [
    row("1 of 1024", 1, 1023, kvType),
    row("1 of 8192", 1, 8191, kvType, { repeats: 4 }),
    row("1 of 8192, 4 heads a key", 1, 8191, kvType, { repeats: 8, kvHeads: heads / 4 }),
    row("128 of 128", 128, 0, kvType),
    row("128 of 1024", 128, 896, kvType, { repeats: 8 }),
    // A window of one token: little but the keys and values of each is written.
    { name: `store 128 ${kvType}`, make: attend(many, heads, 1), tokens: 128, kvType },
  ]);
}

const products = (name, make, quant, tokens, matrices, bytes) => ({
  ...{ name: `${name} ${quant} ${tokens}`, make: make(quant), tokens },
  bytes: bytes && rowBytes(quant, dim) * dim * matrices,
  flops: 2 * dim * dim * matrices * tokens,
});

/** Rows for these types: what a row moves and computes per op is bytes of weights or of keys and values, operations. */
export function microRows(types) {
  const counts = [1, 8, 128];
  const rows = [
    ...types.flatMap((quant) => counts.map((tokens) => products("linear", linear, quant, tokens, 1, true))),
    ...["BF16", "Q4_K"].flatMap((quant) =>
      counts.flatMap((tokens) => [
        products("linear_add", linearAdd, quant, tokens, 1, true),
        products("linear_glu", linearGlu, quant, tokens, 2, true),
      ]),
    ),
    ...counts.map((tokens) => products("expert_linear", experts, "MXFP4", tokens, mixture.used, tokens === 1)),
    ...attendRows(),
    { name: "norm 128", make: simple(({ x, append, weight }) => append(normOf(x, weight("F32", dim)))), tokens: 128 },
    { name: "rope 128", make: rope, tokens: 128 },
    ...["silu", "clamped_swish"].map((activation) => ({
      name: `glu ${activation} 128`,
      make: simple(({ x, append }) => append({ kind: "glu", gate: x, up: x, activation })),
      tokens: 128,
    })),
    { name: "add 128", make: simple(({ x, append }) => append({ kind: "add", a: x, b: x })), tokens: 128 },
    { name: "softmax 128", make: simple(({ x, append }) => append({ kind: "softmax", x })), tokens: 128 },
    { name: "route 128", make: routes, tokens: 128 },
    {
      name: "gather 128",
      make: chosen(({ x, chosen, append }) => append({ kind: "gather", x, chosen }, mixture.used)),
      tokens: 128,
    },
    { name: "mix 128", make: mix, tokens: 128 },
  ];
  return rows.map((row) => ({ position: 0, kvType: "f16", repeats: many, ...row }));
}

const normOf = (x, weight) => ({ kind: "norm", x, weight, epsilon: 1e-5 });

/** As many logits as a router has. */
function routes() {
  return chain(
    many,
    ({ x, append }) => {
      append({ kind: "route", x }, mixture.used);
      return x;
    },
    mixture.experts,
  );
}
