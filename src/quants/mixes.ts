// From a file type to the type of each tensor, as llama.cpp's llama-quantize chooses.

import { DeadliftError } from "../error.js";
import type { FileType } from "./file_types.js";
import { type QuantName, quantOf } from "./index.js";
import { type MixModel, type MixPlace, outputType, type Role, roleType } from "./mix_rules.js";

export type { MixModel } from "./mix_rules.js";

export interface MixTensor {
  /** As GGUF names it. */
  readonly name: string;
  /** Outermost first. */
  readonly shape: readonly number[];
}

export interface MixOptions {
  /** An importance matrix is there. */
  readonly imatrix?: boolean;
  /** Types for tensors whose names match, which win; the first that matches counts. */
  readonly overrides?: readonly (readonly [pattern: RegExp, quant: QuantName])[];
}

/** Small matrices, and such as a little noise ruins: they stay as they are. */
const kept =
  /_norm\.weight|ffn_gate_(inp|tid2eid)\.weight|altup|laurel|per_layer_model_proj|ssm_conv1d|shortconv\.conv\.weight|indexer\.[qk]_proj\.weight|time_mix_(first|w[0-2]|v[0-2]|a[0-2]|g[12]|decay_w[12]|lerp_fused)\.weight|attn_rel_b\.weight|\.position_embd|sam\.(pos_embd|neck\.|net_)|\.rel_pos|\.patch_(embd|merger)|a\.rvq\.codebook|mm\.a\.code_embd|^(position_embd|token_types)\.weight$/;

/** A tensor whose type a quantisation may change: matrices of weights. */
export function canQuantise({ name, shape }: MixTensor): boolean {
  return dimensions(shape) >= 2 && name.endsWith("weight") && !kept.test(name);
}

/** Dimensions as ggml counts them: leading ones are none. */
function dimensions(shape: readonly number[]): number {
  const first = shape.findIndex((size) => size > 1);
  return first < 0 ? 1 : shape.length - first;
}

/** llama.cpp goes through tensors by layer, then by name, which matters to rules that count. */
export function inLayerOrder<T extends MixTensor>(tensors: readonly T[]): T[] {
  const layer = ({ name }: T) => Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1);
  return tensors.toSorted((a, b) => layer(a) - layer(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/**
 * The type of each tensor that can be quantised, by name; others are not in the map. Throws UnsupportedQuant where rows
 * are no whole blocks and nothing else will do.
 */
export function chooseTypes(
  fileType: FileType,
  model: MixModel,
  tensors: readonly MixTensor[],
  { imatrix = false, overrides = [] }: MixOptions = {},
): Map<string, QuantName> {
  const counter = new RoleCounter(tensors, model);
  const chosen = new Map<string, QuantName>();
  for (const tensor of inLayerOrder(tensors).filter(canQuantise)) {
    const { name, shape } = tensor;
    const override = overrides.find(([pattern]) => pattern.test(name))?.[1];
    if (override !== undefined) {
      chosen.set(name, fitting(override, tensor));
    } else if (quantOf(fileType.quant).block === 1) {
      chosen.set(name, fileType.quant);
    } else {
      const place = { fileType, ...counter.next(tensor), columns: shape.at(-1)!, imatrix, model };
      chosen.set(name, fitting(typeFor(place, counter.tied), tensor));
    }
  }
  return chosen;
}

function typeFor(place: MixPlace, tied: boolean): QuantName {
  const isOutput = place.role === "output" || (place.role === "embedding" && tied);
  return isOutput ? outputType(place, place.columns % quantOf(place.fileType.quant).block === 0) : roleType(place);
}

/** Without weights to go by, types of so few bits make garbage. `fileType` is what was asked for. */
export function needsImportance(name: string, quant: QuantName, fileType: FileType): boolean {
  if (/^(token_embd|per_layer_token_embd|output)\.weight$/.test(name)) return false;
  if (quant === "Q2_K") return fileType.name === "Q2_K_S";
  return ["IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS"].includes(quant);
}

/** By substrings and in this order, since names come with additions ("ffn_down_exps"). */
const roles: readonly (readonly [RegExp, Role])[] = [
  [/^output\.weight$/, "output"],
  [/^(per_layer_)?token_embd\.weight$/, "embedding"],
  [/attn_(qkv|kv_b|v)\.weight/, "value"],
  [/attn_k\.weight/, "key"],
  [/attn_q\.weight/, "query"],
  [/attn_output\.weight/, "attentionOutput"],
  [/ffn_up/, "up"],
  [/ffn_gate/, "gate"],
  [/ffn_down/, "down"],
];

const roleOf = (name: string): Role => roles.find(([pattern]) => pattern.test(name))?.[1] ?? "other";

/** Numbers the tensors of each role as llama.cpp does. */
class RoleCounter {
  /** There is no output matrix: the embedding table serves as one. */
  readonly tied: boolean;
  readonly #values: number;
  readonly #next = new Map<Role, number>();

  constructor(
    tensors: readonly MixTensor[],
    readonly model: MixModel,
  ) {
    const found = tensors.map(({ name }) => roleOf(name));
    this.tied = !found.includes("output");
    this.#values = found.filter((role) => role === "value").length;
  }

  next({ name, shape }: MixTensor): Pick<MixPlace, "role" | "number" | "index" | "count" | "stacked"> {
    const role = roleOf(name);
    const number = this.#next.get(role) ?? 0;
    this.#next.set(role, number + 1);
    // Experts' matrices of a layer may be several tensors, not always neighbours.
    const layer = ["up", "gate", "down"].includes(role) && this.model.experts > 1 ? /^blk\.(\d+)\./.exec(name) : null;
    const count = role === "value" ? this.#values : this.model.layers;
    return { role, number, index: layer ? Number(layer[1]) : number, count, stacked: dimensions(shape) > 2 };
  }
}

/** Next best types for rows that are no whole blocks of 64 or 256. */
const smaller: Readonly<Partial<Record<QuantName, QuantName>>> = {
  IQ1_S: "IQ4_NL",
  IQ1_M: "IQ4_NL",
  IQ2_XXS: "IQ4_NL",
  IQ2_XS: "IQ4_NL",
  IQ2_S: "IQ4_NL",
  IQ3_XXS: "IQ4_NL",
  IQ3_S: "IQ4_NL",
  IQ4_XS: "IQ4_NL",
  NVFP4: "IQ4_NL",
  Q2_0: "Q4_0",
  Q2_K: "Q4_0",
  Q3_K: "Q4_0",
  TQ1_0: "Q4_0",
  TQ2_0: "Q4_0",
  Q4_K: "Q5_0",
  Q5_K: "Q5_1",
  Q6_K: "Q8_0",
};

function fitting(quant: QuantName, { name, shape }: MixTensor): QuantName {
  const columns = shape.at(-1)!;
  const fits = (type: QuantName) => columns % quantOf(type).block === 0;
  if (fits(quant)) return quant;
  const next = smaller[quant];
  if (!next && quantOf(quant).block > 32) {
    throw new DeadliftError(
      "UnsupportedQuant",
      `expected rows of whole blocks of ${quantOf(quant).block} for tensor "${name}" as ${quant}, received ${columns} columns`,
    );
  }
  return next && fits(next) ? next : "F16";
}
