// The public API: exports only.

export type { Message, Tool } from "./chat/template.js";
export { DeadliftError, type ErrorCode } from "./error.js";
export type { GenerateOptions } from "./generate.js";
export type { FinishReason, Generation, GenerationResult, Timings, TokenLogprob, Usage } from "./generation.js";
export { type Inspection, type InspectOptions, inspectModel, type MemoryPlan } from "./inspect.js";
export { loadTokenizer } from "./language.js";
export { embeddedModel, type LoadOptions, type LoadProgress, loadModel } from "./load.js";
export { type MachineInfo, machineInfo } from "./machine.js";
export { type ChatOptions, Model, type PerplexityOptions } from "./model.js";
export type { CpuInfo as MachineCpu } from "./native.js";
export type { BaseComparison, Perplexity, PerplexityProgress } from "./perplexity.js";
export type { Config } from "./program/config.js";
export type { Program } from "./program/ops.js";
export { print as printProgram } from "./program/print.js";
export type { SamplingOptions } from "./sampling.js";
export type { Tokenizer, TokenStream } from "./tokenizer/tokenizer.js";
