// Looks at a model without loading it: what it is, how large, and whether it fits into this machine.

import { record } from "./architectures/index.js";
import { kvBytesPerToken, kvTypeFor, MAX_STEP_TOKENS } from "./compile.js";
import { countValues, type OpenedModel, openModel } from "./formats/open.js";
import { availableMemory } from "./machine.js";
import { checkInteger, checkKeys } from "./options.js";
import type { Config } from "./program/config.js";
import { fuse } from "./program/fuse.js";
import type { Program } from "./program/ops.js";
import { place } from "./program/place.js";

export interface InspectOptions {
  /** Tokens of context the memory plan is for; default: what the model was made for. */
  readonly contextSize?: number | undefined;
}

/** Bytes, for one session of `contextSize` tokens. */
export interface MemoryPlan {
  readonly contextSize: number;
  /** Mapped from the files: may be given back and read again under pressure. */
  readonly weights: number;
  readonly kvPerToken: number;
  readonly kvCache: number;
  readonly scratch: number;
  readonly total: number;
  /** What this machine can give right now. */
  readonly available: number;
}

export interface Inspection {
  readonly name: string;
  readonly path: string;
  readonly format: "safetensors" | "gguf";
  readonly architecture: string;
  readonly config: Config;
  readonly parameters: number;
  /** Parameters per type. */
  readonly dtypes: Readonly<Record<string, number>>;
  readonly contextLength: number;
  readonly licence: string | undefined;
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly memory: MemoryPlan;
  readonly fits: boolean;
  /** What a step would run, fused. */
  readonly program: Program;
}

/** Opens the files' headers only. Throws what loadModel would throw for a model that cannot run. */
export async function inspectModel(name: string, options: InspectOptions = {}): Promise<Inspection> {
  checkKeys(options, ["contextSize"], "inspectModel");
  checkInteger("contextSize", options.contextSize, 1);
  const opened = await openModel(name);
  try {
    const { path, format, config, licence, files } = opened;
    const program = fuse(record(config));
    const dtypes = Object.fromEntries(countValues(opened));
    const memory = planMemory(opened, program, options.contextSize ?? config.contextLength);
    return {
      name,
      path,
      format,
      architecture: config.architecture,
      config,
      parameters: Object.values(dtypes).reduce((a, b) => a + b, 0),
      dtypes,
      contextLength: config.contextLength,
      licence,
      files: files.map(({ path, size }) => ({ path, size })),
      memory,
      fits: memory.total <= memory.available,
      program,
    };
  } finally {
    opened.close();
  }
}

function planMemory(opened: OpenedModel, program: Program, contextSize: number): MemoryPlan {
  const tensors = [...new Set(opened.tensors.values())];
  const weights = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const kvPerToken = kvBytesPerToken(program, kvTypeFor(tensors));
  const kvCache = kvPerToken * contextSize;
  const stepTokens = Math.min(MAX_STEP_TOKENS, contextSize);
  const scratch = place(program).slots.reduce(
    (sum, s) => sum + s.width * 4 * (s.rows === "tokens" ? stepTokens : 1),
    0,
  );
  const total = weights + kvCache + scratch;
  return { contextSize, weights, kvPerToken, kvCache, scratch, total, available: availableMemory() };
}
