// What a model says of each token of a text: its vector, its label, or what could stand in its place.

import { checkInteger } from "../options.js";
import type { Config } from "../program/config.js";
import { labelScores } from "./classify.js";
import { checkTexts, type Reading, readText } from "./embed.js";

export interface TokensOptions {
  /** Of tokens that are masked: so many candidates; default: 5. */
  readonly topK?: number | undefined;
  /** Cut texts that are too long, instead of an error. */
  readonly truncate?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const tokensKeys = ["topK", "truncate", "signal"] as const;

export interface TokenCandidate {
  readonly id: number;
  readonly text: string;
  /** A probability. */
  readonly score: number;
}

export interface TokenResult {
  readonly id: number;
  /** As the vocabulary spells it. */
  readonly token: string;
  /** It stands for no text: [CLS], </s> ... */
  readonly special: boolean;
  /** Its last hidden state, of models that give them. */
  readonly vector?: Float32Array;
  /** The surest label, of models that sort tokens into classes. */
  readonly label?: string;
  readonly score?: number;
  /** What could stand in its place, of a masked token, the most probable first. */
  readonly candidates?: readonly TokenCandidate[];
}

/** Throws InvalidArgument (a text without a mask for a model that fills them in), ContextOverflow, Aborted. */
export async function tokenResults(
  reading: Reading,
  { head }: Pick<Config, "head">,
  text: string,
  { topK = 5, truncate, signal }: TokensOptions,
): Promise<TokenResult[]> {
  checkTexts([text]);
  checkInteger("topK", topK, 1);
  const { tokenizer } = reading;
  const read = await readText(reading, text, truncate);
  const wanted = [...read.ids.keys()].filter((i) => head.kind !== "masked" || read.ids[i] === reading.mask);
  const [rows = []] = wanted.length > 0 ? await reading.encoder.encode([{ ...read, outputs: wanted }], signal) : [];
  const byPlace = new Map(wanted.map((place, i) => [place, rows[i]!]));
  return Array.from(read.ids, (id, place) => {
    const special = tokenizer.special.has(id) && id !== reading.mask;
    const token = { id, token: tokenizer.idToToken(id) ?? "", special };
    const row = byPlace.get(place);
    if (!row) return token;
    if (head.kind === "hidden") return { ...token, vector: row };
    if (head.kind === "masked") return { ...token, candidates: candidatesOf(row, topK, reading) };
    return { ...token, ...labelScores(row, head)[0] };
  });
}

function candidatesOf(row: Float32Array, topK: number, { tokenizer }: Reading): TokenCandidate[] {
  const most = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = row.reduce((sum, x) => sum + Math.exp(x - most), 0);
  const ids = [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b).slice(0, topK);
  return ids.map((id) => ({ id, text: tokenizer.decode([id]), score: Math.exp(row[id]! - most) / total }));
}
