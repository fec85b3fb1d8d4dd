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
      // Four scales (f32) before every 128 bytes (kernels/webgpu/kv/q8_0.wgsl).
      return 4 * Math.ceil(dim / 128) + 8 * Math.ceil(dim / 32);
  }
}

/** Values that a thread loads, and stores, at once: KV_GROUP and KV_BLOCK of kernels/webgpu/kv. */
export const kvGroups: Readonly<Record<KvType, number>> = { f32: 4, f16: 8, bf16: 8, q8_0: 16 };
const kvBlocks: Readonly<Record<KvType, number>> = { f32: 4, f16: 8, bf16: 8, q8_0: 32 };

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

/** Where keys and values lie, as kernels count: in 16 bytes (kernels/webgpu/lib/kv_pages.wgsl). */
export function kvPages(layer: KvLayer, options: CompileOptions): Record<string, number> {
  const { keyWords, valueWords, pageWords } = kvShape(layer, options);
  const { pageTokens } = options;
  return { ...layer, keyQuads: keyWords / 4, valueQuads: valueWords / 4, pageQuads: pageWords / 4, pageTokens };
}

/** Threads that store the keys and values of a token. */
export function kvThreads({ kvHeads, headDim, valueDim }: KvLayer, { kvType }: CompileOptions): number {
  const blocks = (dim: number) => Math.ceil(dim / kvBlocks[kvType]);
  return kvHeads * (blocks(headDim) + blocks(valueDim));
}
