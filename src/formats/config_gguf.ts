// GGUF metadata (and what tensors are there) to Config.

import { DeadliftError } from "../error.js";
import { type Config, plain, type RopeConfig, type RopeScaling } from "../program/config.js";
import { codecOf } from "../quants/index.js";
import { checkExperts, checkGroups, checkHeads, checkLayers } from "./config_checks.js";
import { ggufTypes, type Known } from "./families/index.js";
import { Fields } from "./fields.js";
import type { Metadata } from "./gguf_metadata.js";
import type { TensorInfo } from "./sizes.js";

/** How GGUF calls an architecture of ours, and what it leaves unsaid. Throws UnsupportedArchitecture for those we do not write. */
export function ggufArchitecture(name: string): { readonly name: string; readonly known: Known } {
  const found = [...ggufTypes].find(([, one]) => one.name === name && one.writes);
  if (found) return { name: found[0], known: found[1] };
  const written = [...ggufTypes].filter(([, { writes }]) => writes).map(([, one]) => one.name);
  throw new DeadliftError(
    "UnsupportedArchitecture",
    `cannot write a model of architecture "${name}" as GGUF; those that can be: ${written.join(", ")}`,
  );
}

/**
 * The Config of a GGUF file; `tensors` by canonical name. Where they are not mapped, `rope.factors` stay undefined.
 * Throws InvalidConfig, UnsupportedArchitecture.
 */
export function configFromGguf(metadata: Metadata, tensors: ReadonlyMap<string, TensorInfo>, source: string): Config {
  const architecture = readArchitecture(metadata, source);
  const known = ggufTypes.get(architecture)!;
  const fields = new Fields(source, (key) => uniform(metadata.get(`${architecture}.${key}`)));
  if (fields.get("expert_count") && !known.mixture) {
    throw new DeadliftError("UnsupportedArchitecture", `cannot run ${source}: a ${architecture} with experts`);
  }
  const sizes = readSizes(fields, metadata, tensors);
  const window = fields.get("attention.sliding_window") ? fields.size("attention.sliding_window") : undefined;
  const { slides = () => true } = known;
  const config: Config = {
    ...plain,
    architecture: known.name,
    ...sizes,
    normEpsilon: fields.positive(
      fields.has("attention.layer_norm_epsilon") ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon",
    ),
    activation: known.activation ?? "silu",
    experts:
      known.mixture === "always" || (known.mixture && fields.get("expert_count"))
        ? readExperts(fields, sizes.layers)
        : plain.experts,
    rope: readRope(fields, known, sizes, tensors),
    turns: Array.from({ length: sizes.layers }, () => true),
    windows: Array.from({ length: sizes.layers }, (_, layer) => (slides(layer) ? window : undefined)),
    bias: {
      qkv: tensors.has("layers.0.attention.q.bias"),
      attentionOutput: tensors.has("layers.0.attention.o.bias"),
      ffn: tensors.has("layers.0.ffn.gate.bias"),
    },
    tiedOutput: !tensors.has("output"),
    tokens: readTokens(metadata, sizes.vocab, source),
  };
  return { ...config, ...known.more?.(fields, config, tensors) };
}

function readArchitecture(metadata: Metadata, source: string): string {
  const name = new Fields(source, (key) => metadata.get(key)).string("general.architecture");
  if (ggufTypes.has(name)) return name;
  const known = [...ggufTypes.keys()].join(", ");
  throw new DeadliftError(
    "UnsupportedArchitecture",
    `cannot run general.architecture "${name}" of ${source}; supported: ${known}`,
  );
}

/** Some converters write one value per layer; where all are the same it is one value. */
function uniform(value: unknown): unknown {
  if (!ArrayBuffer.isView(value)) return value;
  const list = Array.from(value as Uint32Array);
  return list.length > 0 && list.every((entry) => entry === list[0]) ? list[0] : list;
}

function readSizes(fields: Fields, metadata: Metadata, tensors: ReadonlyMap<string, TensorInfo>) {
  const dim = fields.size("embedding_length");
  const heads = fields.size("attention.head_count");
  const kvHeads = fields.size("attention.head_count_kv", heads);
  const headDim = fields.optionalSize("attention.key_length") ?? dim / heads;
  checkHeads(fields, { dim, heads, kvHeads, headDim });
  const valueDim = fields.size("attention.value_length", headDim);
  // Of latent attention they are those of the latent.
  if (valueDim !== headDim && !fields.get("attention.kv_lora_rank"))
    throw fields.wrong("attention.value_length", `${headDim} (attention.key_length)`, valueDim);
  const tokens = metadata.get("tokenizer.ggml.tokens");
  return {
    dim,
    // Where all layers have experts it may be left out.
    ffn: fields.size("feed_forward_length", fields.optionalSize("expert_feed_forward_length")),
    heads,
    kvHeads,
    headDim,
    layers: readLayers(fields),
    // The table's rows are what ids can point to; the list of tokens may be shorter.
    vocab:
      tensors.get("embed")?.shape[0] || fields.size("vocab_size", Array.isArray(tokens) ? tokens.length : undefined),
    contextLength: fields.size("context_length"),
  };
}

/** The last blocks may be for guessing further tokens: no layers of the model. */
function readLayers(fields: Fields): number {
  const blocks = checkLayers(fields, "block_count");
  const guessing = fields.get("nextn_predict_layers") ? fields.size("nextn_predict_layers") : 0;
  if (guessing < blocks) return blocks - guessing;
  throw fields.wrong("nextn_predict_layers", `fewer than the ${blocks} blocks`, guessing);
}

function readExperts(fields: Fields, layers: number): Config["experts"] {
  const count = fields.size("expert_count");
  const used = fields.size("expert_used_count");
  checkExperts(fields, "expert_count", count, used);
  const ffn = fields.optionalSize("expert_feed_forward_length") ?? fields.size("feed_forward_length");
  const dense = fields.get("leading_dense_block_count") ? fields.size("leading_dense_block_count") : 0;
  const sharedCount = fields.get("expert_shared_count") ? fields.size("expert_shared_count") : 0;
  return checkGroups(fields, {
    count,
    used,
    ffn,
    shared: fields.optionalSize("expert_shared_feed_forward_length") ?? sharedCount * ffn,
    layers: Array.from({ length: layers }, (_, layer) => layer >= dense),
    share: fields.boolean("expert_weights_norm", true),
    // llama.cpp: 0 says that there is none.
    scale: fields.get("expert_weights_scale") ? fields.positive("expert_weights_scale") : 1,
    groups: fields.get("expert_group_count") ? fields.size("expert_group_count") : 1,
    groupsUsed: fields.get("expert_group_used_count") ? fields.size("expert_group_used_count") : 1,
  });
}

function readRope(
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
    scaling: readScaling(fields, contextLength, truncate),
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
    default:
      throw fields.wrong("rope.scaling.type", '"none", "linear" or "yarn"', type);
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
      natural * fields.positive("rope.scaling.yarn_attn_factor", 1) * fields.positive("rope.scaling.attn_factor", 1),
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

function readTokens(metadata: Metadata, vocab: number, source: string): Config["tokens"] {
  const fields = new Fields(source, (key) => metadata.get(`tokenizer.ggml.${key}_token_id`));
  const ends = ["eos", "eot", "eom"].flatMap((key) => fields.tokens(key, vocab));
  return {
    bos: fields.tokens("bos", vocab)[0],
    eos: [...new Set(ends)],
    pad: fields.tokens("padding", vocab)[0],
  };
}
