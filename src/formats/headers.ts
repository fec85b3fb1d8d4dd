// What the headers of a model's files say, before anybody asks whether it can run.

import { dirname, join } from "node:path";
import { DeadliftError } from "../error.js";
import type { Config } from "../program/config.js";
import type { QuantName } from "../quants/index.js";
import { plainTypes } from "./checkpoints/module.js";
import { configFromJson, modelTypeOf } from "./config.js";
import { configFromGguf } from "./config_gguf.js";
import { type JsonObject, type ModelFiles, parseJson } from "./file.js";
import type { Metadata } from "./gguf_metadata.js";
import { type Format, nameTensors, tieOutput } from "./names.js";
import type { Place } from "./place.js";
import { addDenseTensors, headOf, readSentenceModules, type SentenceModules } from "./sentence_modules.js";
import { openGguf, openIndexed, openSafetensors } from "./shards.js";
import type { TensorInfo } from "./sizes.js";
import { isStatic, staticConfig } from "./static_vectors.js";

/** Published ones have some KB; those of large merged vocabularies some 100 KB. */
export const maxConfigBytes = 16 * 2 ** 20;

export interface Headers<T extends TensorInfo> {
  readonly format: Format;
  /** The model type, as config.json or GGUF says it, where we know it. */
  readonly type: string | undefined;
  /** By canonical name (names.ts). */
  readonly tensors: Map<string, T>;
  /** Tensors whose names mean nothing to us. */
  readonly unused: readonly T[];
  /** Of GGUF. */
  readonly metadata: Metadata | undefined;
  /** config.json beside safetensors; undefined when there is none. */
  readonly json: JsonObject | undefined;
  /** modules.json beside safetensors, and what it names. */
  readonly modules: SentenceModules<T> | undefined;
  /** The weight file, its index, or its first part. */
  readonly weights: string;
  /** What states the configuration: the path of config.json or of the GGUF file. */
  readonly source: string;
}

/** Throws what the formats throw, InvalidConfig for a config.json that is no JSON. */
export async function readHeaders<T extends TensorInfo>(place: Place, files: ModelFiles<T>): Promise<Headers<T>> {
  const { format, weights } = place;
  if (format === "gguf") {
    const { metadata, tensors } = await openGguf(weights, files);
    const stated = metadata.get("general.architecture");
    const type = typeof stated === "string" ? stated : undefined;
    return {
      format,
      type,
      ...nameTensors(format, tensors, { type }),
      metadata,
      json: undefined,
      modules: undefined,
      weights,
      source: weights,
    };
  }
  const folder = dirname(weights);
  const source = join(folder, "config.json");
  const [stored, text] = await both(
    weights.endsWith(".json") ? openIndexed(weights, files) : openSafetensors(weights, files),
    files.text(source, maxConfigBytes),
  );
  const modules = await readSentenceModules(folder, files);
  const json = text === undefined ? undefined : parseJson(text, source);
  const type = json && modelTypeOf(json);
  const named = nameTensors(format, stored.tensors, { type, ties: stored.ties });
  if (modules) addDenseTensors(named.tensors, modules);
  return {
    format,
    type,
    ...named,
    metadata: undefined,
    json,
    modules,
    weights,
    source,
  };
}

/**
 * The Config that the headers state; a tied output becomes one of their tensors. Throws NotAModel (no config.json),
 * UnsupportedArchitecture, InvalidConfig.
 */
export function configOf(headers: Headers<TensorInfo>): Config {
  const { metadata, tensors, json, modules, weights, source } = headers;
  if (isStatic(json, modules)) return staticConfig(headers, tensors);
  if (!metadata && !json) {
    throw new DeadliftError(
      "NotAModel",
      `expected config.json beside ${weights}, found none; download it from the model's repository`,
    );
  }
  const config = metadata
    ? configFromGguf(metadata, tensors, source)
    : asStored(configFromJson(json!, source), tensors);
  if (config.tiedOutput) tieOutput(tensors);
  return modules ? { ...config, head: headOf(modules, config.head) } : config;
}

/** Latent attention whose matrices are packed keeps keys and values of each head: to turn one round is to unpack it. */
function asStored(config: Config, tensors: ReadonlyMap<string, TensorInfo>): Config {
  const { latent, layers } = config;
  if (!latent) return config;
  const isPlain = (layer: number) => {
    const stored = tensors.get(`layers.${layer}.attention.kv_b`);
    return stored !== undefined && plainTypes.includes(stored.quant);
  };
  return { ...config, latent: { ...latent, absorbed: Array.from({ length: layers }, (_, i) => i).every(isPlain) } };
}

/** Values of each quant type: what `inspect` sums up. A tied tensor counts once. */
export function countValues(headers: {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly unused: readonly TensorInfo[];
}): Map<QuantName, number> {
  const counts = new Map<QuantName, number>();
  for (const { quant, shape } of new Set([...headers.tensors.values(), ...headers.unused])) {
    counts.set(quant, (counts.get(quant) ?? 0) + shape.reduce((product, size) => product * size, 1));
  }
  return counts;
}

/** Both results, or the first failure once neither goes on any more. */
async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}
