// One canonical name for every tensor, whatever its file calls it; unknown names are no error here.

import { DeadliftError } from "../error.js";
import { type FamilyNames, familyNames } from "./families/index.js";
import type { TensorInfo } from "./sizes.js";
import { viewParts } from "./views.js";

export type Format = "safetensors" | "gguf";

/** Of most models. */
const names: Readonly<Record<Format, Required<Omit<FamilyNames, "turned">>>> = {
  safetensors: {
    prefix: /^(?:(?:model|language_model|text_model)\.)+/,
    layer: /^layers\.(0|[1-9]\d{0,3})\.(.+)$/,
    outer: { embed_tokens: "embed", norm: "norm", lm_head: "output", score: "head.classes" },
    inLayer: {
      input_layernorm: "attention.norm",
      "self_attn.q_proj": "attention.q",
      "self_attn.k_proj": "attention.k",
      "self_attn.v_proj": "attention.v",
      "self_attn.o_proj": "attention.o",
      "self_attn.qkv_proj": "attention.qkv",
      "self_attn.q_norm": "attention.q_norm",
      "self_attn.k_norm": "attention.k_norm",
      post_attention_layernorm: "ffn.norm",
      "mlp.gate_proj": "ffn.gate",
      "mlp.up_proj": "ffn.up",
      "mlp.down_proj": "ffn.down",
      "mlp.gate_up_proj": "ffn.gate_up",
      "mlp.router": "ffn.router",
      "mlp.gate": "ffn.router",
      "mlp.experts.*.gate_proj": "ffn.experts.*.gate",
      "mlp.experts.*.up_proj": "ffn.experts.*.up",
      "mlp.experts.*.down_proj": "ffn.experts.*.down",
      "mlp.shared_experts.gate_proj": "ffn.shared.gate",
      "mlp.shared_experts.up_proj": "ffn.shared.up",
      "mlp.shared_experts.down_proj": "ffn.shared.down",
    },
    bare: {
      "self_attn.sinks": "attention.sinks",
      "mlp.gate.e_score_correction_bias": "ffn.correction.bias",
      "mlp.e_score_correction_bias": "ffn.correction.bias",
    },
    spare: {},
  },
  gguf: {
    prefix: /^(?!)/,
    layer: /^blk\.(0|[1-9]\d{0,3})\.(.+)$/,
    outer: {
      token_embd: "embed",
      output_norm: "norm",
      output: "output",
      rope_freqs: "rope.factors",
      rope_factors_short: "rope.short_factors",
      rope_factors_long: "rope.long_factors",
      position_embd: "embed.positions",
      token_types: "embed.segments",
      token_embd_norm: "embed.norm",
      cls: "head.dense",
      "cls.output": "head.classes",
      "cls.norm": "head.norm",
      dense_2: "head.0.dense",
      dense_3: "head.1.dense",
    },
    inLayer: {
      attn_norm: "attention.norm",
      attn_q: "attention.q",
      attn_k: "attention.k",
      attn_v: "attention.v",
      attn_output: "attention.o",
      attn_qkv: "attention.qkv",
      attn_q_norm: "attention.q_norm",
      attn_k_norm: "attention.k_norm",
      ffn_norm: "ffn.norm",
      ffn_gate: "ffn.gate",
      ffn_up: "ffn.up",
      ffn_down: "ffn.down",
      attn_sinks: "attention.sinks",
      ffn_gate_inp: "ffn.router",
      ffn_gate_exps: "ffn.experts.gate",
      ffn_up_exps: "ffn.experts.up",
      ffn_down_exps: "ffn.experts.down",
      ffn_gate_up_exps: "ffn.experts.gate_up",
      ffn_gate_inp_shexp: "ffn.shared.router",
      ffn_gate_shexp: "ffn.shared.gate",
      ffn_up_shexp: "ffn.shared.up",
      ffn_down_shexp: "ffn.shared.down",
      exp_probs_b: "ffn.correction",
    },
    // Some converters leave out what kind of tensor it is.
    bare: { exp_probs_b: "ffn.correction.bias" },
    spare: {},
  },
};

/** As layer norms that were made in TensorFlow call their weights and biases. */
const oldParts: Readonly<Record<string, string>> = { gamma: "weight", beta: "bias" };

/**
 * The canonical name of a tensor ("layers.0.attention.q", its bias "layers.0.attention.q.bias"), or undefined.
 * `type`: the model type, as the file says it.
 */
export function canonicalName(format: Format, name: string, type?: string): string | undefined {
  const own = familyNames(format, type);
  const whole = withoutPrefix(format, name, type);
  const [, stem = whole, part] = /^(.*)\.(weight|bias)$/s.exec(whole) ?? [];
  const place = placeInLayer(format, stem, type);
  const table = place ? (part === undefined ? "bare" : "inLayer") : "outer";
  if (table === "outer" && part === undefined) return undefined;
  const key = place?.name ?? stem;
  const meaning = meaningOf(own?.[table], key) ?? meaningOf(names[format][table], key);
  if (meaning === undefined) return undefined;
  const canonical = place ? `layers.${place.layer}.${meaning}` : meaning;
  return part === "bias" ? `${canonical}.bias` : canonical;
}

