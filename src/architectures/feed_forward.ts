// What layers of many architectures end with: one gated unit, or experts, of which each token uses some.

import type { Config } from "../program/config.js";
import type { BufferId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";

/** The experts that tokens use, (used), and what their results are multiplied with, (used). */
export interface Routes {
  readonly chosen: BufferId;
  readonly weights: BufferId;
}

/** Of x, (dim), with `width` values between: the weights `${name}.gate`, `.up` and `.down`. */
export function gatedUnit(p: Recorder, c: Config, x: BufferId, name: string, width: number): BufferId {
  const { ffn: bias } = c.bias;
  const gate = p.linear(x, `${name}.gate`, width, { bias });
  const up = p.linear(x, `${name}.up`, width, { bias });
  return p.linear(p.glu(gate, up, c.activation), `${name}.down`, c.dim, { bias });
}

/** The likeliest experts, by a softmax of all: Qwen, OLMoE, Hunyuan, DeepSeek 2. Groups are as good as their best. */
export function softmaxRoutes(p: Recorder, c: Config, x: BufferId, layer: string): Routes {
  const { count, used, groups, groupsUsed, share, scale } = c.experts;
  const all = p.softmax(p.linear(x, `${layer}.router`, count));
  const scores = groups > 1 ? p.limitGroups(all, { groups, used: groupsUsed, best: 1, floor: 0 }) : all;
  const chosen = p.route(scores, used);
  const weights = p.gather(scores, chosen);
  return { chosen, weights: p.scale(share ? p.share(weights) : weights, scale) };
}

/**
 * Each expert has a score of its own, and a correction that counts for the choice only: DeepSeek 3 and its relatives. Groups
 * are as good as their best two.
 */
export function sigmoidRoutes(p: Recorder, c: Config, x: BufferId, layer: string): Routes {
  const { count, used, groups, groupsUsed, share, scale } = c.experts;
  const scores = p.act(p.linear(x, `${layer}.router`, count), "sigmoid");
  const all = p.shift(scores, `${layer}.correction.bias`);
  const floor = Number.NEGATIVE_INFINITY;
  const allowed = groups > 1 ? p.limitGroups(all, { groups, used: groupsUsed, best: 2, floor }) : all;
  const chosen = p.route(allowed, used);
  const weights = p.gather(scores, chosen);
  return { chosen, weights: p.scale(share ? p.share(weights, 1e-20) : weights, scale) };
}

/** Likelihoods with a correction that counts for the choice only: ERNIE 4.5. */
export function correctedRoutes(p: Recorder, c: Config, x: BufferId, layer: string): Routes {
  const { count, used, share, scale } = c.experts;
  const scores = p.softmax(p.linear(x, `${layer}.router`, count));
  const chosen = p.route(p.shift(scores, `${layer}.correction.bias`), used);
  const weights = p.gather(scores, chosen);
  return { chosen, weights: p.scale(share ? p.share(weights) : weights, scale) };
}

/** What the chosen experts make of x, as one: (dim). */
export function mixture(p: Recorder, c: Config, x: BufferId, { chosen, weights }: Routes, layer: string): BufferId {
  const { count, ffn } = c.experts;
  const gate = p.expertLinear(x, chosen, `${layer}.experts.gate`, [count, ffn, c.dim]);
  const up = p.expertLinear(x, chosen, `${layer}.experts.up`, [count, ffn, c.dim]);
  const down = p.expertLinear(p.glu(gate, up, c.activation), chosen, `${layer}.experts.down`, [count, c.dim, ffn]);
  return p.mix(down, weights);
}
