// Which tensors of a mix get more bits, or fewer, than the others: the rules of llama.cpp's llama-quant.cpp.

import type { FileType, FileTypeName } from "./file_types.js";
import type { QuantName } from "./index.js";

/** What the rules ask about a model. */
export interface MixModel {
  /** `general.architecture`. */
  readonly architecture: string;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** 0: none. */
  readonly experts: number;
}

/** What a tensor is for, by its name in GGUF. */
export type Role =
  | "output"
  | "embedding"
  | "value" // also fused q, k and v: what errors hurt most
  | "key"
  | "query"
  | "attentionOutput"
  | "up"
  | "gate"
  | "down"
  | "other";

/** One tensor among those of its role. */
export interface MixPlace {
  readonly fileType: FileType;
  readonly role: Role;
  /** Number of the tensor among those of its role. */
  readonly number: number;
  /** The same, except that feed-forward matrices of models with experts go by their layer. */
  readonly index: number;
  /** Of them all. */
  readonly count: number;
  readonly columns: number;
  /** It has a third dimension: the matrices of several experts. */
  readonly stacked: boolean;
  readonly imatrix: boolean;
  readonly model: MixModel;
}

type Rule = (place: MixPlace) => QuantName | undefined;

const is = (place: MixPlace, ...names: FileTypeName[]) => names.includes(place.fileType.name);
const gqa = ({ model }: MixPlace) => (model.kvHeads > 0 ? Math.floor(model.heads / model.kvHeads) : 0);
const part = ({ count }: MixPlace, of: number) => Math.floor(count / of);
const isFalcon = ({ model }: MixPlace) => model.architecture === "falcon";

/** The first and last eighth of the layers, and every third between. */
function isKeyLayer(place: MixPlace): boolean {
  const { index, count } = place;
  return index < part(place, 8) || index >= Math.floor((7 * count) / 8) || (index - part(place, 8)) % 3 === 2;
}

/** The sizes that llama.cpp calls 70B: many query heads share one value head, so that more bits there cost little. */
function is70B({ model: { architecture, layers, heads, kvHeads } }: MixPlace): boolean {
  if (architecture === "llama") return layers === 80 && heads !== kvHeads;
  return ["qwen2", "deci", "olmo"].includes(architecture) ? layers === 80 : architecture === "jais2" && layers === 68;
}

const veryLow: readonly FileTypeName[] = ["IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M"];

const embedding: Rule = (place) => {
  if (is(place, "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS")) return "Q2_K";
  if (is(place, "IQ2_S", "IQ2_M", "IQ3_XXS")) return "IQ3_S";
  return is(place, "TQ1_0", "TQ2_0", "Q2_0") ? "Q4_K" : undefined;
};

const veryLowRule: Rule = (place) => {
  const two = is(place, "IQ2_S", "IQ2_M");
  const { role, model } = place;
  if (role === "value") return gqa(place) >= 4 || model.experts >= 4 ? "Q4_K" : two ? "IQ3_S" : "Q2_K";
  if (role === "key" && model.experts === 8) return "Q4_K";
  if (role === "down" && place.number < part(place, 8)) return two ? "IQ3_S" : "Q2_K";
  if (role !== "attentionOutput") return undefined;
  if (model.experts === 8) return "Q5_K";
  return is(place, "IQ1_S", "IQ1_M") ? "IQ2_XXS" : two ? "IQ3_S" : undefined;
};

const value: Rule = (place) => {
  const shared = gqa(place) >= 4;
  if (is(place, "Q2_K")) return shared ? "Q4_K" : "Q3_K";
  if (is(place, "Q2_K_S", "IQ3_XS", "IQ3_S")) return shared ? "Q4_K" : undefined;
  if (is(place, "IQ3_XXS")) return shared ? "Q4_K" : place.imatrix ? undefined : "IQ3_S";
  if (is(place, "IQ3_M")) return "Q4_K";
  if (is(place, "Q3_K_M")) return place.index < 2 ? "Q5_K" : "Q4_K";
  if (is(place, "Q3_K_L")) return "Q5_K";
  if (is(place, "IQ4_NL", "IQ4_XS")) return shared ? "Q5_K" : undefined;
  if (is(place, "Q4_K_M", "Q5_K_M")) return isKeyLayer(place) ? "Q6_K" : undefined;
  return is(place, "Q4_K_S") && place.index < 4 ? "Q5_K" : undefined;
};

