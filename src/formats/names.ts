// One canonical name for every tensor, whatever its file calls it; unknown names are no error here.

import { DeadliftError } from "../error.js";
import type { TensorInfo } from "./sizes.js";

export type Format = "safetensors" | "gguf";

interface Names {
  /** What may stand before every name, any number of times. */
  readonly prefix: RegExp;
  readonly layer: RegExp;
  readonly outer: Readonly<Record<string, string>>;
  readonly inLayer: Readonly<Record<string, string>>;
}

const names: Readonly<Record<Format, Names>> = {
  safetensors: {
    prefix: /^(?:(?:model|language_model|text_model)\.)+/,
    layer: /^layers\.(0|[1-9]\d{0,3})\.(.+)$/,
    outer: { embed_tokens: "embed", norm: "norm", lm_head: "output" },
    inLayer: {
      input_layernorm: "attention.norm",
      "self_attn.q_proj": "attention.q",
      "self_attn.k_proj": "attention.k",
      "self_attn.v_proj": "attention.v",
      "self_attn.o_proj": "attention.o",
      "self_attn.q_norm": "attention.q_norm",
      "self_attn.k_norm": "attention.k_norm",
      post_attention_layernorm: "ffn.norm",
      "mlp.gate_proj": "ffn.gate",
      "mlp.up_proj": "ffn.up",
      "mlp.down_proj": "ffn.down",
    },
  },
  gguf: {
    prefix: /^(?!)/,
    layer: /^blk\.(0|[1-9]\d{0,3})\.(.+)$/,
    outer: { token_embd: "embed", output_norm: "norm", output: "output", rope_freqs: "rope.factors" },
    inLayer: {
      attn_norm: "attention.norm",
      attn_q: "attention.q",
      attn_k: "attention.k",
      attn_v: "attention.v",
      attn_output: "attention.o",
      attn_q_norm: "attention.q_norm",
      attn_k_norm: "attention.k_norm",
      ffn_norm: "ffn.norm",
      ffn_gate: "ffn.gate",
      ffn_up: "ffn.up",
      ffn_down: "ffn.down",
    },
  },
};

/** The canonical name of a tensor ("layers.0.attention.q", its bias "layers.0.attention.q.bias"), or undefined. */
export function canonicalName(format: Format, name: string): string | undefined {
  const { prefix, layer, outer, inLayer } = names[format];
  const match = /^(.*)\.(weight|bias)$/s.exec(name.replace(prefix, ""));
  if (!match) return undefined;
  const [, stem, part] = match as unknown as [string, string, string];
  const inside = layer.exec(stem);
  const table = inside ? inLayer : outer;
  const key = inside ? inside[2]! : stem;
  if (!Object.hasOwn(table, key)) return undefined;
  const canonical = inside ? `layers.${inside[1]}.${table[key]}` : table[key]!;
  return part === "bias" ? `${canonical}.bias` : canonical;
}

/** The name in GGUF of a tensor of this canonical name; undefined for what GGUF has no name for. */
export function ggufName(canonical: string): string | undefined {
  const { outer, inLayer } = names.gguf;
  const bias = canonical.endsWith(".bias");
  const stem = bias ? canonical.slice(0, -".bias".length) : canonical;
  const [, layer, part = ""] = /^layers\.(\d+)\.(.+)$/.exec(stem) ?? [];
  const table = Object.entries(layer === undefined ? outer : inLayer);
  const name = table.find(([, meaning]) => meaning === (layer === undefined ? stem : part))?.[0];
  if (name === undefined) return undefined;
  return `${layer === undefined ? name : `blk.${layer}.${name}`}.${bias ? "bias" : "weight"}`;
}

export interface NamedTensors<T extends TensorInfo> {
  readonly tensors: Map<string, T>;
  /** Tensors whose names mean nothing to us. */
  readonly unused: T[];
}

/**
 * Tensors by canonical name. `ties` are the names of shared tensors that were not stored, to those that were (what
 * Python's safetensors writes into `__metadata__`). Throws when two tensors mean the same.
 */
export function nameTensors<T extends TensorInfo>(
  format: Format,
  stored: readonly T[],
  ties: ReadonlyMap<string, string> = new Map(),
): NamedTensors<T> {
  const tensors = new Map<string, T>();
  const unused: T[] = [];
  for (const tensor of stored) {
    const name = canonicalName(format, tensor.name);
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
  addTies(format, tensors, stored, ties);
  return { tensors, unused };
}

function addTies<T extends TensorInfo>(
  format: Format,
  tensors: Map<string, T>,
  stored: readonly T[],
  ties: ReadonlyMap<string, string>,
): void {
  if (ties.size === 0) return;
  const byName = new Map(stored.map((tensor) => [tensor.name, tensor]));
  for (const [name, source] of ties) {
    const canonical = canonicalName(format, name);
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
