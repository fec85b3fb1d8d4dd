// From headers to what they mean here: what a model is, whether it runs, and the memory it takes.

import { record } from "../architectures/index.js";
import type { KvType } from "../backends/backend.js";
import {
  defaultContext,
  kvBytesPerToken,
  kvTypeFor,
  MAX_STEP_TOKENS,
  stateBytes,
  textBytesPerToken,
} from "../capacity.js";
import { DeadliftError, type ErrorCode } from "../error.js";
import { methodOf, unpackable } from "../formats/checkpoints/index.js";
import { configOf, type Headers } from "../formats/headers.js";
import type { TensorInfo } from "../formats/sizes.js";
import { bindWeights } from "../formats/weights.js";
import { availableMemory } from "../machine.js";
import type { Config } from "../program/config.js";
import { fuse } from "../program/fuse.js";
import type { Program } from "../program/ops.js";
import { gatheredWidth, place } from "../program/place.js";
import { countParameters } from "./count.js";
import type { MemoryPlan, ModelFacts, PlanOptions } from "./inspection.js";

/** What keeps a model from running, though its files are whole. */
const problems: readonly ErrorCode[] = [
  "NotAModel",
  "UnsupportedArchitecture",
  "UnsupportedQuant",
  "InvalidConfig",
  "MissingTensor",
  "WrongShape",
];

/** Everything that headers tell. A model that cannot run is no error: `problem` is what loadModel would say. */
export function factsOf(headers: Headers<TensorInfo>, { contextSize, kvType }: PlanOptions): ModelFacts {
  const { config, program, weights, problem } = judge(headers);
  const contextLength = config?.contextLength ?? statedContextLength(headers);
  const dtypes = countParameters(headers);
  const size = contextSize ?? (config ? defaultContext(config) : contextLength) ?? 0;
  const isDecoder = config?.head.kind === "next";
  const memory = planMemory(headers, { program, weights, isDecoder }, size, kvType);
  return {
    architecture: config?.architecture ?? statedArchitecture(headers),
    config,
    parameters: Object.values(dtypes).reduce((a, b) => a + b, 0),
    dtypes,
    contextLength,
    memory,
    fits: memory.total <= memory.available,
    supported: problem === undefined,
    problem,
    program,
  };
}

/** What is known without headers: the memory is that of the weight files. */
export function factsWithoutHeaders(
  known: Pick<ModelFacts, "architecture" | "parameters" | "dtypes" | "contextLength">,
  weights: number,
  contextSize: number | undefined,
  problem: string,
): ModelFacts {
  const memory = planOf(weights, 0, 0, 0, contextSize ?? known.contextLength ?? 0);
  const fits = memory.total <= memory.available;
  return { ...known, config: undefined, memory, fits, supported: false, problem, program: undefined };
}

interface Judgement {
  readonly config: Config | undefined;
  readonly program: Program | undefined;
  /** As they will be in memory. */
  readonly weights: readonly Sized[] | undefined;
  readonly problem: string | undefined;
}

type Sized = Pick<TensorInfo, "quant" | "byteLength">;

function judge(headers: Headers<TensorInfo>): Judgement {
  let config: Config | undefined;
  let program: Program | undefined;
  try {
    config = configOf(headers);
    program = fuse(record(config));
    const method = methodOf(headers.json, headers.source);
    const found = unpackable(program, { ...headers, method, config });
    bindWeights(program, found);
    return { config, program, weights: [...new Set(found.values())], problem: undefined };
  } catch (error) {
    if (error instanceof DeadliftError && problems.includes(error.code)) {
      return { config, program, weights: undefined, problem: error.message };
    }
    throw error;
  }
}

function planMemory(
  headers: Headers<TensorInfo>,
  { program, weights, isDecoder }: Pick<Judgement, "program" | "weights"> & { readonly isDecoder: boolean },
  contextSize: number,
  kvType: KvType | undefined,
): MemoryPlan {
  const named = weights ?? [...new Set(headers.tensors.values())];
  const sum = (tensors: readonly Sized[]) => tensors.reduce((total, { byteLength }) => total + byteLength, 0);
  // Of a model that cannot run, nobody knows which tensors count.
  if (!program) return planOf(sum(named) + sum(headers.unused), 0, 0, 0, contextSize);
  const stepTokens = isDecoder ? Math.min(MAX_STEP_TOKENS, contextSize) : Math.max(MAX_STEP_TOKENS, contextSize);
  const scratch = place(program).slots.reduce(
    (total, s) => total + s.width * 4 * (s.rows === "tokens" ? stepTokens : 1),
    gatheredWidth(program) * 4 * stepTokens,
  );
  const kvPerToken = isDecoder
    ? kvBytesPerToken(program, kvType ?? kvTypeFor(named))
    : textBytesPerToken(program, kvType ?? "f32");
  return planOf(sum(named), kvPerToken, 2 * stateBytes(program), scratch, contextSize);
}

function planOf(weights: number, kvPerToken: number, states: number, scratch: number, contextSize: number): MemoryPlan {
  const kvCache = kvPerToken * contextSize;
  const total = weights + kvCache + states + scratch;
  return { contextSize, weights, kvPerToken, kvCache, states, scratch, total, available: availableMemory() };
}

/** Names are shown to people: none is longer. */
const maxNameLength = 100;

function statedArchitecture({ metadata, json }: Headers<TensorInfo>): string {
  const classes = json?.architectures;
  const names = [metadata?.get("general.architecture"), json?.model_type, Array.isArray(classes) ? classes[0] : ""];
  const name = names.find((each) => typeof each === "string" && each !== "") as string | undefined;
  return name?.slice(0, maxNameLength) ?? "unknown";
}

/** By the names that configurations of other architectures use. */
const contextKeys = [
  "max_position_embeddings",
  "n_positions",
  "max_sequence_length",
  "max_seq_len",
  "seq_length",
  "n_ctx",
  "model_max_length",
  "max_target_positions",
];

function statedContextLength({ metadata, json }: Headers<TensorInfo>): number | undefined {
  const architecture = metadata?.get("general.architecture");
  if (metadata) return [metadata.get(`${architecture}.context_length`)].find(isLength);
  const text = json?.text_config;
  const inner = typeof text === "object" && text !== null ? (text as Record<string, unknown>) : {};
  return contextKeys.flatMap((key) => [json?.[key], inner[key]]).find(isLength);
}

function isLength(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
