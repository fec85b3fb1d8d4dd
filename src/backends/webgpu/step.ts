// A step in words, as kernels/webgpu/lib/step.wgsl reads it: how many rows, then tokens, spans, outputs, tops and pages.

import type { Batch } from "../backend.js";

/** What decides how many workgroups run. */
export interface StepSize {
  readonly tokens: number;
  readonly outputs: number;
  readonly spans: number;
  /** Most tokens of one span. */
  readonly longest: number;
  /** Fewest tokens of one span. */
  readonly shortest: number;
  /** Most positions that a span's last token sees. */
  readonly context: number;
}

const headerWords = 8;
const tokenWords = 4;
const spanWords = 8;
const none = 0xffff_ffff;

export function stepSize({ tokens, outputs, spans }: Batch): StepSize {
  return {
    tokens: tokens.length,
    outputs: outputs.length,
    spans: spans.length,
    longest: Math.max(...spans.map(({ count }) => count)),
    shortest: Math.min(...spans.map(({ count }) => count)),
    context: Math.max(...spans.map(({ count, position }) => position + count)),
  };
}

/** `tops`: what sampling.ts wants of the outputs' rows. */
export function stepWords(
  { tokens, segments, spans, outputs }: Batch,
  tops: readonly number[],
): Uint32Array<ArrayBuffer> {
  const tokenAt = headerWords;
  const spanAt = tokenAt + tokenWords * tokens.length;
  const outputAt = spanAt + spanWords * spans.length;
  const topAt = outputAt + outputs.length;
  const pageAt = topAt + tops.length;
  const words = new Uint32Array(pageAt + spans.reduce((sum, { pages }) => sum + pages.length, 0));
  words.set([tokens.length, outputs.length, spans.length, tokenAt, spanAt, outputAt, topAt]);
  words.set(tops, topAt);
  let start = 0;
  let page = pageAt;
  spans.forEach(({ count, position, pages, state }, s) => {
    for (let i = 0; i < count; i++) {
      const t = start + i;
      words.set([tokens[t]!, segments?.[t] ?? 0, position + i, s], tokenAt + tokenWords * t);
    }
    words.set([start, count, position, state?.from ?? none, state?.to ?? none, page], spanAt + spanWords * s);
    words.set(pages, page);
    page += pages.length;
    start += count;
  });
  outputs.forEach(({ token }, o) => {
    words[outputAt + o] = token;
  });
  return words;
}
