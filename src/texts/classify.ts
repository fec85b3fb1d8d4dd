// Texts to the labels of their classes.

import { checkInteger } from "../options.js";
import type { Head } from "../program/config.js";
import { checkTexts, type Reading, readText } from "./embed.js";

export interface ClassifyOptions {
  /** So many of the best labels; default: all. */
  readonly topK?: number | undefined;
  /** Cut texts that are too long, instead of an error. */
  readonly truncate?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const classifyKeys = ["topK", "truncate", "signal"] as const;

/** A label and how sure the model is of it. */
export interface LabelScore {
  readonly label: string;
  /** A probability; of a regression the value itself. */
  readonly score: number;
}

/** A text, or two that belong together. */
export type ClassifyInput = string | readonly [first: string, second: string];

/** Labels, and how their logits become scores. */
export type Classes = Pick<Head, "labels" | "scores">;

/** The labels of each text, the surest first. Throws InvalidArgument, ContextOverflow, Aborted. */
export async function classify(
  reading: Reading,
  classes: Classes,
  inputs: readonly ClassifyInput[],
  { topK, truncate, signal }: ClassifyOptions,
): Promise<LabelScore[][]> {
  checkTexts(inputs.flat());
  checkInteger("topK", topK, 1);
  const texts = await Promise.all(inputs.map((input) => readText(reading, input, truncate)));
  const rows = await reading.encoder.encode(texts, signal);
  return rows.map(([row]) => labelScores(row!, classes).slice(0, topK));
}

/** All labels of a row of logits, the surest first. */
export function labelScores(row: Float32Array, { labels, scores }: Classes): LabelScore[] {
  const list = scored(row, scores);
  return labels.map((label, i) => ({ label, score: list[i]! })).sort((a, b) => b.score - a.score);
}

export function scored(row: Float32Array, scores: Head["scores"]): number[] {
  if (scores === "none") return [...row];
  if (scores === "sigmoid") return Array.from(row, (x) => 1 / (1 + Math.exp(-x)));
  const most = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = Array.from(row, (x) => Math.exp(x - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}
