// How many threads work together on a row, or on a group of its values.

import type { BufferId } from "../../../program/ops.js";
import type { Bound } from "../buffers.js";
import type { Lowering, ParamValue } from "../lowering.js";

/** Values from which on a large workgroup is worth its barriers. */
const wide = 512;

/** A team for each `group` values of each row of `out`; a group is a row, unless said otherwise. */
export function perTeam(
  lowering: Lowering,
  kernel: string,
  out: BufferId,
  bind: Readonly<Record<string, Bound>>,
  params: Readonly<Record<string, ParamValue>>,
  group = lowering.width(out),
): void {
  const width = lowering.width(out);
  lowering.emit({
    kernel,
    parts: { team: teamOf(lowering, group) },
    params: { width, ...params },
    bind: { ...bind, out: lowering.slot(out) },
    grid: lowering.perGroup(out, width / group),
  });
}

/** Software adapters are slow at barriers. */
function teamOf({ device }: Lowering, values: number): string {
  if (device.variants.includes("serial")) return "lib/team_1";
  return values < wide ? "lib/team_32" : "lib/team_256";
}
