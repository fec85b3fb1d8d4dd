// What becomes of the last hidden states: logits, vectors, classes.

import type { Config, HeadLayer } from "../program/config.js";
import type { BufferId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";

/** `x`: (tokens, dim). Returns the result of the program: one row for each output of a step. */
export function head(p: Recorder, c: Config, x: BufferId): BufferId {
  const { kind, pooling, late, layers } = c.head;
  const pool = (states: BufferId) => (pooling === undefined ? p.select(states) : p.pool(states, pooling));
  const stack = (states: BufferId) => layers.reduce((below, layer) => headLayer(p, c, below, layer), states);
  const last = late ? pool(stack(x)) : stack(pool(x));
  if (kind !== "next" && kind !== "masked") return last;
  const { bias, scale, softcap } = c.output;
  return p.softcap(p.scale(p.linear(last, "output", c.vocab, { bias }), scale), softcap);
}

function headLayer(
  p: Recorder,
  c: Config,
  x: BufferId,
  { weight, width, bias, activation, norm }: HeadLayer,
): BufferId {
  const product = p.linear(x, weight, width, { bias });
  const active = activation === undefined ? product : p.act(product, activation);
  return norm === undefined
    ? active
    : p.layerNorm(active, norm, { epsilon: c.normEpsilon, bias: c.encoder?.normBias ?? true });
}