const key: Rule = (place) => {
  if (place.model.experts === 8) return "Q8_0";
  return query(place);
};

const query: Rule = (place) => (is(place, "IQ3_XS") ? "IQ3_XXS" : is(place, "IQ3_XXS") ? "IQ2_S" : undefined);

const down: Rule = (place) => {
  const falcon = isFalcon(place);
  const early = place.index < part(place, 8);
  const first = place.index < part(place, 16);
  if (is(place, "Q2_K")) return "Q3_K";
  if (is(place, "Q2_K_S")) return early ? "Q4_K" : undefined;
  if (is(place, "IQ3_XXS") && !place.imatrix) return early ? "Q4_K" : "Q3_K";
  if (is(place, "Q3_K_M")) return first ? "Q5_K" : !falcon || isKeyLayer(place) ? "Q4_K" : "Q3_K";
  if (is(place, "IQ3_M")) return early || (place.model.experts === 8 && isKeyLayer(place)) ? "Q4_K" : undefined;
  if (is(place, "Q3_K_L")) return falcon ? "Q4_K" : "Q5_K";
  if (is(place, "Q4_K_M") && falcon) return first ? "Q6_K" : isKeyLayer(place) ? "Q5_K" : "Q4_K";
  if (is(place, "Q4_K_M", "Q5_K_M")) return isKeyLayer(place) ? "Q6_K" : undefined;
  if (!early) return undefined;
  if (is(place, "IQ4_NL", "IQ4_XS")) return place.imatrix ? undefined : "Q5_K";
  if (is(place, "Q4_K_S")) return falcon ? undefined : "Q5_K";
  return place.imatrix ? (is(place, "Q4_0") ? "Q4_1" : is(place, "Q5_0") ? "Q5_1" : undefined) : undefined;
};

const attentionOutput: Rule = (place) => {
  if (isFalcon(place)) return is(place, "Q3_K_L") ? "Q4_K" : undefined;
  if (place.model.experts === 8) {
    const raised = is(place, "Q2_K", "IQ3_XS", "IQ3_XXS", "Q3_K_S", "Q3_K_M", "IQ4_NL", "Q4_K_S", "Q4_K_M", "IQ3_S");
    return raised || is(place, "IQ3_M", "IQ4_XS") ? "Q5_K" : undefined;
  }
  if (is(place, "Q2_K")) return "Q3_K";
  if (is(place, "IQ3_XXS")) return "IQ3_S";
  if (is(place, "Q3_K_M", "IQ3_M")) return "Q4_K";
  return is(place, "Q3_K_L") ? "Q5_K" : undefined;
};

const middle: Rule = (place) => {
  const inside = place.index >= part(place, 8) && place.index < Math.floor((7 * place.count) / 8);
  return is(place, "IQ3_XS") && inside ? "IQ3_XXS" : undefined;
};

const rules: Readonly<Partial<Record<Role, Rule>>> = {
  embedding,
  key,
  query,
  down,
  attentionOutput,
  up: middle,
  gate: middle,
};

/** The type of the output matrix, and of an embedding table that is the output matrix, too. `fits`: whole blocks. */
export function outputType(place: MixPlace, fits: boolean): QuantName {
  const { quant } = place.fileType;
  if (is(place, "MXFP4_MOE") || isFalcon(place) || !fits) return "Q8_0";
  if (is(place, ...veryLow, "IQ3_XXS")) return "Q5_K";
  return quant === "Q8_0" ? "Q8_0" : "Q6_K";
}

/** The type of every other tensor. */
export function roleType(place: MixPlace): QuantName {
  const { quant } = place.fileType;
  const { role } = place;
  if (is(place, "MXFP4_MOE")) return mixtureType(place);
  if (role === "embedding") return embedding(place) ?? quant;
  if (is(place, ...veryLow)) return veryLowRule(place) ?? quant;
  if (role !== "value") return rules[role]?.(place) ?? quant;
  const chosen = value(place) ?? quant;
  if (place.model.experts === 8) return "Q8_0";
  return is70B(place) && (chosen === "Q3_K" || chosen === "Q4_K") ? "Q5_K" : chosen;
}

/** Experts only; one architecture stacks other matrices, too. */
function mixtureType({ stacked, role, model }: MixPlace): QuantName {
  const expert = ["up", "gate", "down"].includes(role);
  return stacked && (model.architecture !== "bailingmoe3" || expert) ? "MXFP4" : "Q8_0";
}
