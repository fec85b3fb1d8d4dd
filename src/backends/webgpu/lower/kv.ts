// How keys and values lie in a layer's pages: heads after each other, of each the tokens of the page, in whole 16 bytes.

import type { KvLayer } from "../../../program/ops.js";
import type { CompileOptions, KvType } from "../../backend.js";

/** Words of what one head keeps of one token: a key or a value of `dim` numbers. */
export function headWords(kvType: KvType, dim: number): number {
  const whole = (words: number) => Math.ceil(words / 4) * 4;
  switch (kvType) {
    case "f32":
      return whole(dim);
    case "f16":
    case "bf16":
      return whole(dim / 2);
    case "q8_0":
      // Bytes, then a scale (f32) for each 32 of them.
      return whole(Math.ceil(dim / 4) + Math.ceil(dim / 32));
  }
}

export interface KvShape {
  readonly keyWords: number;
  readonly valueWords: number;
  /** Of a page: keys (kvHeads, pageTokens, keyWords), then values (kvHeads, pageTokens, valueWords). */
  readonly pageWords: number;
}

export function kvShape({ kvHeads, headDim, valueDim }: KvLayer, { kvType, pageTokens }: CompileOptions): KvShape {
  const keyWords = headWords(kvType, headDim);
  const valueWords = headWords(kvType, valueDim);
  return { keyWords, valueWords, pageWords: kvHeads * pageTokens * (keyWords + valueWords) };
}
