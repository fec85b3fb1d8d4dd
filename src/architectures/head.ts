// What becomes of the last hidden states: logits of the next token.

import type { Config } from "../program/config.js";
import type { BufferId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";

/** `x`: (tokens, dim). Returns the result of the program, for the tokens whose output is wanted. */
export function head(p: Recorder, c: Config, x: BufferId): BufferId {
  const { bias, scale, softcap } = c.output;
  return p.softcap(p.scale(p.linear(p.select(x), "output", c.vocab, { bias }), scale), softcap);
}
