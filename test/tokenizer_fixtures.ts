// The goldens of fixtures/tokenizer/make.py, and tokenizers to go with them.
import { readFileSync } from "node:fs";
import type { TokenizerFiles } from "../src/tokenizer/json.js";

const read = (name: string) => JSON.parse(readFileSync(new URL(`fixtures/tokenizer/${name}`, import.meta.url), "utf8"));

type Decoded = [ids: number[], text: string, withoutSpecial: string];

export const corpus: { texts: string[]; ids: Record<string, number[][]> } = read("corpus.json");

/** Small tokenizers of every kind; `texts` are indices into the corpus. */
export const synthetic: Record<string, { json: object; texts: number[]; ids: number[][]; decoded: Decoded[] }> =
  read("synthetic.json");

export const transformers: {
  name: string;
  json: object;
  config: NonNullable<TokenizerFiles["config"]>;
  modelType: string | null;
  bos: number | null;
  eos: number | null;
  encoded: [text: string, ids: number[], bare: number[]][];
  decoded: Decoded[];
}[] = read("transformers.json");

/** Numbers from 0 to 1, the same in every run. */
export function randomness(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
