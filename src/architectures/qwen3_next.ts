// Qwen 3-Next and 3.5: gated delta rules, gated attention in some layers; experts beside one that all tokens use.

import type { Config } from "../program/config.js";
import type { BufferId, RopeId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";
import { gatedUnit, mixture, softmaxRoutes } from "./feed_forward.js";
import type { Architecture } from "./index.js";

export const qwen3Next: Architecture = (p, c) => {
  const rope = p.ropeTable(c.rope);
  const norm = { epsilon: c.normEpsilon, offset: c.normOffset };
  let x = p.embed("embed", c.vocab, c.dim);
  for (let i = 0; i < c.layers; i++) {
    const layer = `layers.${i}`;
    const a = p.norm(x, `${layer}.attention.norm`, norm);
    const mixed = c.recurrent.layers[i] ? deltaRule(p, c, `${layer}.delta`, a) : attention(p, c, layer, a, rope);
    x = p.add(x, mixed);
    const f = p.norm(x, `${layer}.ffn.norm`, norm);
    const name = `${layer}.ffn`;
    x = p.add(x, c.experts.layers[i] ? experts(p, c, f, name) : gatedUnit(p, c, f, name, c.ffn));
  }
  return p.norm(x, "norm", norm);
};

function deltaRule(p: Recorder, c: Config, name: string, x: BufferId): BufferId {
  const { heads, headDim, groups: keyHeads, stateDim, taps, activation, keysInTurn, logRates } = c.recurrent;
  const keys = keyHeads * stateDim;
  const [inputs, gate] = inputsAndGate(p, c, name, x);
  const [share, step] = sharesAndSteps(p, c, name, x);
  const seen = p.act(p.shortConv(inputs, `${name}.taps`, taps), activation);
  // Of length 1; queries are divided by the root of their width besides.
  const unit = (from: number, factor: number) =>
    p.scale(p.norm(p.slice(seen, from, keys), undefined, { epsilon: 1e-6 / stateDim, group: stateDim }), factor);
  const [q, k] = [unit(0, 1 / stateDim), unit(keys, 1 / Math.sqrt(stateDim))];
  const v = p.slice(seen, 2 * keys, heads * headDim);
  const steps = p.softplus(step, `${name}.step.bias`);
  const shares = p.act(share, "sigmoid");
  const out = p.delta([q, k, v, steps, shares], `${name}.rates`, { keyHeads, keysInTurn, logRates });
  const normed = p.norm(out, `${name}.norm`, { epsilon: c.normEpsilon, group: headDim });
  return p.linear(p.glu(gate, normed, "silu"), `${name}.out`, c.dim);
}

/** Queries, keys and values, one after another; and the gate. */
function inputsAndGate(p: Recorder, { recurrent }: Config, name: string, x: BufferId): [BufferId, BufferId] {
  const { heads, headDim, groups, stateDim, joined } = recurrent;
  const [keys, values] = [groups * stateDim, heads * headDim];
  if (!joined.inputs) return [p.linear(x, `${name}.qkv`, 2 * keys + values), p.linear(x, `${name}.z`, values)];
  const all = p.linear(x, `${name}.qkvz`, 2 * keys + 2 * values);
  const [key, value] = [stateDim, values / groups];
  const part = (from: number, width: number) => p.slice(all, from, width, 2 * key + 2 * value);
  const both = p.concat(part(0, key), part(key, key));
  return [p.concat(both, part(2 * key, value)), part(2 * key + value, value)];
}

/** What decides how much of a value is taken, and how far the state fades; (tokens, heads) each. */
function sharesAndSteps(p: Recorder, { recurrent }: Config, name: string, x: BufferId): [BufferId, BufferId] {
  const { heads, groups, joined } = recurrent;
  if (!joined.steps) return [p.linear(x, `${name}.b`, heads), p.linear(x, `${name}.a`, heads)];
  const all = p.linear(x, `${name}.ba`, 2 * heads);
  const each = heads / groups;
  return [p.slice(all, 0, each, 2 * each), p.slice(all, each, each, 2 * each)];
}

/** Each head's query comes with a gate for its result. */
function attention(p: Recorder, c: Config, layer: string, x: BufferId, rope: RopeId): BufferId {
  const { dim, heads, kvHeads, headDim, bias } = c;
  const norm = { epsilon: c.normEpsilon, offset: c.normOffset, group: headDim };
  const name = `${layer}.attention`;
  const both = p.linear(x, `${name}.q`, 2 * heads * headDim, { bias: bias.qkv });
  const k = p.linear(x, `${name}.k`, kvHeads * headDim, { bias: bias.qkv });
  const v = p.linear(x, `${name}.v`, kvHeads * headDim, { bias: bias.qkv });
  const qNormed = p.norm(p.slice(both, 0, headDim, 2 * headDim), `${name}.q_norm`, norm);
  const kNormed = p.norm(k, `${name}.k_norm`, norm);
  const mixed = p.attend(p.rope(qNormed, rope, headDim), p.rope(kNormed, rope, headDim), v, { kvHeads, headDim });
  const gate = p.slice(both, headDim, headDim, 2 * headDim);
  return p.linear(p.glu(gate, mixed, "sigmoid"), `${name}.o`, dim, { bias: bias.attentionOutput });
}

/** One for all tokens, as much of it as its router says, beside those that are chosen. */
function experts(p: Recorder, c: Config, x: BufferId, name: string): BufferId {
  const mixed = mixture(p, c, x, softmaxRoutes(p, c, x, name), name);
  const share = p.act(p.linear(x, `${name}.shared.router`, 1), "sigmoid");
  return p.add(mixed, p.mul(gatedUnit(p, c, x, `${name}.shared`, c.experts.shared), share));
}
