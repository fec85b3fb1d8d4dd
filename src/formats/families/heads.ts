// What a model makes of its last states: read from the class that config.json names, alike for all families.

import { type Config, type Head, type HeadLayer, nextHead } from "../../program/config.js";
import type { Activation } from "../../program/ops.js";
import type { Fields } from "../fields.js";
import { isObject } from "../file.js";
import type { ModelType } from "./family.js";

/** Far more than any classifier has. */
const maxLabels = 2 ** 20;

/** A layer of a head with a bias, and nothing after it unless that is said. */
export function headLayer(weight: string, width: number, more: Partial<HeadLayer> = {}): HeadLayer {
  return { weight, width, bias: true, activation: undefined, norm: undefined, ...more };
}

/** Of the masked heads of most encoders: a layer, its activation, a norm. */
export function transform(width: number, activation: Activation): readonly HeadLayer[] {
  return [headLayer("head.dense", width, { activation, norm: "head.norm" })];
}

/**
 * The head of the first of `architectures`; without one an encoder gives its states, and a decoder foretells tokens.
 * Throws InvalidConfig for heads that we do not have.
 */
export function readHead(fields: Fields, type: ModelType, config: Config): Pick<Config, "head" | "output"> {
  const { output } = config;
  const name = className(fields);
  if (name === undefined) return { output, head: config.causal ? nextHead : { ...nextHead, kind: "hidden" } };
  if (/ForSequenceClassification$/.test(name)) return { output, head: classes(fields, type, config) };
  if (/ForTokenClassification$/.test(name)) return { output, head: tokenClasses(fields, type, config) };
  if (/Model$/.test(name) && !/LMHeadModel$/.test(name)) return { output, head: { ...nextHead, kind: "hidden" } };
  if (config.causal) return { output, head: nextHead };
  const masked = /For(?:MaskedLM|PreTraining)$/.test(name) ? type.heads?.masked?.(fields, config) : undefined;
  if (!masked) throw wrongHead(fields, name);
  return { head: { ...nextHead, kind: "masked", layers: masked.layers }, output: { ...output, bias: masked.bias } };
}

/** What transformers would make of it; undefined where config.json does not say. Throws InvalidConfig. */
export function className(fields: Fields): string | undefined {
  const list = fields.get("architectures");
  if (list === undefined || (Array.isArray(list) && list.length === 0)) return undefined;
  if (Array.isArray(list) && typeof list[0] === "string") return list[0];
  throw fields.wrong("architectures", "a list of names of classes", list);
}

function wrongHead(fields: Fields, name: string): Error {
  const known = "a class that ends in Model, ForMaskedLM, ForSequenceClassification or ForTokenClassification";
  return fields.wrong("architectures", `${known}, of those that this model_type has`, name);
}

/** Of decoders: a matrix without a bias, for the last token. */
function classes(fields: Fields, type: ModelType, config: Config): Head {
  if (type.heads && !type.heads.classes) throw wrongHead(fields, "ForSequenceClassification");
  const { pooling, late = false, layers } = type.heads?.classes?.(fields, config) ?? { pooling: "last", layers: [] };
  const labels = readLabels(fields);
  const last = headLayer("head.classes", labels.length, { bias: type.heads !== undefined });
  return {
    ...nextHead,
    kind: "classes",
    pooling,
    late,
    layers: [...layers, last],
    labels,
    scores: readScores(fields, labels),
  };
}

function tokenClasses(fields: Fields, type: ModelType, config: Config): Head {
  const labels = readLabels(fields);
  const layers = [...(type.heads?.tokenClasses?.(fields, config) ?? []), headLayer("head.classes", labels.length)];
  return { ...nextHead, kind: "token_classes", layers, labels, scores: "softmax" };
}

/** `id2label`, in the order of its ids; without it, two labels or `num_labels` of them. */
function readLabels(fields: Fields): string[] {
  const named = fields.get("id2label");
  if (named === undefined) {
    const count = fields.size("num_labels", 2);
    if (count > maxLabels) throw fields.wrong("num_labels", `at most ${maxLabels} labels`, count);
    return Array.from({ length: count }, (_, i) => `LABEL_${i}`);
  }
  const count = isObject(named) ? Object.keys(named).length : 0;
  const labels = Array.from({ length: count }, (_, i) => (named as Record<string, unknown>)[i]);
  if (count > 0 && labels.every((label) => label !== undefined && label !== null)) return labels.map(String);
  throw fields.wrong("id2label", "a label for each of the ids 0, 1, 2 ...", named);
}

/** As sentence-transformers' cross-encoders say, else as transformers' pipeline for text classification. */
function readScores(fields: Fields, labels: readonly string[]): Head["scores"] {
  const stated =
    fields.fields("sentence_transformers")?.optionalString("activation_fn") ??
    fields.optionalString("sbert_ce_default_activation_function");
  if (stated !== undefined) return crossEncoderScores(fields, stated);
  const problem = fields.optionalString("problem_type");
  if (problem === "regression") return "none";
  return problem === "multi_label_classification" || labels.length === 1 ? "sigmoid" : "softmax";
}

/** What sentence-transformers applies, by torch's name. */
export function crossEncoderScores(fields: Fields, stated: string): Head["scores"] {
  const name = stated.split(".").at(-1);
  if (name === "Identity") return "none";
  if (name === "Sigmoid") return "sigmoid";
  if (name === "Softmax") return "softmax";
  throw fields.wrong("activation_fn", "Identity, Sigmoid or Softmax of torch", stated);
}
