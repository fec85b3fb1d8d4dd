// How sentence-transformers makes vectors of a model's states: modules.json, and the folders that it names.

import { join } from "node:path";
import { DeadliftError, expected } from "../error.js";
import { type Head, nextHead } from "../program/config.js";
import type { Activation, Pooling } from "../program/ops.js";
import { crossEncoderScores, headLayer } from "./families/heads.js";
import { Fields } from "./fields.js";
import { isObject, type JsonObject, type ModelFiles, parseJson } from "./file.js";
import { openSafetensors } from "./shards.js";
import type { TensorInfo } from "./sizes.js";

/** Published ones have some hundred bytes each. */
const maxModuleBytes = 2 ** 20;
/** Published models have up to five. */
const maxModules = 32;

/** A dense layer after the pooling. */
export interface DenseModule<T extends TensorInfo> {
  readonly weight: T;
  readonly bias: T | undefined;
  readonly width: number;
  readonly activation: Activation | undefined;
}

/** The tokens whose logits say whether a document answers a query. */
export interface AnswerTokens {
  readonly yes: number;
  readonly no: number | undefined;
}

export interface SentenceModules<T extends TensorInfo> {
  /** Vectors are those of a table, not of a model that reads. */
  readonly isStatic: boolean;
  /** How states become a vector; undefined: they do not (cross-encoders). */
  readonly pooling: Pooling | undefined;
  readonly layers: readonly DenseModule<T>[];
  readonly normalize: boolean;
  readonly answers: AnswerTokens | undefined;
  /** What logits of cross-encoders become, where it is said. */
  readonly scores: Head["scores"] | undefined;
  /** Texts to put before others, by what those are for: "query", "document" ... */
  readonly prompts: Readonly<Record<string, string>>;
  readonly defaultPrompt: string | undefined;
  /** Most tokens of a text; undefined: as many as the model takes. */
  readonly maxTokens: number | undefined;
  readonly lowerCase: boolean;
}

/**
 * What lies beside the weights in `folder`; undefined where there is no modules.json. Throws InvalidConfig for modules that
 * we do not have, and what opening their weights throws.
 */
export async function readSentenceModules<T extends TensorInfo>(
  folder: string,
  files: ModelFiles<T>,
): Promise<SentenceModules<T> | undefined> {
  const source = join(folder, "modules.json");
  const text = await files.text(source, maxModuleBytes);
  if (text === undefined) return undefined;
  const modules = parseModules(text, source);
  const [first, ...rest] = modules;
  const isStatic = first?.type === "StaticEmbedding" || first?.type === "StaticModel";
  if (!first || !(isStatic || first.type === "Transformer")) {
    throw new DeadliftError("InvalidConfig", expected("a Transformer first", source, first?.type));
  }
  const settings = await readSettings(folder, files);
  let pooling: Pooling | undefined = isStatic ? "mean" : undefined;
  let normalize = false;
  let answers: AnswerTokens | undefined;
  const layers: DenseModule<T>[] = [];
  for (const { type, path } of rest) {
    const place = join(folder, path);
    if (type === "Pooling" && pooling === undefined) pooling = await readPooling(place, files);
    else if (type === "Dense" && !normalize && pooling) layers.push(await readDense(place, files));
    else if (type === "Normalize" && pooling) normalize = true;
    else if (type === "LogitScore" && !pooling) answers = await readAnswers(place, files);
    else
      throw new DeadliftError("InvalidConfig", expected("Pooling, Dense and Normalize", `modules in ${source}`, type));
  }
  return { isStatic, pooling, layers, normalize, answers, ...settings };
}

interface Module {
  /** Without the Python package it is in. */
  readonly type: string;
  readonly path: string;
}

function parseModules(text: string, source: string): Module[] {
  const { list } = parseJson(`{"list":${text.replace(/^\uFEFF/, "")}}`, source);
  if (!Array.isArray(list) || list.length === 0 || list.length > maxModules) {
    throw new DeadliftError("InvalidConfig", expected(`a list of 1 to ${maxModules} modules`, source, list));
  }
  return list.map((module: unknown) => {
    const { type, path } = (isObject(module) ? module : {}) as JsonObject;
    // A path could lead out of the model's folder.
    if (typeof type !== "string" || typeof path !== "string" || !/^(?:\.|[\w-]+)?$/.test(path)) {
      throw new DeadliftError("InvalidConfig", expected("a type and a folder", `a module in ${source}`, module));
    }
    return { type: type.split(".").at(-1)!, path };
  });
}

const poolings: Readonly<Record<string, Pooling>> = {
  cls: "first",
  cls_token: "first",
  mean: "mean",
  mean_tokens: "mean",
  max: "max",
  max_tokens: "max",
  mean_sqrt_len_tokens: "mean_sqrt",
  weightedmean: "weighted_mean",
  weightedmean_tokens: "weighted_mean",
  lasttoken: "last",
};

