// Ops of mixtures around the experts' products: who is chosen, and the sum of what they say.

import { DeadliftError } from "../../../error.js";
import { stride } from "../lowering.js";
import type { Lowered } from "./index.js";
import { perTeam } from "./teams.js";
import { perValue } from "./values.js";

/** What kernels/webgpu/limit_groups.wgsl has room for. */
const mostGroups = 256;

export const mixtureOps: Lowered = {
  limit_groups({ kind, out, x, groups, used, best, floor }, lowering) {
    if (groups > mostGroups) {
      throw new DeadliftError(
        "UnsupportedArchitecture",
        `the GPU backend limits up to ${mostGroups} groups of experts, not ${groups}`,
      );
    }
    const params = { groups, size: lowering.width(x) / groups, used, best, low: floor };
    perTeam(lowering, kind, out, { x: lowering.slot(x) }, params);
  },

  route({ kind, out, x }, lowering) {
    const [experts, chosen] = [lowering.width(x), lowering.width(out)];
    const across = Math.ceil(Math.max(experts, stride(chosen)) / 64);
    lowering.emit({
      kernel: kind,
      params: { experts, chosen },
      bind: { x: lowering.slot(x), out: lowering.slot(out) },
      grid: (size) => [across, lowering.rowCount(out, size), 1],
    });
  },

  gather({ kind, out, x, chosen }, lowering) {
    const bind = { x: lowering.slot(x), chosen: lowering.slot(chosen) };
    perValue(lowering, kind, out, bind, { experts: lowering.width(x) });
  },

  mix({ kind, out, x, weights }, lowering) {
    const bind = { x: lowering.slot(x), weights: lowering.slot(weights) };
    perValue(lowering, kind, out, bind, { chosen: lowering.width(weights) });
  },
};
