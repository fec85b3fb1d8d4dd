// What encoders begin with: the sum of the tables that tokens have rows in.

import type { Config } from "../program/config.js";
import type { BufferId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";

/** Tokens plus segments plus positions, those of which there are tables, normed, and made as wide as the layers. */
export function embeddings(p: Recorder, c: Config): BufferId {
  const { embedding, projects, positions, skipped, segments, normBias } = c.encoder!;
  let x = p.embed("embed", c.vocab, embedding);
  if (segments > 0) x = p.add(x, p.embed("embed.segments", segments, embedding, { index: "segment" }));
  if (positions > 0) {
    x = p.add(x, p.embed("embed.positions", positions, embedding, { index: "position", offset: skipped }));
  }
  x = p.layerNorm(x, "embed.norm", { epsilon: c.normEpsilon, bias: normBias });
  return projects ? p.linear(x, "embed.project", c.dim, { bias: true }) : x;
}