/** One way of pooling: `pooling_mode`, or the one of `pooling_mode_*` that is true. */
async function readPooling(folder: string, files: ModelFiles<TensorInfo>): Promise<Pooling> {
  const fields = await readFields(join(folder, "config.json"), files);
  const stated = fields.get("pooling_mode");
  const modes: readonly unknown[] =
    stated !== undefined
      ? [stated].flat()
      : Object.keys(poolings).filter((mode) => fields.get(`pooling_mode_${mode}`) === true);
  const [mode = "mean"] = modes;
  if (modes.length > 1 || typeof mode !== "string" || !Object.hasOwn(poolings, mode)) {
    throw fields.wrong("pooling_mode", `one of ${Object.keys(poolings).join(", ")}`, stated ?? modes);
  }
  if (!fields.boolean("include_prompt", true)) throw fields.wrong("include_prompt", "true", false);
  return poolings[mode]!;
}

async function readAnswers(folder: string, files: ModelFiles<TensorInfo>): Promise<AnswerTokens> {
  const fields = await readFields(join(folder, "config.json"), files);
  const [yes] = fields.tokens("true_token_id", Number.MAX_SAFE_INTEGER);
  if (yes === undefined) throw fields.wrong("true_token_id", "a token id", fields.get("true_token_id"));
  return { yes, no: fields.tokens("false_token_id", Number.MAX_SAFE_INTEGER)[0] };
}

/** By torch's names; Identity is none. */
const denseActivations: Readonly<Record<string, Activation | undefined>> = {
  Identity: undefined,
  Tanh: "tanh",
  GELU: "gelu",
  ReLU: "relu",
  SiLU: "silu",
  Sigmoid: "sigmoid",
};

async function readDense<T extends TensorInfo>(folder: string, files: ModelFiles<T>): Promise<DenseModule<T>> {
  const fields = await readFields(join(folder, "config.json"), files);
  const name = fields.string("activation_function", "torch.nn.modules.activation.Tanh").split(".").at(-1)!;
  if (!Object.hasOwn(denseActivations, name)) {
    throw fields.wrong("activation_function", `one of ${Object.keys(denseActivations).join(", ")}`, name);
  }
  const path = join(folder, "model.safetensors");
  const { tensors } = await openSafetensors(path, files);
  const weight = tensors.find((tensor) => tensor.name === "linear.weight");
  if (!weight) throw new DeadliftError("MissingTensor", `${path} holds no tensor "linear.weight"; download it again`);
  const bias = fields.boolean("bias", true) ? tensors.find((tensor) => tensor.name === "linear.bias") : undefined;
  return { weight, bias, width: fields.size("out_features"), activation: denseActivations[name] };
}

type Settings = Pick<SentenceModules<TensorInfo>, "scores" | "prompts" | "defaultPrompt" | "maxTokens" | "lowerCase">;

async function readSettings(folder: string, files: ModelFiles<TensorInfo>): Promise<Settings> {
  const settings = await readFields(join(folder, "config_sentence_transformers.json"), files);
  const reading = await readFields(join(folder, "sentence_bert_config.json"), files);
  const prompts = settings.get("prompts") ?? {};
  if (!isObject(prompts) || !Object.values(prompts).every((prompt) => typeof prompt === "string")) {
    throw settings.wrong("prompts", "an object of texts", prompts);
  }
  const activation = settings.optionalString("activation_fn");
  return {
    scores: activation === undefined ? undefined : crossEncoderScores(settings, activation),
    prompts: prompts as Record<string, string>,
    defaultPrompt: settings.optionalString("default_prompt_name"),
    maxTokens: reading.optionalSize("max_seq_length"),
    lowerCase: reading.boolean("do_lower_case", false),
  };
}

/** An absent file says nothing. */
async function readFields(path: string, files: ModelFiles<TensorInfo>): Promise<Fields> {
  const text = await files.text(path, maxModuleBytes);
  return Fields.of(path, text === undefined ? {} : parseJson(text, path));
}

/** A model's head as its modules change it. */
export function headOf(modules: SentenceModules<TensorInfo>, head: Head): Head {
  const { pooling, layers, normalize, scores } = modules;
  if (pooling === undefined) return { ...head, scores: scores ?? head.scores };
  return {
    ...nextHead,
    kind: "embedding",
    pooling,
    layers: layers.map(({ bias, width, activation }, i) =>
      headLayer(denseName(i), width, { bias: bias !== undefined, activation }),
    ),
    normalize,
  };
}

/** Adds the tensors of dense layers, by canonical name. */
export function addDenseTensors<T extends TensorInfo>(tensors: Map<string, T>, modules: SentenceModules<T>): void {
  modules.layers.forEach(({ weight, bias }, i) => {
    tensors.set(denseName(i), weight);
    if (bias) tensors.set(`${denseName(i)}.bias`, bias);
  });
}

function denseName(index: number): string {
  return `head.${index}.dense`;
}
