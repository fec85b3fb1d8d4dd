// Mamba 2: every layer is a state space whose heads fade as a whole.

import type { Architecture } from "./index.js";
import { stateSpace } from "./state_space.js";

export const mamba2: Architecture = (p, c) => {
  const epsilon = c.normEpsilon;
  let x = p.embed("embed", c.vocab, c.dim);
  for (let i = 0; i < c.layers; i++) {
    const a = p.norm(x, `layers.${i}.attention.norm`, { epsilon });
    x = p.add(x, stateSpace(p, c, a, `layers.${i}.ssm`));
  }
  return p.norm(x, "norm", { epsilon });
};
