// Sizes of a configuration that must fit together, whichever format states them.

import type { Experts } from "../program/config.js";
import type { Fields } from "./fields.js";

/** Published ones have at most some hundred values; a table of frequencies is made for them before weights are looked at. */
const maxHeadDim = 2 ** 16;
/** No model has more layers; a program is a list of some ten ops for each. */
const maxLayers = 4096;

export function checkLayers(fields: Fields, key: string): number {
  const layers = fields.size(key);
  if (layers <= maxLayers) return layers;
  throw fields.wrong(key, `at most ${maxLayers} layers`, layers);
}

export function checkHeads(
  fields: Fields,
  { dim, heads, kvHeads, headDim }: { dim: number; heads: number; kvHeads: number; headDim: number },
): void {
  if (!Number.isInteger(headDim)) {
    throw fields.wrong("the hidden size", `a multiple of the ${heads} attention heads`, dim);
  }
  if (headDim > maxHeadDim) throw fields.wrong("the size of a head", `at most ${maxHeadDim}`, headDim);
  if (headDim % 2 !== 0) throw fields.wrong("the size of a head", "an even number", headDim);
  if (heads % kvHeads !== 0)
    throw fields.wrong("the key-value heads", `a divisor of the ${heads} attention heads`, kvHeads);
}

/** Far more than any model has; their numbers are kept as f32. */
export const maxExperts = 65536;

/** Throws InvalidConfig where a token cannot use as many. */
export function checkExperts(fields: Fields, countKey: string, count: number, used: number): void {
  if (count > maxExperts) throw fields.wrong(countKey, `at most ${maxExperts} experts`, count);
  if (used > count) throw fields.wrong("the experts that a token uses", `at most the ${count} there are`, used);
}

/** Throws InvalidConfig where experts do not fall into as many groups, or a token may not use enough of them. */
export function checkGroups(fields: Fields, experts: Experts): Experts {
  const { count, used, groups, groupsUsed } = experts;
  if (count % groups !== 0) throw fields.wrong("the groups of experts", `a divisor of the ${count} experts`, groups);
  if (groupsUsed > groups)
    throw fields.wrong("the groups that a token uses", `at most the ${groups} there are`, groupsUsed);
  const most = (count / groups) * groupsUsed;
  if (used > most) throw fields.wrong("the experts that a token uses", `at most the ${most} of its groups`, used);
  return experts;
}
