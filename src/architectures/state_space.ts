// The mixer of Mamba 2, which hybrid families have, too: a state space whose heads fade as a whole.

import type { Config } from "../program/config.js";
import type { BufferId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";

/** What one matrix makes of hidden states: the gate, what the convolution sees, and raw steps, (tokens, heads). */
export interface Projected {
  readonly gate: BufferId; // (heads * headDim)
  readonly inputs: BufferId; // values (heads * headDim), what is written and what is read (groups * stateDim each)
  readonly step: BufferId;
}

/** Of weights `${name}.in`, `${name}.out` and those of `select`. */
export function stateSpace(p: Recorder, c: Config, name: string, x: BufferId): BufferId {
  const { heads, headDim, groups, stateDim, bias } = c.recurrent;
  const [inner, shared] = [heads * headDim, groups * stateDim];
  const all = p.linear(x, `${name}.in`, 2 * inner + 2 * shared + heads, { bias: bias.projections });
  const gate = p.slice(all, 0, inner);
  const inputs = p.slice(all, inner, inner + 2 * shared);
  const step = p.slice(all, 2 * inner + 2 * shared, heads);
  return p.linear(select(p, c, name, { gate, inputs, step }), `${name}.out`, c.dim, { bias: bias.projections });
}

/** From what was projected to the gated result, (tokens, heads * headDim). */
export function select(p: Recorder, c: Config, name: string, { gate, inputs, step }: Projected): BufferId {
  const { heads, headDim, groups, stateDim, taps, activation, bias, least, most, norm, logRates } = c.recurrent;
  const [inner, shared] = [heads * headDim, groups * stateDim];
  const seen = p.act(p.shortConv(inputs, `${name}.taps`, taps, { bias: bias.taps }), activation);
  const steps = p.softplus(step, `${name}.step.bias`, least, most);
  const [write, read] = [p.slice(seen, inner, shared), p.slice(seen, inner + shared, shared)];
  const weights = [`${name}.rates`, `${name}.skip`] as const;
  const out = p.scan([p.slice(seen, 0, inner), steps, write, read], weights, { groups, logRates });
  const normed = (values: BufferId) =>
    p.norm(values, `${name}.norm`, { epsilon: c.normEpsilon, group: inner / groups, apart: true });
  if (norm === "before gate") return p.glu(gate, normed(out), "silu");
  const gated = p.glu(gate, out, "silu");
  return norm === "none" ? gated : normed(gated);
}
