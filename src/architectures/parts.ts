// Half layers that families of several kinds have in common.

import type { Config } from "../program/config.js";
import type { BufferId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";

/** A gated feed-forward network of this width. */
export function gatedNetwork(p: Recorder, c: Config, name: string, x: BufferId, ffn: number): BufferId {
  const gate = p.linear(x, `${name}.gate`, ffn, { bias: c.bias.ffn });
  const up = p.linear(x, `${name}.up`, ffn, { bias: c.bias.ffn });
  return p.linear(p.glu(gate, up, c.activation), `${name}.down`, c.dim, { bias: c.bias.ffn });
}
