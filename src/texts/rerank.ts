// Documents in the order in which they answer a query: by cross-encoders, and by decoders that are asked for yes or no.

import type { Message } from "../chat/message.js";
import type { ChatTemplate } from "../chat/template.js";
import { DeadliftError, expected } from "../error.js";
import type { AnswerTokens } from "../formats/sentence_modules.js";
import type { Runtime } from "../generate.js";
import { checkInteger } from "../options.js";
import type { Head } from "../program/config.js";
import { scored } from "./classify.js";
import { checkTexts, type Reading, readText } from "./embed.js";

export interface RerankOptions {
  /** So many of the best documents; default: all. */
  readonly topN?: number | undefined;
  /** What documents are looked for, for decoders that are told. */
  readonly instruction?: string | undefined;
  /** Cut pairs that are too long, instead of an error; only cross-encoders do. */
  readonly truncate?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const rerankKeys = ["topN", "instruction", "truncate", "signal"] as const;

export interface RankedDocument {
  /** Of the document, in the list that was given. */
  readonly index: number;
  readonly document: string;
  /** The higher the better; a probability unless the model was published otherwise. */
  readonly score: number;
}

export interface Question {
  readonly query: string;
  readonly documents: readonly string[];
}

/** By a model that reads query and document together. Throws InvalidArgument, ContextOverflow, Aborted. */
export async function rerank(
  reading: Reading,
  scores: Head["scores"],
  question: Question,
  options: RerankOptions,
): Promise<RankedDocument[]> {
  checkQuestion(question, options);
  if (options.instruction !== undefined) {
    throw new DeadliftError("InvalidArgument", expected("no instruction", "a cross-encoder", options.instruction));
  }
  const { query, documents } = question;
  const texts = await Promise.all(documents.map((one) => readText(reading, [query, one], options.truncate)));
  const rows = await reading.encoder.encode(texts, options.signal);
  return ranked(
    documents,
    rows.map(([row]) => scored(row!, scores).at(-1)!),
    options,
  );
}

/** What a decoder is asked, and which tokens answer. */
export interface AnswerJudge {
  readonly runtime: Runtime;
  readonly tokens: AnswerTokens;
  /** One that knows the roles "query" and "document"; undefined: the prompt of Qwen3-Reranker. */
  readonly template: ChatTemplate | undefined;
}

/** By how surely a decoder says yes. Throws InvalidArgument, ContextOverflow, Aborted. */
export async function rerankByAnswers(
  judge: AnswerJudge,
  question: Question,
  options: RerankOptions,
): Promise<RankedDocument[]> {
  checkQuestion(question, options);
  if (options.truncate) {
    throw new DeadliftError("InvalidArgument", expected("whole documents", "a decoder that ranks them", "truncate"));
  }
  const scores = await Promise.all(
    question.documents.map((document) => answer(judge, question.query, document, options)),
  );
  return ranked(question.documents, scores, options);
}

async function answer(
  { runtime, tokens, template }: AnswerJudge,
  query: string,
  document: string,
  { instruction, signal }: RerankOptions,
): Promise<number> {
  const { scheduler, tokenizer, contextSize } = runtime;
  const ids = await (template
    ? tokenizer.encodeSegments(segmentsOf(template, query, document, instruction))
    : tokenizer.encodeSegments(qwenPrompt(query, document, instruction)));
  if (ids.length > contextSize) {
    throw new DeadliftError("ContextOverflow", `expected at most ${contextSize} tokens, received ${ids.length}`);
  }
  const session = scheduler.acquire(ids);
  try {
    const [result] = await scheduler.extend(session, ids.subarray(session.length), { logits: true, signal });
    const logits = result!.logits!;
    const odds = logits[tokens.yes]! - (tokens.no === undefined ? 0 : logits[tokens.no]!);
    return tokens.no === undefined ? odds : 1 / (1 + Math.exp(-odds));
  } finally {
    scheduler.release(session);
  }
}

function segmentsOf(template: ChatTemplate, query: string, document: string, instruction: string | undefined) {
  const system: Message[] = instruction === undefined ? [] : [{ role: "system", content: instruction }];
  const messages: Message[] = [...system, { role: "query", content: query }, { role: "document", content: document }];
  const segments = template.renderSegments(messages, { addGenerationPrompt: true });
  return segments.map(({ text, content }) => ({ text, parseSpecial: !content }));
}

const qwenInstruction = "Given a web search query, retrieve relevant passages that answer the query";

/** As its card has it. */
function qwenPrompt(query: string, document: string, instruction = qwenInstruction) {
  const system =
    "Judge whether the Document meets the requirements based on the Query and the Instruct provided. " +
    'Note that the answer can only be "yes" or "no".';
  return [
    { text: `<|im_start|>system\n${system}<|im_end|>\n<|im_start|>user\n<Instruct>: `, parseSpecial: true },
    { text: instruction, parseSpecial: false },
    { text: "\n<Query>: ", parseSpecial: true },
    { text: query, parseSpecial: false },
    { text: "\n<Document>: ", parseSpecial: true },
    { text: document, parseSpecial: false },
    { text: "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n", parseSpecial: true },
  ];
}

function checkQuestion({ query, documents }: Question, { topN }: RerankOptions): void {
  checkTexts([query]);
  checkTexts(documents);
  checkInteger("topN", topN, 1);
}

function ranked(documents: readonly string[], scores: readonly number[], { topN }: RerankOptions): RankedDocument[] {
  const all = scores.map((score, index) => ({ index, document: documents[index]!, score }));
  return all.sort((a, b) => b.score - a.score || a.index - b.index).slice(0, topN);
}
