// The public API: exports only.

export type { Message, Tool } from "./chat/template.js";
export { DeadliftError, type ErrorCode } from "./error.js";
export type { GenerateOptions } from "./generate.js";
export type { FinishReason, Generation, GenerationResult, Timings, TokenLogprob, Usage } from "./generation.js";
export { type GpuAdapter, type GpuInfo, gpuInfo } from "./gpus.js";
export type { CacheOptions } from "./hub/cache/cache_options.js";
export { type PruneOptions, pruneCache } from "./hub/cache/prune.js";
export type { CacheRemoval, KeptItem, RemovedItem } from "./hub/cache/removal.js";
export { type RemoveOptions, removeFromCache } from "./hub/cache/remove.js";
export { type CacheListing, listCache } from "./hub/cache/scan.js";
export type { CachedFile, CachedRepo, CachedRevision } from "./hub/cache/scan_repo.js";
export {
  type CacheVerification,
  type Mismatch,
  type VerifiedRevision,
  type VerifyOptions,
  type VerifyProgress,
  verifyCache,
} from "./hub/cache/verify.js";
export type { DownloadProgress } from "./hub/download/progress.js";
export { type DownloadedFile, type DownloadedModel, type DownloadOptions, downloadModel } from "./hub/download.js";
export { type ModelFileInfo, type ModelInfo, type ModelInfoOptions, modelInfo } from "./hub/info.js";
export {
  type ModelCommit,
  type ModelRef,
  type ModelRevisions,
  type ModelRevisionsOptions,
  modelRevisions,
} from "./hub/revisions.js";
export {
  iterateModels,
  type ModelSort,
  type ModelSummary,
  type SearchOptions,
  searchModels,
} from "./hub/search.js";
export { type HubOptions, type HubSettings, hubSettings } from "./hub/settings.js";
export { type Identity, type WhoAmIOptions, whoAmI } from "./hub/who.js";
export { type GgufChoice, type Inspection, type InspectOptions, inspectModel, type MemoryPlan } from "./inspect.js";
export { loadTokenizer } from "./language.js";
export { embeddedModel, type LoadOptions, type LoadProgress, loadModel } from "./load.js";
export { type MachineInfo, machineInfo } from "./machine.js";
export { type ChatOptions, Model, type PerplexityOptions } from "./model.js";
export type { CpuInfo as MachineCpu } from "./native.js";
export type { BaseComparison, Perplexity, PerplexityProgress } from "./perplexity.js";
export type { Config } from "./program/config.js";
export type { Program } from "./program/ops.js";
export { print as printProgram } from "./program/print.js";
export type { Work } from "./program/work.js";
export {
  type ConversionProgress,
  type QuantizeOptions,
  type QuantizeProgress,
  type QuantizeResult,
  quantizeModel,
} from "./quantize.js";
export {
  listQuantized,
  pruneQuantized,
  type QuantizedListing,
  type QuantizedModel,
  type QuantizedRemoval,
  type RemoveQuantizedOptions,
  removeQuantized,
} from "./quantized/manage.js";
export type { SamplingOptions } from "./sampling.js";
export type { ClassifyInput, ClassifyOptions, LabelScore } from "./texts/classify.js";
export type { EmbedOptions, EmbedProgress } from "./texts/embed.js";
export type { RankedDocument, RerankOptions } from "./texts/rerank.js";
export type { Task } from "./texts/tasks.js";
export type { TokenCandidate, TokenResult, TokensOptions } from "./texts/token_results.js";
export type { EncodedPair, Tokenizer, TokenStream } from "./tokenizer/tokenizer.js";
