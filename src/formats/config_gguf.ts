// GGUF metadata (and what tensors are there) to Config.

import { DeadliftError } from "../error.js";
import { type Config, plain } from "../program/config.js";
import { checkExperts, checkGroups, checkHeads, checkLayers } from "./config_checks.js";
import { readGgufRope } from "./config_gguf_rope.js";
import { ggufHead } from "./families/heads_gguf.js";
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
  const stated = new Fields(source, (key) => uniform(metadata.get(`${architecture}.${key}`)));
  const own = known.sizes?.(stated);
  const fields = own ? new Fields(source, (key) => own[key] ?? stated.get(key)) : stated;
  if (fields.get("expert_count") && !known.mixture) {
    throw new DeadliftError("UnsupportedArchitecture", `cannot run ${source}: a ${architecture} with experts`);
  }
  const sizes = readSizes(fields, metadata, tensors);
  const has = (name: string) => tensors.has(`layers.0.${name}`);
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
    rope: readGgufRope(fields, known, sizes, tensors),
    turns: Array.from({ length: sizes.layers }, () => true),
    windows: readWindows(fields, known, sizes.layers),
    bias: {
      qkv: has("attention.q.bias") || has("attention.qkv.bias"),
      attentionOutput: has("attention.o.bias"),
      ffn: has("ffn.up.bias"),
    },
    tiedOutput: !tensors.has("output"),
    output: { ...plain.output, bias: tensors.has("output.bias") },
    causal: fields.boolean("attention.causal", true),
    tokens: readTokens(metadata, sizes.vocab, source),
  };
  const whole = { ...config, ...known.more?.(fields, config, tensors) };
  return { ...whole, head: ggufHead(fields, known, whole, tensors) };
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

/** llama.cpp's rules: a list of the layers that have one, or every so many that have none; else the architecture decides. */
function readWindows(fields: Fields, { slides = () => true }: Known, layers: number): Config["windows"] {
  const window = fields.get("attention.sliding_window") ? fields.size("attention.sliding_window") : undefined;
  const key = "attention.sliding_window_pattern";
  const pattern = fields.get(key);
  if (Array.isArray(pattern)) {
    if (pattern.length !== layers) throw fields.wrong(key, `a list of ${layers}`, pattern);
    return pattern.map((slide) => (slide ? window : undefined));
  }
  const every = fields.optionalSize(key);
  const has = every === undefined ? slides : (layer: number) => (layer + 1) % every !== 0;
  return Array.from({ length: layers }, (_, layer) => (has(layer) ? window : undefined));
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

function readTokens(metadata: Metadata, vocab: number, source: string): Config["tokens"] {
  const fields = new Fields(source, (key) => metadata.get(`tokenizer.ggml.${key}_token_id`));
  const ends = ["eos", "eot", "eom"].flatMap((key) => fields.tokens(key, vocab));
  return {
    bos: fields.tokens("bos", vocab)[0],
    eos: [...new Set(ends)],
    pad: fields.tokens("padding", vocab)[0],
  };
}
