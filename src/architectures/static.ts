// A table of vectors: nothing but the rows of a text's tokens.

import type { Architecture } from "./index.js";

export const staticVectors: Architecture = (p, c) => p.embed("embed", c.vocab, c.dim);
