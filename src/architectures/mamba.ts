// Mamba: every layer is a selective state space whose channels fade at rates of their own.

import type { Architecture } from "./index.js";

export const mamba: Architecture = (p, c) => {
  const { dim, normEpsilon: epsilon } = c;
  const { heads: inner, stateDim, taps, rank, selectionEpsilon, bias, logRates } = c.recurrent;

  let x = p.embed("embed", c.vocab, dim);
  for (let i = 0; i < c.layers; i++) {
    const name = `layers.${i}.ssm`;
    const a = p.norm(x, `layers.${i}.attention.norm`, { epsilon });
    const both = p.linear(a, `${name}.in`, 2 * inner, { bias: bias.in });
    const seen = p.shortConv(p.slice(both, 0, inner), `${name}.taps`, taps, { bias: bias.taps });
    const value = p.act(seen, c.recurrent.activation);
    const selection = p.linear(value, `${name}.select`, rank + 2 * stateDim);
    const part = (from: number, width: number) => {
      const slice = p.slice(selection, from, width);
      return selectionEpsilon === undefined ? slice : p.norm(slice, undefined, { epsilon: selectionEpsilon });
    };
    const step = p.softplus(p.linear(part(0, rank), `${name}.step`, inner, { bias: true }));
    const [write, read] = [part(rank, stateDim), part(rank + stateDim, stateDim)];
    const weights = [`${name}.rates`, `${name}.skip`] as const;
    const out = p.scan([value, step, write, read], weights, { groups: 1, ratesOfStates: true, logRates });
    const gated = p.glu(p.slice(both, inner, inner), out, "silu");
    x = p.add(x, p.linear(gated, `${name}.out`, dim, { bias: bias.out }));
  }
  return p.norm(x, "norm", { epsilon });
};
