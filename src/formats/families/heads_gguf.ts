// What a GGUF file says of a model's head: how it pools, and the tensors of a classifier.

import { type Config, type Head, type HeadLayer, nextHead } from "../../program/config.js";
import type { Pooling } from "../../program/ops.js";
import type { Fields } from "../fields.js";
import type { TensorInfo } from "../sizes.js";
import type { Known } from "./family.js";
import { headLayer } from "./heads.js";

/** By `pooling_type`; 0 is none. */
const poolings: readonly (Pooling | undefined)[] = [undefined, "mean", "first", "last"];
/** Of texts that are ranked by a classifier. */
const rank = 4;

/** A file that says how it pools is one of an embedding model. Throws InvalidConfig. */
export function ggufHead(fields: Fields, known: Known, config: Config, tensors: ReadonlyMap<string, TensorInfo>): Head {
  const stated = fields.get("pooling_type") ?? 0;
  if (!Number.isSafeInteger(stated) || (stated as number) < 0 || (stated as number) > rank) {
    throw fields.wrong("pooling_type", "a number of 0 to 4", stated);
  }
  const pooling = poolings[stated as number];
  if (pooling !== undefined) return { ...nextHead, kind: "embedding", pooling, layers: denseLayers(tensors) };
  if (stated === rank || (known.heads?.classes && tensors.has("head.classes")))
    return ggufClasses(fields, known, config, tensors);
  return known.heads ? { ...nextHead, kind: "hidden" } : nextHead;
}

/** EmbeddingGemma's, which converters are told to keep. */
function denseLayers(tensors: ReadonlyMap<string, TensorInfo>): HeadLayer[] {
  return ["head.0.dense", "head.1.dense"].flatMap((weight) => {
    const tensor = tensors.get(weight);
    return tensor ? [headLayer(weight, tensor.shape[0]!, { bias: false })] : [];
  });
}

function ggufClasses(fields: Fields, known: Known, config: Config, tensors: ReadonlyMap<string, TensorInfo>): Head {
  const last = tensors.get("head.classes");
  const { pooling, layers } = known.heads?.classes?.(config, tensors) ?? { pooling: "last", layers: [] };
  const missing = last === undefined ? "head.classes" : layers.find(({ weight }) => !tensors.has(weight))?.weight;
  if (missing !== undefined)
    throw fields.wrong(`the tensor of "${missing}"`, "a classifier with all its layers", undefined);
  const width = last!.shape[0]!;
  const labels = fields.get("classifier.output_labels") ?? Array.from({ length: width }, (_, i) => `LABEL_${i}`);
  if (!Array.isArray(labels) || labels.length !== width || !labels.every((label) => typeof label === "string")) {
    throw fields.wrong("classifier.output_labels", `${width} labels`, labels);
  }
  const classes = headLayer("head.classes", width, { bias: tensors.has("head.classes.bias") });
  const scores = width === 1 ? "sigmoid" : "softmax";
  return { ...nextHead, kind: "classes", pooling, layers: [...layers, classes], labels, scores };
}