function withoutPrefix(format: Format, name: string, type?: string): string {
  const { prefix = names[format].prefix } = familyNames(format, type) ?? {};
  return name.replace(prefix, "").replace(/(?<=LayerNorm\.)(?:gamma|beta)$/, (part) => oldParts[part]!);
}

/** Also where the table has "*" for a number. */
function meaningOf(table: Readonly<Record<string, string>> = {}, key: string): string | undefined {
  if (Object.hasOwn(table, key)) return table[key];
  const numbers = /(?<=\.)(?:0|[1-9]\d{0,4})(?=\.|$)/;
  const [number] = numbers.exec(key) ?? [];
  const pattern = key.replace(numbers, "*");
  return Object.hasOwn(table, pattern) ? table[pattern]!.replace("*", number!) : undefined;
}

/** The number of the layer that a tensor belongs to, and what it is called there; undefined for those of no layer. */
export function placeInLayer(format: Format, name: string, type?: string): { layer: string; name: string } | undefined {
  const own = familyNames(format, type);
  const { prefix = names[format].prefix, layer = names[format].layer } = own ?? {};
  const [, index, inside] = layer.exec(name.replace(prefix, "")) ?? [];
  return index !== undefined && inside !== undefined ? { layer: index, name: inside } : undefined;
}

/**
 * The name in GGUF of a tensor of this canonical name; undefined for what GGUF has no name for. `type`: as GGUF calls the
 * architecture.
 */
export function ggufName(canonical: string, type?: string): string | undefined {
  const own = familyNames("gguf", type);
  const bias = canonical.endsWith(".bias");
  const stem = bias ? canonical.slice(0, -".bias".length) : canonical;
  const [, layer, part = ""] = /^layers\.(\d+)\.(.+)$/.exec(stem) ?? [];
  const table = layer === undefined ? "outer" : "inLayer";
  const entries = [...Object.entries(own?.[table] ?? {}), ...Object.entries(names.gguf[table])];
  const name = entries.find(([, meaning]) => meaning === (layer === undefined ? stem : part))?.[0];
  if (name === undefined) return undefined;
  return `${layer === undefined ? name : `blk.${layer}.${name}`}.${bias ? "bias" : "weight"}`;
}

export interface NamedTensors<T extends TensorInfo> {
  readonly tensors: Map<string, T>;
  /** Tensors whose names mean nothing to us. */
  readonly unused: T[];
}

export interface NameOptions {
  /** The model type, as the file says it. */
  readonly type?: string | undefined;
  /** The names of shared tensors that were not stored, to those that were (`__metadata__` of Python's safetensors). */
  readonly ties?: ReadonlyMap<string, string>;
}

/** Tensors by canonical name. Throws when two tensors mean the same. */
export function nameTensors<T extends TensorInfo>(
  format: Format,
  stored: readonly T[],
  { type, ties = new Map() }: NameOptions = {},
): NamedTensors<T> {
  const tensors = new Map<string, T>();
  const unused: T[] = [];
  const spare = familyNames(format, type)?.spare ?? {};
  const spares: [string, T][] = [];
  for (const tensor of stored) {
    const whole = withoutPrefix(format, tensor.name, type);
    if (Object.hasOwn(spare, whole)) {
      spares.push([spare[whole]!, tensor]);
      continue;
    }
    const name = canonicalName(format, tensor.name, type);
    if (name === undefined) {
      unused.push(tensor);
      continue;
    }
    const other = tensors.get(name);
    if (other) {
      throw new DeadliftError(
        format === "gguf" ? "InvalidGguf" : "InvalidSafetensors",
        `expected one tensor for "${name}", received "${other.name}" and "${tensor.name}"`,
      );
    }
    tensors.set(name, tensor);
  }
  for (const [name, tensor] of spares) if (!tensors.has(name)) tensors.set(name, tensor);
  addTies(format, tensors, stored, { type, ties });
  viewParts(tensors);
  return { tensors, unused };
}

function addTies<T extends TensorInfo>(
  format: Format,
  tensors: Map<string, T>,
  stored: readonly T[],
  { type, ties = new Map() }: NameOptions,
): void {
  if (ties.size === 0) return;
  const byName = new Map(stored.map((tensor) => [tensor.name, tensor]));
  for (const [name, source] of ties) {
    const canonical = canonicalName(format, name, type);
    const tensor = byName.get(source);
    if (canonical !== undefined && tensor && !tensors.has(canonical)) tensors.set(canonical, tensor);
  }
}

/** With a tied output, `embed` and `output` are one tensor, whichever of the two was stored. */
export function tieOutput<T extends TensorInfo>(tensors: Map<string, T>): void {
  const embed = tensors.get("embed");
  const output = tensors.get("output");
  if (embed && !output) tensors.set("output", embed);
  if (output && !embed) tensors.set("embed", output);
}
