// Attention: what turns queries and keys, the pages they are kept in, and the sums over them.

import type { Lowered } from "./index.js";

export const attentionOps: Lowered = {};
