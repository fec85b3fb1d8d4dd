// The mixer of Mamba 2, which hybrid families have, too: a state space whose heads fade as a whole.

import type { Config } from "../program/config.js";
import type { BufferId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";

/** What one matrix makes of hidden states. */
interface Projected {
  readonly gate: BufferId; // (heads * headDim)
  readonly inputs: BufferId; // values (heads * headDim), what is written and what is read (groups * stateDim each)
  readonly step: BufferId; // (heads)
}

/** Of x, (dim), with the weights of `name`. */
export function stateSpace(p: Recorder, c: Config, x: BufferId, name: string): BufferId {
  const { bias, multipliers } = c.recurrent;
  const projected = project(p, c, p.scale(x, multipliers.in), name);
  const out = p.linear(select(p, c, projected, name), `${name}.out`, c.dim, { bias: bias.out });
  return p.scale(out, multipliers.out);
}

function project(p: Recorder, { recurrent }: Config, x: BufferId, name: string): Projected {
  const { heads, headDim, groups, stateDim, bias, multipliers } = recurrent;
  const [inner, shared] = [heads * headDim, groups * stateDim];
  const all = p.linear(x, `${name}.in`, 2 * inner + 2 * shared + heads, { bias: bias.in });
  const part = (from: number, width: number, factor: number) => p.scale(p.slice(all, from, width), factor);
  const { gate, value, write, read, step } = multipliers;
  const inputs =
    value === 1 && write === 1 && read === 1
      ? part(inner, inner + 2 * shared, 1)
      : p.concat(
          p.concat(part(inner, inner, value), part(2 * inner, shared, write)),
          part(2 * inner + shared, shared, read),
        );
  return { gate: part(0, inner, gate), inputs, step: part(2 * inner + 2 * shared, heads, step) };
}

/** From what was projected to the gated result, (heads * headDim). */
function select(p: Recorder, c: Config, { gate, inputs, step }: Projected, name: string): BufferId {
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
