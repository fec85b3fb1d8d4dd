// Runs an encoder's program on plain token ids: whole texts in one step, alone or with others.

import { record } from "../../src/architectures/index.js";
import { type OpenedModel, openModel } from "../../src/formats/open.js";
import { bindWeights } from "../../src/formats/weights.js";
import { fuse } from "../../src/program/fuse.js";
import { devices, onGpu } from "./targets.js";

export interface Text {
  readonly ids: readonly number[];
  /** 1: of the second text of a pair. */
  readonly segments?: readonly number[];
}

export interface Encoder {
  readonly opened: OpenedModel;
  /** For each text the rows of its tokens, or the one of the whole, one after another. */
  run(texts: readonly Text[]): Promise<Float32Array[]>;
}

const options = { pages: 32, pageTokens: 16, maxTokens: 256, maxOutputs: 256, kvType: "f32" } as const;
const pagesOfText = 8;

/** Runs `work` with the model of a folder or file and closes it. */
export async function withEncoder<T>(
  path: string,
  setting: { isa: string; threads?: number },
  work: (encoder: Encoder) => Promise<T>,
): Promise<T> {
  const opened = await openModel(path);
  const { backend } = await devices.open({ adapter: onGpu ? "" : undefined, reason: undefined }, setting);
  try {
    const program = fuse(record(opened.config));
    const executable = await backend.compile(program, bindWeights(program, opened.tensors), options);
    const pooled = opened.config.head.pooling !== undefined;
    const run = async (texts: readonly Text[]) => {
      const spans = texts.map(({ ids }, i) => ({
        count: ids.length,
        position: 0,
        pages: Int32Array.from({ length: pagesOfText }, (_, page) => i * pagesOfText + page),
      }));
      const places = texts.flatMap(({ ids }, text) => ids.map((_, i) => ({ text, last: i === ids.length - 1 })));
      const wanted = places.flatMap(({ text, last }, token) => (!pooled || last ? [{ text, token }] : []));
      const results = await executable.run({
        tokens: Int32Array.from(texts.flatMap(({ ids }) => ids)),
        segments: Int32Array.from(texts.flatMap(({ ids, segments }) => segments ?? ids.map(() => 0))),
        spans,
        outputs: wanted.map(({ token }) => ({ token, logits: true })),
      });
      const rowsOf = (text: number) => results.filter((_, i) => wanted[i]!.text === text).map(({ logits }) => logits!);
      return texts.map((_, text) => Float32Array.from(rowsOf(text).flatMap((row) => [...row])));
    };
    const result = await work({ opened, run });
    await executable.dispose();
    return result;
  } finally {
    await backend.dispose();
    opened.close();
  }
}
