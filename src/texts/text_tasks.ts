// What a loaded model does with whole texts: vectors, ranks, classes, tokens. Checks that it can, and hands over.

import type { Compiled } from "../compile.js";
import { DeadliftError, expected } from "../error.js";
import type { OpenedModel } from "../formats/open.js";
import { isStatic } from "../formats/static_vectors.js";
import type { Runtime } from "../generate.js";
import { specialsOf, type Templates } from "../language.js";
import { checkKeys } from "../options.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { type ClassifyInput, type ClassifyOptions, classify, classifyKeys, type LabelScore } from "./classify.js";
import { type EmbedOptions, embed, embedKeys, type Reading } from "./embed.js";
import { Encoder } from "./encoder.js";
import {
  type AnswerJudge,
  type RankedDocument,
  type RerankOptions,
  rerank,
  rerankByAnswers,
  rerankKeys,
} from "./rerank.js";
import { checkTask, type Task, tasksOf } from "./tasks.js";
import { type TokenResult, type TokensOptions, tokenResults, tokensKeys } from "./token_results.js";

/** Tokens of a step: more do not make it faster, and an abort waits for its end. */
const STEP_TOKENS = 1024;

interface Parts {
  readonly name: string;
  readonly opened: OpenedModel;
  readonly tokenizer: Tokenizer;
  readonly templates: Templates;
  readonly compiled: Compiled;
}

export class TextTasks {
  /** What the model can do. */
  readonly tasks: readonly Task[];
  readonly #parts: Parts;
  readonly #reading: Reading;
  readonly #judge: AnswerJudge | undefined;

  /** `runtime`: of a model that foretells tokens. */
  constructor(parts: Parts, runtime: Runtime) {
    this.#parts = parts;
    this.#reading = readingOf(parts);
    this.#judge = judgeOf(parts, runtime);
    const { config } = parts.opened;
    const isScore = config.head.kind === "classes" && config.head.labels.length === 1;
    this.tasks = tasksOf(config, {
      canChat: config.head.kind === "next" && parts.templates.plain !== undefined && !this.#judge,
      canRerank: isScore || this.#judge !== undefined,
    });
  }

  /** Throws UnsupportedTask. */
  check(task: Task): void {
    checkTask(task, this.tasks, this.#parts.name, this.#parts.opened.config.head.kind);
  }

  embed(texts: readonly string[], options: EmbedOptions): Promise<Float32Array[]> {
    this.check("embed");
    checkKeys(options, embedKeys, "embed");
    return embed(this.#reading, texts, options);
  }

  classify(inputs: readonly ClassifyInput[], options: ClassifyOptions): Promise<LabelScore[][]> {
    this.check("classify");
    checkKeys(options, classifyKeys, "classify");
    return classify(this.#reading, this.#parts.opened.config.head, inputs, options);
  }

  rerank(query: string, documents: readonly string[], options: RerankOptions): Promise<RankedDocument[]> {
    this.check("rerank");
    checkKeys(options, rerankKeys, "rerank");
    const question = { query, documents };
    if (this.#judge) return rerankByAnswers(this.#judge, question, options);
    return rerank(this.#reading, this.#parts.opened.config.head.scores, question, options);
  }

  tokens(text: string, options: TokensOptions): Promise<TokenResult[]> {
    this.check("tokens");
    checkKeys(options, tokensKeys, "tokens");
    return tokenResults(this.#reading, this.#parts.opened.config, text, options);
  }

  close(): Promise<void> {
    return this.#reading.encoder.close();
  }
}

function readingOf({ opened, tokenizer, compiled }: Parts): Reading {
  const { modules, json, config } = opened;
  const mask = specialsOf(opened, tokenizer).mask;
  return {
    tokenizer,
    encoder: new Encoder(compiled.executable, STEP_TOKENS),
    maxTokens: Math.min(modules?.maxTokens ?? compiled.contextSize, statedLength(opened), compiled.contextSize),
    lowerCase: modules?.lowerCase ?? false,
    isStatic: isStatic(json, modules),
    hasSegments: saysSegments(opened),
    dropsUnknown: isStatic(json, modules) && opened.tensors.get("embed")?.name === "embeddings",
    prompts: modules?.prompts ?? {},
    defaultPrompt: modules?.defaultPrompt,
    width: compiled.program.buffers[compiled.program.output]!.width,
    mask: mask === undefined ? undefined : tokenizer.tokenToId(mask),
    normalize: config.head.normalize,
  };
}

/** Where tokenizer_config.json says what its tokenizer gives: Python's models know only of that. */
function saysSegments({ tokenizerConfig }: OpenedModel): boolean {
  const names = tokenizerConfig?.model_input_names;
  return !Array.isArray(names) || names.includes("token_type_ids");
}

/** `model_max_length` of tokenizer_config.json, of which some say 10^30. */
function statedLength({ tokenizerConfig, config }: OpenedModel): number {
  const length = tokenizerConfig?.model_max_length;
  return config.head.kind !== "next" && typeof length === "number" && length >= 1 ? length : Number.POSITIVE_INFINITY;
}

/**
 * Decoders that were published to say yes or no: their modules say so (LogitScore), or their name does ("Qwen3-Reranker").
 * Throws InvalidConfig for a vocabulary without those words.
 */
function judgeOf({ name, opened, tokenizer, templates }: Parts, runtime: Runtime): AnswerJudge | undefined {
  const { modules, config, chatTemplates } = opened;
  if (config.head.kind !== "next" || !(modules?.answers || /rerank/i.test(name))) return undefined;
  const [yes, no] = ["yes", "no"].map((word) => tokenizer.tokenToId(word));
  const tokens = modules?.answers ?? (yes === undefined ? undefined : { yes, no });
  if (!tokens) {
    throw new DeadliftError("InvalidConfig", expected('tokens "yes" and "no"', `the vocabulary of ${name}`, undefined));
  }
  const knowsRoles = chatTemplates.some(({ template }) => /["']document["']/.test(template));
  return { runtime, tokens, template: knowsRoles ? templates.plain : undefined };
}
