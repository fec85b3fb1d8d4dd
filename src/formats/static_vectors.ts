// Tables of vectors without a model that reads: model2vec's, and sentence-transformers' StaticEmbedding.

import { DeadliftError } from "../error.js";
import { type Config, nextHead, plain } from "../program/config.js";
import { Fields } from "./fields.js";
import type { JsonObject } from "./file.js";
import type { SentenceModules } from "./sentence_modules.js";
import type { TensorInfo } from "./sizes.js";

/** Far longer than texts that have a meaning as a whole. */
const longest = 2 ** 15;

/** Whether files hold such a table. */
export function isStatic(json: JsonObject | undefined, modules: SentenceModules<TensorInfo> | undefined): boolean {
  return modules?.isStatic ?? json?.model_type === "model2vec";
}

/**
 * The Config of a table, which takes its canonical name in `tensors`. A text's vector is the mean of its tokens'; it has
 * length 1 where config.json or the modules say so. Throws MissingTensor, UnsupportedArchitecture.
 */
export function staticConfig<T extends TensorInfo>(
  { json, modules, unused, source }: StaticFiles<T>,
  tensors: Map<string, T>,
): Config {
  const table = unused.find(({ name }) => name === "embeddings" || name === "embedding.weight");
  const extra = unused.find(({ name }) => name === "weights" || name === "mapping");
  if (table?.shape.length !== 2) {
    throw new DeadliftError(
      "MissingTensor",
      `the files beside ${source} hold no table "embeddings"; is the download complete?`,
    );
  }
  if (extra) {
    throw new DeadliftError(
      "UnsupportedArchitecture",
      `cannot run ${source}: its tokens share vectors or have weights of their own ("${extra.name}")`,
    );
  }
  tensors.set("embed", table);
  const [vocab, dim] = table.shape as [number, number];
  const normalize = modules?.normalize || json?.normalize === true;
  const fields = Fields.of(source, json ?? {});
  return {
    ...plain,
    architecture: "static",
    dim,
    ffn: 1,
    heads: 1,
    kvHeads: 1,
    headDim: dim,
    layers: 0,
    vocab,
    contextLength: Math.min(fields.size("max_length", longest), longest),
    normEpsilon: 1e-6,
    activation: "silu",
    rope: { theta: 10000, dims: 2, layout: "half", scaling: undefined, factors: undefined },
    turns: [],
    windows: [],
    tiedOutput: false,
    head: { ...nextHead, kind: "embedding", pooling: "mean", normalize },
    tokens: { bos: undefined, eos: [], pad: undefined },
  };
}

interface StaticFiles<T extends TensorInfo> {
  readonly json: JsonObject | undefined;
  readonly modules: SentenceModules<T> | undefined;
  readonly unused: readonly T[];
  readonly source: string;
}
