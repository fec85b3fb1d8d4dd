// How queries and keys turn, as GGUF states it: metadata, and tensors of factors.

import type { RopeConfig, RopeScaling } from "../program/config.js";
import { codecOf } from "../quants/index.js";
import type { Known } from "./families/index.js";
import type { Fields } from "./fields.js";
import type { TensorInfo } from "./sizes.js";

/** `tensors` by canonical name; where they are not mapped, their factors stay out. Throws InvalidConfig. */
export function readGgufRope(
  fields: Fields,
  { layout = "half", truncate = true }: Known,
  { headDim, contextLength }: { headDim: number; contextLength: number },
  tensors: ReadonlyMap<string, TensorInfo>,
): RopeConfig {
  const dims = fields.size("rope.dimension_count", headDim);
  if (dims > headDim || dims % 2 !== 0) {
    throw fields.wrong("rope.dimension_count", `an even number of at most ${headDim}`, dims);
  }
  return {
    theta: fields.positive("rope.freq_base", 10000),
    dims,
    layout,
    scaling: readScaling(fields, contextLength, truncate) ?? readLongrope(fields, contextLength, tensors, dims),
    factors: readFactors(fields, tensors.get("rope.factors"), dims),
  };
}

/** llama.cpp's rules: without a type, a factor means linear. */
function readScaling(fields: Fields, contextLength: number, truncate: boolean): RopeScaling | undefined {
  const key = fields.get("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
  const factor = fields.get(key) ? fields.positive(key) : 1;
  const type = fields.string("rope.scaling.type", "linear");
  switch (type) {
    case "none":
      return undefined;
    case "linear":
      return factor === 1 ? undefined : { type, factor };
    case "yarn":
      return readYarn(fields, factor, contextLength, truncate);
    case "longrope":
      return undefined;
    default:
      throw fields.wrong("rope.scaling.type", '"none", "linear", "yarn" or "longrope"', type);
  }
}

function readYarn(fields: Fields, factor: number, contextLength: number, truncate: boolean): RopeScaling {
  const natural = factor > 1 ? 0.1 * Math.log(factor) + 1 : 1;
  return {
    type: "yarn",
    factor,
    originalContextLength: fields.size("rope.scaling.original_context_length", contextLength),
    betaFast: fields.positive("rope.scaling.yarn_beta_fast", 32),
    betaSlow: fields.positive("rope.scaling.yarn_beta_slow", 1),
    attentionFactor:
      fields.positive("rope.scaling.yarn_attn_factor", natural) * fields.positive("rope.scaling.attn_factor", 1),
    truncate,
  };
}

/** Llama 3's stretching, which converters store as a tensor of divisors. */
function readFactors(fields: Fields, tensor: TensorInfo | undefined, dims: number): Float32Array | undefined {
  if (!tensor) return undefined;
  if (tensor.shape.length !== 1 || tensor.shape[0] !== dims / 2) {
    throw fields.wrong(`the shape of ${tensor.name}`, `[${dims / 2}]`, tensor.shape);
  }
  if (!tensor.file) return undefined;
  const factors = new Float32Array(dims / 2);
  codecOf(tensor.quant, tensor.name).decode(tensor.file.bytes(tensor.offset, tensor.byteLength), factors);
  const bad = factors.find((factor) => !(factor > 0 && factor < Number.POSITIVE_INFINITY));
  if (bad !== undefined) throw fields.wrong(tensor.name, "positive numbers", bad);
  return factors;
}

/** Its tensors say that it is there. */
function readLongrope(
  fields: Fields,
  contextLength: number,
  tensors: ReadonlyMap<string, TensorInfo>,
  dims: number,
): RopeScaling | undefined {
  const [short, long] = ["rope.short_factors", "rope.long_factors"].map((name) =>
    readFactors(fields, tensors.get(name), dims),
  );
  if (fields.get("rope.scaling.type") === "longrope" && !tensors.has("rope.long_factors")) {
    throw fields.wrong("rope.scaling.type", "no longrope without its factors", "longrope");
  }
  if (!short || !long) return undefined;
  return {
    type: "longrope",
    short: [...short],
    long: [...long],
    originalContextLength: fields.size("rope.scaling.original_context_length", contextLength),
    attentionFactor: fields.positive("rope.scaling.attn_factor", 1),
  };
}
